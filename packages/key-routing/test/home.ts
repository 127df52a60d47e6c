/** One keeper of records under a router, whose world and peers are the test. */
import type { Key } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import {
  type LookupFound,
  RecordKeeper,
  type RoutingQuestion,
  STORE_SETTINGS,
  type StoredRecord,
  type StoreOutcome,
  type StoreRecords,
  type StoreSettings
} from '../src/machine.ts'
import { keyAt, Solo } from './solo.ts'

/** One keeper alone, that is the root of everything and has the replicas that the test says. */
export class Home extends Solo {
  readonly keeper: RecordKeeper
  /** Keys that the keeper looked up. */
  readonly lookups: Key[] = []
  /** Whether every lookup fails at once. */
  isCutOff = false
  /** What every lookup finds; where it is not set, lookups are the router's. */
  root: Pick<LookupFound, 'root' | 'from' | 'to' | 'replicas'> | undefined
  #nextId = 100

  constructor(settings: Partial<StoreSettings> = {}) {
    super()
    this.routing.root = () => ({ from: keyAt(0), to: keyAt(0) })
    this.keeper = new RecordKeeper(
      { ...STORE_SETTINGS, ...settings },
      {
        calls: this.router.calls,
        routing: this.routing,
        findRoot: (key, done, effects) => {
          this.lookups.push(key)
          if (this.isCutOff) done({ failed: 'no-route', hops: 0, timeouts: 0, elapsedMs: 0 }, effects)
          else if (this.root !== undefined)
            done({ ...this.root, hops: 1, timeouts: 0, elapsedMs: 0 }, effects)
          else this.router.lookup(key, { purpose: 'user' }, done, effects)
        }
      }
    )
    this.router.use(this.keeper)
  }

  record(publisher: number, fields: Partial<StoredRecord> = {}): StoredRecord {
    return {
      kind: 'word',
      key: keyAt(1),
      publisher: testContact(publisher),
      sequence: 1,
      expiresMs: this.effects.wall + 1000,
      subject: keyAt(9),
      body: new Uint8Array(8),
      ...fields
    }
  }

  /** A request comes in; gives the outcomes where they were answered at once. */
  store(link: number, records: readonly StoredRecord[], as: StoreRecords['as'] = 'root') {
    this.#nextId += 1
    this.effects.take()
    this.give({ type: 'message', link, message: { type: 'store', id: this.#nextId, as, records } })
    return this.stored()
  }

  stored(): readonly StoreOutcome[] | undefined {
    const last = this.effects.sent().findLast(message => message.type === 'stored')
    return last?.type === 'stored' ? last.outcomes : undefined
  }

  questions(): { id: number; question: RoutingQuestion }[] {
    return this.effects.log.flatMap(effect =>
      effect.type === 'ask' ? [{ id: effect.id, question: effect.question as RoutingQuestion }] : []
    )
  }

  verified(good: readonly boolean[], id = this.questions().at(-1)!.id) {
    this.give({ type: 'answer', id, answer: { type: 'verified', good } })
    return this.stored()
  }
}
