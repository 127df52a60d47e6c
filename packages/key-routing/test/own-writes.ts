/** Values and contents of one peer over a made-up network of one store, which the test may hold up. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { contactOf } from '@servent/libp2p-host'
import { nameOf } from '../src/records.ts'

import { ServiceCommands } from '../src/service-commands.ts'
import { PUBLISHED_LIFETIME_MS, VALUE_MS } from '../src/service-constants.ts'
import { ServiceValues } from '../src/service-values.ts'
import type { StoredRecord, StoreOutcome } from '../src/store-messages.ts'
import type { RoutingCommand, RoutingNotice } from '../src/types.ts'
import { statementOf, Validators } from '../src/validators.ts'

export const START_MS = 1_700_000_000_000

export class OwnWrites {
  static async create(): Promise<OwnWrites> {
    return new OwnWrites(await generateKeyPair('Ed25519'))
  }

  wallMs = START_MS
  /** By kind and key: what is there. The larger sequence wins. */
  readonly kept = new Map<string, StoredRecord>()
  /** In the order in which they were taken. */
  readonly published: StoredRecord[] = []
  /** Waited for before a record is taken. */
  hold: (record: StoredRecord) => Promise<void> = async () => {}
  readonly values: ServiceValues
  readonly commands: ServiceCommands
  #ids = 0
  #sequence = 0

  private constructor(privateKey: Awaited<ReturnType<typeof generateKeyPair>>) {
    const peerId = peerIdFromPrivateKey(privateKey)
    this.commands = new ServiceCommands({
      command: command => {
        this.#ids += 1
        const id = this.#ids
        setImmediate(() => void this.#answer(id, command))
        return id
      }
    })
    this.values = new ServiceValues({
      commands: this.commands,
      readiness: { wait: async () => VALUE_MS },
      clock: {
        nowMs: () => this.wallMs,
        wallMs: () => this.wallMs,
        setTimeout: () => undefined,
        clearTimeout: () => {}
      },
      overlay: 'chord',
      self: peerId.toString(),
      stamp: () => {
        this.#sequence = Math.max(this.#sequence + 1, this.wallMs)
        return {
          privateKey,
          self: contactOf(peerId, []),
          sequence: this.#sequence,
          expiresMs: this.wallMs + PUBLISHED_LIFETIME_MS
        }
      },
      validators: new Validators()
    })
  }

  /** What is there of values, as text. */
  texts(): string[] {
    return [...this.kept.values()]
      .filter(({ kind }) => kind === 'value')
      .map(record => new TextDecoder().decode(statementOf(record).value))
  }

  async #answer(command: number, given: RoutingCommand): Promise<void> {
    let notice: RoutingNotice | undefined
    if (given.type === 'publish') {
      const outcomes: StoreOutcome[] = []
      for (const record of given.records) {
        await this.hold(record)
        outcomes.push(this.#keep(record))
      }
      notice = { type: 'published', command, outcomes, copies: outcomes.map(() => 1) }
    } else if (given.type === 'read-value') {
      const record = this.kept.get(`value ${nameOf(given.key)}`)
      notice = { type: 'value-read', command, holders: 1, ...(record !== undefined && { record }) }
    }
    if (notice !== undefined) this.commands.onNotice(notice)
  }

  #keep(record: StoredRecord): StoreOutcome {
    const name = `${record.kind} ${nameOf(record.key)}`
    if ((this.kept.get(name)?.sequence ?? 0) > record.sequence) return 'older'
    this.kept.set(name, record)
    this.published.push(record)
    return 'kept'
  }
}
