/** Chord as a libp2p service: its machine under what every key-routed overlay gives (`KeyRoutedService`). */
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { KeyRoutedService } from '@servent/key-routing'
import { type Clock, type HostComponents, systemClock } from '@servent/libp2p-host'
import type { NeighbourSnapshot } from '@servent/overlay'
import { ChordMachine } from './machine.ts'
import { LEAVE_MS } from './service-limits.ts'
import { type ChordInit, limitsOf, settingsOf } from './service-settings.ts'
import { chordView, rolesOf } from './service-tables.ts'
import type { ChordMode, ChordNotice, ChordTables, ChordTypes } from './types.ts'
import { chordCodec } from './wire.ts'

export const CHORD_PROTOCOL = '/servent/chord/1.0.0'

/** What libp2p gives a service, beside what a host needs. */
export interface ChordComponents extends HostComponents {
  readonly privateKey?: PrivateKey
}

interface Bootstrap {
  readonly peerId: PeerId
  readonly address: Multiaddr
}

/** Between two looks at the tables while somebody waits for them. */
const LOOK_MS = 20

/** A member of a ring answers lookups; before, they end at once as `not-ready`. */
const MEMBER: ReadonlySet<ChordMode> = new Set(['forming', 'ring'])

export class ChordService extends KeyRoutedService<ChordTypes> {
  readonly #clock: Clock
  readonly #bootstrap: readonly Bootstrap[]
  #mismatch: string | undefined

  /**
   * @throws TypeError   there is no private key
   * @throws RangeError  a bootstrap address has no `/p2p`
   * @throws Error       a bootstrap address is no multiaddr
   */
  constructor(components: ChordComponents, init: ChordInit = {}) {
    const privateKey = init.privateKey ?? components.privateKey
    if (privateKey === undefined)
      throw new TypeError(
        'Chord signs records: give it the private key of the node, as chord({ privateKey }).'
      )
    const settings = settingsOf(init)
    super(
      components,
      { ...init, privateKey },
      {
        name: 'chord',
        protocol: CHORD_PROTOCOL,
        codec: chordCodec,
        createMachine: () => new ChordMachine(settings),
        limits: limitsOf(settings),
        onNotice: notice => this.#noticed(notice),
        describe: tables => this.#describe(tables)
      }
    )
    this.#clock = init.clock ?? systemClock
    this.#bootstrap = (init.bootstrap ?? []).map(bootstrapOf)
  }

  override async start(): Promise<void> {
    this.#mismatch = undefined
    await super.start()
    for (const { peerId, address } of this.#bootstrap) this.host.addContact(peerId, [address])
  }

  /** Leaves the ring in good order: records are handed over, and neighbours told who follows whom. */
  override async beforeStop(): Promise<void> {
    await this.#leave()
    await super.beforeStop()
  }

  /**
   * Resolves when this peer is a member of a ring of at least so many peers, itself among them. It sees as many
   * as its successor list holds, and one. Alone it is a ring at once, so whoever has just begun wants 2 or more.
   *
   * @throws whatever the signal aborts with
   */
  async ready({ peers = 1, signal }: { peers?: number; signal?: AbortSignal } = {}): Promise<void> {
    await this.#until(tables => MEMBER.has(tables.mode) && rolesOf(tables).size + 1 >= peers, signal)
  }

  async #leave(): Promise<void> {
    if (this.host.state !== 'running') return
    const late = new AbortController()
    const timer = this.#clock.setTimeout(() => late.abort(), LEAVE_MS)
    try {
      this.host.command({ type: 'leave' })
      await this.#until(({ mode }) => mode === 'idle', late.signal)
    } catch {
      // Whoever was to take records over does not answer: replicas have them, and stabilisation finds us gone.
    } finally {
      this.#clock.clearTimeout(timer)
    }
  }

  async #until(is: (tables: ChordTables) => boolean, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted()
      if (this.host.state === 'running' && is(this.host.snapshot())) return
      await new Promise<void>(resolve => this.#clock.setTimeout(resolve, LOOK_MS))
    }
  }

  #noticed(notice: ChordNotice): void {
    if (notice.type === 'mismatch') {
      this.#mismatch = `${this.host.peerIdOf(notice.peer)} has successor lists of ${notice.listLength}: rings of unlike lists do not mix. Set successors alike.`
    }
  }

  #describe(tables: ChordTables) {
    const { host } = this
    const nameOf = (peer: number): string => host.peerIdOf(peer)?.toString() ?? 'unknown'
    const roles = new Map([...rolesOf(tables)].map(([peer, role]) => [nameOf(peer), role]))
    return {
      ...chordView(tables, nameOf),
      ...(this.#mismatch === undefined ? {} : { mismatch: this.#mismatch }),
      lookups: tables.routing.lookups,
      store: tables.store,
      neighbours: host.links().map(
        ({ peerId, inbound, upMs }): NeighbourSnapshot => ({
          peerId,
          role: roles.get(peerId) ?? '',
          inbound,
          connectedMs: Math.round(upMs)
        })
      ),
      counters: { ...tables.counters, ...tables.routing.counters }
    }
  }
}

function bootstrapOf(text: string): Bootstrap {
  const address = multiaddr(text)
  const last = address.getComponents().at(-1)
  if (last?.name !== 'p2p' || last.value === undefined)
    throw new RangeError(`A bootstrap address ends in /p2p/ and a PeerId, and ${text} does not.`)
  return { peerId: peerIdFromString(last.value), address }
}
