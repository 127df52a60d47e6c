/** One end of a connection between two fake nodes. */
import {
  type AbortOptions,
  type Connection,
  connectionSymbol,
  type PeerId,
  type Stream,
  StreamCloseEvent,
  TypedEventEmitter,
  UnsupportedProtocolError
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { silentLogger } from '../silent-logger.ts'
import type { FakeRegistrar } from './fake-components.ts'
import { FakeStream } from './fake-stream.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** What two ends share: time, and whether bytes still get through. */
export interface Wire {
  readonly clock: VirtualClock
  delayMs(): number
  /** Bytes vanish, and neither end is told. */
  isSilent: boolean
  isDown: boolean
}

export interface FakeConnectionInit {
  readonly id: string
  readonly self: PeerId
  readonly remotePeer: PeerId
  readonly remoteAddr: Multiaddr
  readonly direction: 'inbound' | 'outbound'
  readonly registrar: FakeRegistrar
  readonly wire: Wire
  readonly onClosed: (connection: FakeConnection) => void
}

export class FakeConnection extends TypedEventEmitter<Record<string, Event>> {
  readonly [connectionSymbol] = true
  readonly id: string
  readonly remotePeer: PeerId
  readonly remoteAddr: Multiaddr
  readonly direction: 'inbound' | 'outbound'
  readonly timeline = { open: 0 }
  readonly multiplexer = '/fake-muxer'
  readonly encryption = '/fake-encryption'
  readonly direct = true
  readonly limits = undefined
  readonly log = silentLogger
  streams: Stream[] = []
  status: Connection['status'] = 'open'
  readonly #init: FakeConnectionInit
  #remote: FakeConnection | undefined
  #arrivesAtMs = 0
  #nextStream: number
  #isMute = false

  constructor(init: FakeConnectionInit) {
    super()
    this.#init = init
    this.id = init.id
    this.remotePeer = init.remotePeer
    this.remoteAddr = init.remoteAddr
    this.direction = init.direction
    this.#nextStream = init.direction === 'outbound' ? 1 : 2
  }

  static join(a: FakeConnection, b: FakeConnection): void {
    a.#remote = b
    b.#remote = a
  }

  /** What a libp2p component sees. */
  get asConnection(): Connection {
    return this as unknown as Connection
  }

  /** Runs at the other end after the delay, never before what was sent earlier. */
  transmit(run: () => void): void {
    const { wire } = this.#init
    if (wire.isDown || wire.isSilent || this.#isMute) return
    this.#arrivesAtMs = Math.max(this.#arrivesAtMs, wire.clock.nowMs() + wire.delayMs())
    wire.clock.setTimeout(() => {
      if (!wire.isDown && !wire.isSilent) run()
    }, this.#arrivesAtMs - wire.clock.nowMs())
  }

  /** Takes one round trip, as multistream-select does. */
  async newStream(protocol: string, options: AbortOptions = {}): Promise<Stream> {
    if (this.status !== 'open') throw new Error(`The connection is ${this.status}.`)
    options.signal?.throwIfAborted()
    const local = this.#stream(String(this.#nextStream), protocol, 'outbound')
    this.#nextStream += 2
    return await new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        if (local.status === 'open') local.abort(error as Error)
        reject(error)
      }
      options.signal?.addEventListener('abort', () => fail(options.signal?.reason))
      local.addEventListener('close', event => {
        reject((event as StreamCloseEvent).error ?? new Error('The stream was closed.'))
      })
      const remote = this.#remote
      this.transmit(() => {
        remote?.incoming(local, protocol, error => {
          if (error === undefined) resolve(local)
          else fail(error)
        })
      })
    })
  }

  async close(): Promise<void> {
    for (const stream of [...this.streams]) stream.close().catch(() => {})
    this.transmit(() => this.#remote?.down())
    this.down()
  }

  abort(_error: Error): void {
    this.transmit(() => this.#remote?.down())
    this.down()
  }

  /** Its node is gone: the other end is told, and hears no more of whatever this one still says. */
  vanish(): void {
    this.transmit(() => this.#remote?.down())
    this.#isMute = true
  }

  /** Every stream closes without a word from the remote, as when a socket breaks. */
  down(): void {
    if (this.status !== 'open') return
    this.status = 'closed'
    for (const stream of [...this.streams]) (stream as FakeStream).onTransportClosed()
    this.dispatchEvent(new StreamCloseEvent())
    this.#init.onClosed(this)
  }

  /** What the other end asks for when it opens a stream. */
  incoming(opener: FakeStream, protocol: string, answer: (error?: Error) => void): void {
    const { registrar } = this.#init
    const handler = registrar.find(protocol)
    if (handler === undefined) {
      this.transmit(() => answer(new UnsupportedProtocolError(`The remote peer does not speak ${protocol}.`)))
      return
    }
    const stream = this.#stream(opener.id, protocol, 'inbound')
    FakeStream.join(opener, stream)
    this.transmit(() => answer())
    registrar.accept(handler, stream, this.asConnection)
  }

  #stream(id: string, protocol: string, direction: 'inbound' | 'outbound'): FakeStream {
    const stream = new FakeStream({
      id,
      protocol,
      direction,
      log: silentLogger,
      transmit: run => this.transmit(run)
    })
    this.streams.push(stream)
    stream.addEventListener('close', () => {
      this.streams = this.streams.filter(other => other !== stream)
    })
    return stream
  }
}
