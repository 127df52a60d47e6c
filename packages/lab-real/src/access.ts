/**
 * A network between peers that are on one machine, as one peer has it: a transport under which every byte takes half of the
 * round trip that the plan has between two peers, each way, and a dial one round trip more, as TCP's own handshake does;
 * all connections share the peer's line; some break by themselves; a firewall lets nobody in; and whoever is on the other
 * side of a partition is out of reach. Who dials bears all that lies between two peers, both ways, for it alone knows whom
 * it reaches before anything was said.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { MultiaddrConnection, Transport } from '@libp2p/interface'
import type { AbstractMultiaddrConnection } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type Random, randomOf } from '@servent/simulator'
import { type Lines, layConnection } from './laid-connection.ts'
import { Line } from './line.ts'
import type { Wire } from './types.ts'
import { upgradingInbound, upgradingOutbound } from './upgrading.ts'

/** The longest that Node's timers wait: what is later they do at once. No run lasts as long. */
export const TIMER_MS_MAX = 2 ** 31 - 1

/** What the network does to one peer beside being far. All of it can cross a channel to a process. */
export interface Conditions {
  /** Bytes a second; nothing: no bound. */
  readonly bandwidth?: { readonly up: number; readonly down: number }
  /** How long a connection lives that the peer dials, on average, and what that is drawn from; nothing: it does not break. */
  readonly resets?: { readonly lifeMs: number; readonly seed: string }
  readonly isFirewalled: boolean
}

export interface AccessInit {
  /** Milliseconds there and back to a peer, by its PeerId in text form. */
  readonly roundTripMs: (peerId: string) => number
  readonly conditions?: Conditions
}

/** What the network did, since the peer started. */
export interface Faults {
  /** Connections that the peer had dialled. */
  readonly broken: number
  /** Dials across a partition, by who dialled, and those that a firewall refused, by who is behind it. */
  readonly refused: number
}

export class Access {
  readonly #init: AccessInit
  readonly #conditions: Conditions
  readonly #lines: Lines
  readonly #random: Random | undefined
  /** Whom each connection that is open was dialled to. */
  readonly #dialled = new Map<MultiaddrConnection, string>()
  #cutOff: ReadonlySet<string> = new Set()
  #broken = 0
  #refused = 0
  /** Of each connection that is open. */
  readonly #sent = new Map<MultiaddrConnection, number>()
  /** Of those that are closed. */
  #sentBefore = 0

  constructor(init: AccessInit) {
    this.#init = init
    this.#conditions = init.conditions ?? { isFirewalled: false }
    const { bandwidth, resets } = this.#conditions
    this.#lines = { up: new Line(bandwidth?.up), down: new Line(bandwidth?.down) }
    this.#random = resets && randomOf(resets.seed)
  }

  get faults(): Faults {
    return { broken: this.#broken, refused: this.#refused }
  }

  get wire(): Wire {
    const openBytes = [...this.#sent.values()].reduce((sum, bytes) => sum + bytes, 0)
    return { sentBytes: this.#sentBefore + openBytes, openBytes }
  }

  /** The transport within, over this network. */
  around<Components>(within: (components: Components) => Transport): (components: Components) => Transport {
    return components => {
      const transport = within(components)
      const { dial, createListener } = transport
      transport.dial = async (address, options) => {
        const peerId = peerOf(address)
        const ms = this.#init.roundTripMs(peerId)
        if (ms > 0) await sleep(ms, undefined, { signal: options.signal })
        this.#throwIfCutOff(peerId)
        const upgrader = upgradingOutbound(options.upgrader, connection => this.#out(connection, peerId, ms))
        return dial.call(transport, address, { ...options, upgrader })
      }
      transport.createListener = options => {
        const upgrader = upgradingInbound(options.upgrader, connection => this.#in(connection))
        return createListener.call(transport, { ...options, upgrader })
      }
      return transport
    }
  }

  /** Nothing goes to these peers, or comes from them, until others are named; none: the network is whole. */
  cutOff(peerIds: Iterable<string>): void {
    this.#cutOff = new Set(peerIds)
    for (const [connection, peerId] of this.#dialled)
      if (this.#cutOff.has(peerId)) this.#break(connection, 'The network has parted.')
  }

  #out(connection: MultiaddrConnection, peerId: string, ms: number): MultiaddrConnection {
    this.#lay(connection, Math.round(ms / 2))
    this.#dialled.set(connection, peerId)
    const timer = this.#breakLater(connection)
    connection.addEventListener('close', () => {
      clearTimeout(timer)
      this.#dialled.delete(connection)
    })
    // It was under way when the network parted.
    if (this.#cutOff.has(peerId)) this.#break(connection, 'The network has parted.')
    return connection
  }

  #in(connection: MultiaddrConnection): MultiaddrConnection {
    if (this.#conditions.isFirewalled) {
      this.#refused += 1
      const refusal = new Error('A firewall lets nobody in.')
      connection.abort(refusal)
      throw refusal
    }
    this.#lay(connection, 0)
    return connection
  }

  #lay(connection: MultiaddrConnection, ms: number): void {
    this.#count(connection as AbstractMultiaddrConnection)
    if (ms === 0 && this.#conditions.bandwidth === undefined) return
    layConnection(connection as AbstractMultiaddrConnection, this.#lines, ms)
  }

  /** What goes into the socket, after it has waited for the line and the way. */
  #count(connection: AbstractMultiaddrConnection): void {
    const { sendData } = connection
    this.#sent.set(connection, 0)
    connection.sendData = data => {
      const result = sendData.call(connection, data)
      const sent = this.#sent.get(connection)
      if (sent === undefined) this.#sentBefore += result.sentBytes
      else this.#sent.set(connection, sent + result.sentBytes)
      return result
    }
    connection.addEventListener('close', () => {
      this.#sentBefore += this.#sent.get(connection) ?? 0
      this.#sent.delete(connection)
    })
  }

  /** After a time that is exponential. */
  #breakLater(connection: MultiaddrConnection): NodeJS.Timeout | undefined {
    if (this.#random === undefined) return undefined
    const ms = -Math.log(1 - this.#random.unit()) * this.#conditions.resets!.lifeMs
    if (ms > TIMER_MS_MAX) return undefined
    return setTimeout(() => this.#break(connection, 'The network broke the connection.'), ms)
  }

  #break(connection: MultiaddrConnection, why: string): void {
    if (connection.status !== 'open') return
    this.#broken += 1
    connection.abort(new Error(why))
  }

  #throwIfCutOff(peerId: string): void {
    if (!this.#cutOff.has(peerId)) return
    this.#refused += 1
    throw new Error('The network has parted.')
  }
}

/** What a multiaddr says of who is there; nothing where it does not. */
function peerOf(address: Multiaddr): string {
  return address.getComponents().findLast(({ name }) => name === 'p2p')?.value ?? ''
}
