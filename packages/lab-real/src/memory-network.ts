/**
 * libp2p's memory transport under addresses of IP: overlays believe no address of another kind of a third peer, and their
 * wires have the bytes that they have between machines.
 */
import type { Listener, MultiaddrConnection, Transport } from '@libp2p/interface'
import { type MemoryTransportComponents, memory } from '@libp2p/memory'
import type { AbstractMultiaddrConnection } from '@libp2p/utils'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { ON_THE_WAY_BYTES_MAX } from './laid-connection.ts'
import { upgradingInbound, upgradingOutbound } from './upgrading.ts'

const TCP = /^\/ip4\/127\.0\.0\.1\/tcp\/(\d+)/

/** Where the peer of a number listens. */
export function addressOfNumber(number: number): string {
  return `/ip4/127.0.0.1/tcp/${number + 1}`
}

/** `network` names one network of this process: another's peers are out of reach. */
export function memoryNetwork(network: string): (components: MemoryTransportComponents) => Transport {
  const nameOf = (address: Multiaddr) => multiaddr(`/memory/${network}-${portOf(address)}`)
  return components => {
    const transport = memory()(components)
    const { dial, createListener } = transport
    transport.listenFilter = addresses => addresses.filter(address => portOf(address) !== undefined)
    transport.dialFilter = transport.listenFilter
    transport.dial = (address, options) =>
      dial.call(transport, nameOf(address), {
        ...options,
        upgrader: upgradingOutbound(options.upgrader, connection => {
          new End(at(connection, address)).greet()
          return connection
        })
      })
    transport.createListener = options => {
      const listener = createListener.call(transport, {
        ...options,
        upgrader: upgradingInbound(options.upgrader, connection => new End(at(connection, CALLER)).connection)
      })
      return named(listener, nameOf)
    }
    return transport
  }
}

function named(listener: Listener, nameOf: (address: Multiaddr) => Multiaddr): Listener {
  const { listen } = listener
  let own: Multiaddr[] = []
  listener.listen = address => {
    own = [address]
    return listen.call(listener, nameOf(address))
  }
  listener.getAddrs = () => own
  return listener
}

/** Who calls has an address of this machine, as over TCP, and a port of no meaning. */
const CALLER = multiaddr('/ip4/127.0.0.1/tcp/65535')

function at(connection: MultiaddrConnection, address: Multiaddr): AbstractMultiaddrConnection {
  connection.remoteAddr = address
  return connection as AbstractMultiaddrConnection
}

/**
 * One end of a connection that tells whoever sends to wait, as TCP does and libp2p's connections in memory do not. Who
 * dialled makes itself known to the other end by the first thing that it sends, which has no byte.
 */
class End {
  readonly connection: AbstractMultiaddrConnection
  readonly #send: (greeting: Greeting) => unknown
  #other: End | undefined
  /** Whoever is at the other end takes no more. */
  #isHeld = false
  /** Bytes that the other end has not taken in, those that wait there for its line among them. */
  #underWay = 0
  /** Bytes that came before it was known from whom. */
  #unsettled = 0

  constructor(connection: AbstractMultiaddrConnection) {
    this.connection = connection
    const { sendData, onData } = connection
    this.#send = greeting => sendData.call(connection, greeting as never)
    connection.sendData = data => {
      this.#underWay += data.byteLength
      return { ...sendData.call(connection, data), canSendMore: this.#hasRoom }
    }
    connection.onData = data => {
      if (data instanceof Greeting) this.#meet(data.from!)
      else {
        this.#unsettled += data.byteLength
        this.#settle()
        onData.call(connection, data)
      }
    }
    connection.sendPause = () => this.#other?.hold(true)
    connection.sendResume = () => this.#other?.hold(false)
  }

  greet(): void {
    const greeting = new Greeting()
    greeting.from = this
    this.#send(greeting)
  }

  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    this.#tell()
  }

  get #hasRoom(): boolean {
    return !this.#isHeld && this.#underWay < ON_THE_WAY_BYTES_MAX
  }

  arrived(bytes: number): void {
    this.#underWay -= bytes
    this.#tell()
  }

  #tell(): void {
    const { status } = this.connection
    if (this.#hasRoom && (status === 'open' || status === 'closing'))
      this.connection.safeDispatchEvent('drain')
  }

  #meet(other: End): void {
    this.#other = other
    other.#other = this
    this.#settle()
    other.#settle()
  }

  #settle(): void {
    if (this.#other === undefined || this.#unsettled === 0) return
    const bytes = this.#unsettled
    this.#unsettled = 0
    this.#other.arrived(bytes)
  }
}

class Greeting extends Uint8Array {
  from: End | undefined
}

function portOf(address: Multiaddr): string | undefined {
  return TCP.exec(`${address}`)?.[1]
}
