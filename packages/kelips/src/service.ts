/** Kelips as a libp2p service: its machine under what every key-routed overlay gives (`KeyRoutedService`). */
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { type BootstrapPeer, KeyRoutedService } from '@servent/key-routing'
import { type Clock, type HostComponents, systemClock } from '@servent/libp2p-host'
import type { NeighbourSnapshot } from '@servent/overlay'
import { BOOTSTRAP_PEERS_MAX, KelipsMachine } from './machine.ts'
import { LEAVE_MS } from './service-limits.ts'
import { type KelipsInit, limitsOf, settingsOf } from './service-settings.ts'
import { answerSigning } from './service-signing.ts'
import { kelipsView, rolesOf } from './service-tables.ts'
import type { KelipsNotice, KelipsTables, KelipsTypes } from './types.ts'
import { kelipsCodec } from './wire.ts'

export const KELIPS_PROTOCOL = '/servent/kelips/1.0.0'

/** What libp2p gives a service, beside what a host needs. */
export interface KelipsComponents extends HostComponents {
  readonly privateKey?: PrivateKey
}

/** Between two looks at whether values are handed over. */
const LOOK_MS = 20

export class KelipsService extends KeyRoutedService<KelipsTypes> {
  readonly #clock: Clock
  /** Of the latest start. */
  readonly #machine: () => KelipsMachine
  #mismatch: string | undefined

  /**
   * @throws TypeError   there is no private key, or its public key is not part of the PeerId (RSA)
   * @throws RangeError  a bootstrap address has no `/p2p`
   * @throws Error       a bootstrap address is no multiaddr
   */
  constructor(components: KelipsComponents, init: KelipsInit = {}) {
    const privateKey = init.privateKey ?? components.privateKey
    if (privateKey === undefined)
      throw new TypeError(
        'Kelips signs heartbeats and records: give it the private key of the node, as kelips({ privateKey }).'
      )
    if (!hasPublicKeyInId(privateKey))
      throw new TypeError(
        'Others check what Kelips signs by the PeerId alone: the node needs an Ed25519 or secp256k1 key, not RSA.'
      )
    const settings = settingsOf(init)
    let machine = new KelipsMachine(settings)
    super(
      components,
      { ...init, privateKey },
      {
        name: 'kelips',
        protocol: KELIPS_PROTOCOL,
        codec: kelipsCodec,
        answer: question => answerSigning(question, privateKey),
        createMachine: () => {
          machine = new KelipsMachine(settings)
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

  /** Prefixes of the keys of the tuples that this peer keeps, hexadecimal: for observers. */
  heldPrefixes(): readonly string[] {
    return this.#machine().heldPrefixes()
  }

  /** Leaves in good order: values are handed over, and some members hear the farewell. */
  override async beforeStop(): Promise<void> {
    await this.#leave()
    await super.beforeStop()
  }

  async #leave(): Promise<void> {
    if (this.host.state !== 'running') return
    this.host.command({ type: 'leave' })
    const { calls } = this.host.snapshot()
    // Only values that are under way to others are waited for.
    if (calls > 0) await this.#handedOver()
  }

  async #handedOver(): Promise<void> {
    const untilMs = this.#clock.nowMs() + LEAVE_MS
    while (this.#clock.nowMs() < untilMs && this.host.state === 'running' && this.host.snapshot().calls > 0)
      await new Promise<void>(resolve => this.#clock.setTimeout(resolve, LOOK_MS))
  }

  #noticed(notice: KelipsNotice): void {
    if (notice.type === 'mismatch') {
      this.#mismatch = `${this.host.peerIdOf(notice.peer)} has a heartbeat of ${notice.heartbeatMs} ms: networks of unlike heartbeats do not mix. Set heartbeatMs alike.`
    }
  }

  #describe(tables: KelipsTables) {
    const { host } = this
    const nameOf = (peer: number): string => host.peerIdOf(peer)?.toString() ?? 'unknown'
    const roles = new Map([...rolesOf(tables)].map(([peer, role]) => [nameOf(peer), role]))
    return {
      ...kelipsView(tables, nameOf),
      ...(this.#mismatch === undefined ? {} : { mismatch: this.#mismatch }),
      lookups: tables.lookups,
      store: tables.store,
      neighbours: host.links().map(
        ({ peerId, inbound, upMs }): NeighbourSnapshot => ({
          peerId,
          role: roles.get(peerId) ?? '',
          inbound,
          connectedMs: Math.round(upMs)
        })
      ),
      counters: tables.counters
    }
  }
}

function hasPublicKeyInId({ type }: PrivateKey): boolean {
  return type === 'Ed25519' || type === 'secp256k1'
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
