/**
 * A network between peers that are on one machine: a transport under which every byte takes half of the round trip that
 * the plan has between two peers, each way, and a dial one round trip more, as TCP's own handshake does. Who dials bears
 * it both ways, for it alone knows whom it reaches before anything was said.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import type { AbstractMultiaddrConnection } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Milliseconds there and back to a peer, by its PeerId in text form. */
export type RoundTripMs = (peerId: string) => number

/** Bytes that are on their way in one direction: whoever sends more is told to wait, as a full socket does. */
export const ON_THE_WAY_BYTES_MAX = 1_048_576

/** The transport within, and all that it dials takes its time. */
export function delayed<Components>(
  within: (components: Components) => Transport,
  roundTripMs: RoundTripMs
): (components: Components) => Transport {
  return components => {
    const transport = within(components)
    const dial = transport.dial.bind(transport)
    transport.dial = async (address, options) => {
      const ms = roundTripMs(peerOf(address))
      const upgrader = upgradingOutbound(options.upgrader, connection => {
        slowDown(connection as AbstractMultiaddrConnection, Math.round(ms / 2))
        return connection
      })
      if (ms > 0) await sleep(ms, undefined, { signal: options.signal })
      return dial(address, { ...options, upgrader })
    }
    return transport
  }
}

/** The same upgrader, which is given another connection than the transport made. */
export function upgradingOutbound(
  upgrader: Upgrader,
  change: (connection: MultiaddrConnection) => MultiaddrConnection
): Upgrader {
  const upgradeOutbound: Upgrader['upgradeOutbound'] = (
    connection: MultiaddrConnection,
    options: Parameters<Upgrader['upgradeOutbound']>[1]
  ) => upgrader.upgradeOutbound(change(connection), options)
  return Object.create(upgrader, { upgradeOutbound: { value: upgradeOutbound } })
}

/** What a multiaddr says of who is there; nothing where it does not. */
function peerOf(address: Multiaddr): string {
  return address.getComponents().findLast(({ name }) => name === 'p2p')?.value ?? ''
}

/**
 * What goes and comes by a connection waits, in order, and so does its end. A reset does not wait: what is on its way is
 * lost, as it is with a peer that dies.
 */
function slowDown(connection: AbstractMultiaddrConnection, ms: number): void {
  if (ms === 0) return
  const out = new Line(ms)
  const back = new Line(ms)
  const { sendData, sendClose, sendReset, onData, onTransportClosed } = connection
  connection.sendData = data => {
    // The list is the sender's, who goes on with it.
    const copy = data.sublist()
    const { byteLength } = copy
    out.add(byteLength, () => {
      // A socket that is full takes what it is given all the same, piece by piece.
      for (let left = copy; left.byteLength > 0; ) {
        const { sentBytes } = sendData.call(connection, left)
        left = left.sublist(sentBytes)
      }
      if (out.bytes === 0 && connection.writableNeedsDrain) connection.safeDispatchEvent('drain')
    })
    return { sentBytes: byteLength, canSendMore: out.bytes < ON_THE_WAY_BYTES_MAX }
  }
  connection.sendClose = async options => {
    await out.emptied()
    await sendClose.call(connection, options)
  }
  connection.sendReset = error => {
    out.drop()
    back.drop()
    sendReset.call(connection, error)
  }
  connection.onData = data => back.add(data.byteLength, () => onData.call(connection, data))
  connection.onTransportClosed = error => {
    // Who closes here has nothing to wait for.
    if (error !== undefined || connection.status !== 'open') onTransportClosed.call(connection, error)
    else back.add(0, () => onTransportClosed.call(connection))
  }
}

/** One direction. */
class Line {
  readonly #ms: number
  readonly #timers = new Set<NodeJS.Timeout>()
  #waiting: (() => void)[] = []
  bytes = 0

  constructor(ms: number) {
    this.#ms = ms
  }

  /** Timers of one length end in the order in which they were set. */
  add(bytes: number, arrive: () => void): void {
    this.bytes += bytes
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.bytes -= bytes
      arrive()
      if (this.#timers.size === 0) this.#release()
    }, this.#ms)
    this.#timers.add(timer)
  }

  async emptied(): Promise<void> {
    if (this.#timers.size > 0) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  drop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.bytes = 0
    this.#release()
  }

  #release(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
