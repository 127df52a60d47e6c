/**
 * The service of a structured overlay: what every key-routed one gives (`KeyRoutedService`), the private key and the
 * bootstrap peers, leaving in good order, and the tables of its machine for people. An overlay's service extends it
 * and says what is its own (`StructuredOverlay`).
 */
import type { PrivateKey } from '@libp2p/interface'
import { type Clock, type HostComponents, systemClock } from '@servent/libp2p-host'
import type { Machine, MachineTypes, NeighbourSnapshot, Peer } from '@servent/overlay'
import { bootstrapPeers } from './bootstrap-peers.ts'
import type { RouterSnapshot } from './router.ts'
import type { Membership } from './routing.ts'
import { KeyRoutedService } from './service.ts'
import { LOOK_MS } from './service-constants.ts'
import { HeldShare } from './service-share.ts'
import type { KeyRoutedOverlay } from './service-types.ts'
import type { StoreSnapshot } from './store-types.ts'
import { LEAVE_MS } from './structured-constants.ts'
import type { StructuredInit } from './structured-init.ts'
import type { ServedSettings } from './structured-settings.ts'

/** What libp2p gives a service, beside what a host needs. */
export interface StructuredComponents extends HostComponents {
  readonly privateKey?: PrivateKey
}

export interface StructuredTypes extends MachineTypes {
  snapshot: {
    readonly routing: RouterSnapshot
    readonly store: StoreSnapshot
    readonly counters: Readonly<Record<string, number>>
  }
}

export interface StructuredMachine<T extends StructuredTypes> extends Machine<T> {
  readonly membership: Membership
  /** Keys of the records that it keeps for the network, hexadecimal. */
  heldKeys(): readonly string[]
}

/** What an overlay says of itself. */
export interface StructuredOverlay<T extends StructuredTypes, M extends StructuredMachine<T>>
  extends Pick<
    KeyRoutedOverlay<T>,
    'name' | 'protocol' | 'codec' | 'seek' | 'whyAlone' | 'limits' | 'answer' | 'onNotice'
  > {
  /** A new machine for each start. `heldMax`: links that it may open before a call needs them. */
  readonly createMachine: (heldMax: number) => M
  /** Links that it opens at a time. */
  readonly ownLinks: number
  /** Records are handed over and others told who goes, while connections are open; `hasLeft` says that it is done. */
  readonly leave: T['command']
  readonly hasLeft: (machine: M) => boolean
  /** What each peer of the tables is to this one, for the table of neighbours. */
  readonly rolesOf: (tables: T['snapshot']) => ReadonlyMap<Peer, string>
  /** The tables at the top level of the overlay's snapshot. */
  readonly describe: (tables: T['snapshot'], nameOf: (peer: Peer) => string) => object
}

export class StructuredService<
  T extends StructuredTypes,
  M extends StructuredMachine<T>
> extends KeyRoutedService<T> {
  readonly #clock: Clock
  readonly #overlay: StructuredOverlay<T, M>
  /** Of the latest start. */
  readonly #machine: () => M

  /**
   * @throws TypeError   there is no private key
   * @throws RangeError  a bootstrap address has no `/p2p`
   * @throws Error       a bootstrap address is no multiaddr
   */
  constructor(
    components: StructuredComponents,
    init: StructuredInit<T, ServedSettings>,
    overlay: StructuredOverlay<T, M>
  ) {
    const privateKey = signingKey(overlay.name, init.privateKey ?? components.privateKey)
    const { createMachine, ownLinks } = overlay
    const share = new HeldShare(components.connectionManager, ownLinks)
    let machine = createMachine(share.links)
    super(
      components,
      { ...init, privateKey },
      {
        ...overlay,
        createMachine: () => {
          machine = createMachine(share.links)
          return machine
        },
        membership: () => machine.membership,
        bootstrap: bootstrapPeers(init.bootstrap ?? [], components.peerId),
        describe: tables => this.#describe(tables)
      }
    )
    this.#clock = init.clock ?? systemClock
    this.#overlay = overlay
    this.#machine = () => machine
  }

  /** Keys of the records that this peer keeps for the network, hexadecimal: for observers who know everybody's. */
  heldKeys(): readonly string[] {
    return this.#machine().heldKeys()
  }

  /** Leaves in good order: records are handed over, and others told who goes. */
  override async beforeStop(): Promise<void> {
    await this.#leave()
    await super.beforeStop()
  }

  async #leave(): Promise<void> {
    if (this.host.state !== 'running') return
    const late = new AbortController()
    const timer = this.#clock.setTimeout(() => late.abort(), LEAVE_MS)
    try {
      this.host.command(this.#overlay.leave)
      await this.#left(late.signal)
    } catch {
      // Whoever was to take records over does not answer in time, and replicas have them. The neighbours are told.
      if (this.host.state === 'running') this.host.command(this.#overlay.leave)
    } finally {
      this.#clock.clearTimeout(timer)
    }
  }

  /** The machine itself is asked: a snapshot looks through all records. */
  async #left(signal: AbortSignal): Promise<void> {
    while (this.host.state === 'running' && !this.#overlay.hasLeft(this.#machine())) {
      signal.throwIfAborted()
      await new Promise<void>(resolve => this.#clock.setTimeout(resolve, LOOK_MS))
    }
  }

  #describe(tables: T['snapshot']) {
    const { host } = this
    const { describe, rolesOf } = this.#overlay
    const nameOf = (peer: Peer): string => host.peerIdOf(peer)?.toString() ?? 'unknown'
    const roles = new Map([...rolesOf(tables)].map(([peer, role]) => [nameOf(peer), role]))
    return {
      ...describe(tables, nameOf),
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

function signingKey(overlay: string, key: PrivateKey | undefined): PrivateKey {
  if (key !== undefined) return key
  const title = overlay.charAt(0).toUpperCase() + overlay.slice(1)
  throw new TypeError(
    `${title} signs records: give it the private key of the node, as ${overlay}({ privateKey }).`
  )
}
