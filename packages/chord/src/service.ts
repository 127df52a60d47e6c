/** Chord as a libp2p service: its machine under what every key-routed overlay gives (`KeyRoutedService`). */
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { BOOTSTRAP_PEERS_MAX, type BootstrapPeer, KeyRoutedService } from '@servent/key-routing'
import { type Clock, type HostComponents, systemClock } from '@servent/libp2p-host'
import type { NeighbourSnapshot } from '@servent/overlay'
import { ChordMachine } from './machine.ts'
import { LEAVE_MS } from './service-limits.ts'
import { type ChordInit, limitsOf, settingsOf } from './service-settings.ts'
import { chordView, rolesOf } from './service-tables.ts'
import type { ChordNotice, ChordTables, ChordTypes } from './types.ts'
import { chordCodec } from './wire.ts'

export const CHORD_PROTOCOL = '/servent/chord/1.0.0'

/** What libp2p gives a service, beside what a host needs. */
export interface ChordComponents extends HostComponents {
  readonly privateKey?: PrivateKey
}

/** Between two looks at whether it has left. */
const LOOK_MS = 20

export class ChordService extends KeyRoutedService<ChordTypes> {
  readonly #clock: Clock
  /** Of the latest start. */
  readonly #machine: () => ChordMachine
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
    let machine = new ChordMachine(settings)
    super(
      components,
      { ...init, privateKey },
      {
        name: 'chord',
        protocol: CHORD_PROTOCOL,
        codec: chordCodec,
        createMachine: () => {
          machine = new ChordMachine(settings)
          return machine
        },
        membership: () => machine.membership,
        bootstrap: bootstrapPeers(init.bootstrap ?? [], components.peerId),
        seek: contacts => ({ type: 'join', contacts }),
        whyAlone: () => this.#mismatch,
        limits: limitsOf(settings),
        onNotice: notice => this.#noticed(notice),
        describe: tables => this.#describe(tables)
      }
    )
    this.#clock = init.clock ?? systemClock
    this.#machine = () => machine
  }

  override async start(): Promise<void> {
    this.#mismatch = undefined
    await super.start()
  }

  /** Keys of the records that this peer keeps for the network, hexadecimal: for observers who hold them against a ring. */
  heldKeys(): readonly string[] {
    return this.#machine().heldKeys()
  }

  /** Leaves the ring in good order: records are handed over, and neighbours told who follows whom. */
  override async beforeStop(): Promise<void> {
    await this.#leave()
    await super.beforeStop()
  }

  async #leave(): Promise<void> {
    if (this.host.state !== 'running') return
    const late = new AbortController()
    const timer = this.#clock.setTimeout(() => late.abort(), LEAVE_MS)
    try {
      this.host.command({ type: 'leave' })
      await this.#left(late.signal)
    } catch {
      // Whoever was to take records over does not answer: replicas have them, and stabilisation finds us gone.
    } finally {
      this.#clock.clearTimeout(timer)
    }
  }

  async #left(signal: AbortSignal): Promise<void> {
    while (this.host.snapshot().mode !== 'idle') {
      signal.throwIfAborted()
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

/** Addresses of the first `BOOTSTRAP_PEERS_MAX` peers that are named, and of this peer itself. */
function bootstrapPeers(addresses: readonly string[], self: PeerId): BootstrapPeer[] {
  const all = addresses.map(bootstrapOf)
  const others = all.map(({ peerId }) => `${peerId}`).filter(name => name !== `${self}`)
  const first = [...new Set(others)].slice(0, BOOTSTRAP_PEERS_MAX)
  return all.filter(({ peerId }) => first.includes(`${peerId}`) || peerId.equals(self))
}

function bootstrapOf(text: string): BootstrapPeer {
  const address = multiaddr(text)
  const last = address.getComponents().at(-1)
  if (last?.name !== 'p2p' || last.value === undefined)
    throw new RangeError(`A bootstrap address ends in /p2p/ and a PeerId, and ${text} does not.`)
  return { peerId: peerIdFromString(last.value), address }
}
