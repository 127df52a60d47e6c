/** A link in bad weather: a proxy on loopback before an honest peer, which breaks, stalls, dribbles and spoils. */
import { connect, type Socket } from 'node:net'
import type { Provider } from '@servent/overlay'
import type { Peer } from './peer.ts'
import { listen } from './sockets.ts'

/** What happens to the answers of one connection after so many of their bytes. */
export interface Weather {
  readonly afterBytes: number
  /** `dribble`: a byte at a time; `flip`: one bit is another; `insert` and `drop`: bytes that nobody sent, or that are missing. */
  readonly kind: 'fair' | 'reset' | 'end' | 'stall' | 'dribble' | 'flip' | 'insert' | 'drop'
}

/** Between two bytes of a link that dribbles. */
const DRIBBLE_MS = 20
const SPOILED_BYTES = 40

export class BadLink {
  readonly provider: Provider
  connections = 0
  readonly #sockets = new Set<Socket>()
  #close: () => void = () => {}

  private constructor(peerId: string, port: number) {
    this.provider = { peerId, addresses: [`/ip4/127.0.0.1/tcp/${port}`] }
  }

  /** `weather` is asked for each connection, from 0. */
  static async before(
    peer: Peer,
    peerId: string,
    weather: (connection: number) => Weather
  ): Promise<BadLink> {
    const { server, port } = await listen(near => link.#join(near, peer, weather))
    const link = new BadLink(peerId, port)
    link.#close = () => server.close()
    return link
  }

  stop(): void {
    this.#close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #join(near: Socket, peer: Peer, weather: (connection: number) => Weather): void {
    const { kind, afterBytes } = weather(this.connections)
    this.connections += 1
    const far = connect(Number(peer.provider.addresses[0]!.split('/').at(-1)), '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near]
    ] as const) {
      this.#sockets.add(one)
      one.on('error', () => {})
      one.once('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
    }
    near.pipe(far, { end: false })
    let passed = 0
    /** What dribbles out. */
    let late = Buffer.alloc(0)
    const wait = (chunk: Buffer): void => {
      late = Buffer.concat([late, chunk])
      far.pause()
    }
    far.on('data', (chunk: Buffer) => {
      const left = afterBytes - passed
      passed += chunk.length
      if (kind === 'fair' || left > chunk.length) return this.#give(far, near, chunk)
      if (left <= 0) {
        if (kind === 'dribble') wait(chunk)
        // Others are struck once.
        if (kind === 'flip' || kind === 'insert' || kind === 'drop') this.#give(far, near, chunk)
        return
      }
      const before = chunk.subarray(0, left)
      const after = chunk.subarray(left)
      if (kind === 'reset') {
        near.write(before, () => near.resetAndDestroy())
      } else if (kind === 'end') {
        near.end(before)
      } else if (kind === 'stall') {
        near.write(before)
        far.pause()
      } else if (kind === 'dribble') {
        near.write(before)
        const timer = setInterval(() => {
          near.write(late.subarray(0, 1))
          late = late.subarray(1)
          if (late.length === 0) far.resume()
        }, DRIBBLE_MS)
        near.once('close', () => clearInterval(timer))
        wait(after)
      } else if (kind === 'flip') {
        const spoiled = Buffer.from(chunk)
        spoiled[left - 1]! ^= 4
        this.#give(far, near, spoiled)
      } else if (kind === 'insert') {
        this.#give(far, near, Buffer.concat([before, Buffer.alloc(SPOILED_BYTES, 'a'), after]))
      } else {
        this.#give(far, near, Buffer.concat([before, after.subarray(SPOILED_BYTES)]))
      }
    })
  }

  #give(far: Socket, near: Socket, bytes: Buffer): void {
    if (near.destroyed || near.write(bytes)) return
    far.pause()
    near.once('drain', () => far.resume())
  }
}
