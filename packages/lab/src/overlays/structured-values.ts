/**
 * Values in a structured network: a put stores a version at the root of its key, which copies it to its replicas and acknowledges
 * when a write quorum has it; a get reads from as many holders as meet every write that was acknowledged.
 */
import type {
  RoutingAnswer,
  RoutingCommand,
  RoutingNotice,
  RoutingTypes,
  StoredRecord
} from '@servent/key-routing/machine'
import { type NodeIndex, type Simulation, WALL_START_MS } from '@servent/simulator'
import type { GetOutcome, PutOutcome } from '../deployment.ts'
import type { GetAsk, PutAsk } from '../world.ts'
import { ExpiringMap } from './expiring-map.ts'
import { ENVELOPE_BYTES } from './file-records.ts'
import { expiryNow } from './structured-records.ts'

/** A value of some hundred bytes with its key and its statement: all of one length, and nothing in them. */
const BODY = new Uint8Array(512 + ENVELOPE_BYTES)
const NO_SUBJECT = new Uint8Array(0)
/** As many holders as meet every write that was acknowledged. */
const QUORUM_OF_WRITES = 0

type Told = Extract<RoutingNotice, { type: 'published' | 'value-read' }>

export class StructuredValues {
  readonly #simulation: () => Simulation<RoutingTypes>
  readonly #begun: ExpiringMap<number, (told: Told) => void>
  /** Whose command is being given: an origin that is the root itself may be done before it has a number. */
  #beginning: ((told: Told) => void) | undefined

  /** `waitsUs`: as long as whoever puts or gets. */
  constructor(waitsUs: number, simulation: () => Simulation<RoutingTypes>) {
    this.#simulation = simulation
    this.#begun = new ExpiringMap(waitsUs, () => simulation().nowUs)
  }

  put(origin: NodeIndex, { key }: PutAsk, version: number, done: (outcome: PutOutcome) => void): void {
    const simulation = this.#simulation()
    const record: StoredRecord = {
      kind: 'value',
      key,
      publisher: simulation.contactOf(origin),
      // The writer's clock in a real network. Here the clocks agree, and no two writers share a moment.
      sequence: WALL_START_MS + version,
      expiresMs: expiryNow(simulation),
      subject: NO_SUBJECT,
      body: BODY
    }
    this.#command(origin, { type: 'publish', records: [record] }, told => {
      const outcome = told.type === 'published' ? told.outcomes[0] : undefined
      done(outcome === 'kept' ? 'acknowledged' : outcome === 'few-copies' ? 'few-copies' : 'failed')
    })
  }

  /** Where too few holders answer to tell which version is the newest, a peer says so: that is no answer. */
  get(origin: NodeIndex, { key }: GetAsk, done: (outcome: GetOutcome) => void): void {
    this.#command(origin, { type: 'read-value', key, quorum: QUORUM_OF_WRITES }, told => {
      if (told.type !== 'value-read' || told.failure !== undefined || told.incomplete === true) done('failed')
      else done({ version: told.record && told.record.sequence - WALL_START_MS })
    })
  }

  /** Whether it was about a put or a get. */
  onNotice(notice: RoutingNotice): boolean {
    if (notice.type !== 'published' && notice.type !== 'value-read') return false
    const told = this.#begun.get(notice.command) ?? this.#beginning
    if (told === undefined) return false
    this.#beginning = undefined
    this.#begun.delete(notice.command)
    told(notice)
    return true
  }

  #command(origin: NodeIndex, command: RoutingCommand, told: (told: Told) => void): void {
    this.#beginning = told
    const number = this.#simulation().command(origin, command)
    if (this.#beginning !== undefined) this.#begun.set(number, told)
    this.#beginning = undefined
  }
}

/** The newest of some versions of a value, as the validator of a key without a namespace says. */
export function newestOf(records: readonly StoredRecord[]): RoutingAnswer {
  const sequences = records.map(({ sequence }) => sequence)
  return { type: 'selected', index: sequences.indexOf(Math.max(...sequences)) }
}
