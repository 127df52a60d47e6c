/** Peers on loopback: a FileServer behind TCP, or a server of a test's own that lies; and who connects there. */
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { connect, type Socket } from 'node:net'
import { Duplex, Transform } from 'node:stream'
import type { Provider } from '@servent/overlay'
import { type Connector, FileServer, type FileServerInit } from '../../src/index.ts'
import { TestShare } from './share.ts'
import { listen } from './sockets.ts'

export interface Peer {
  readonly peerId: string
  readonly provider: Provider
  /** Bytes that it sent, heads among them. */
  sentBytes: number
  /** Streams that it accepted. */
  connections: number
  stop(): Promise<void>
}

function peerAt(
  peerId: string,
  onSocket: (socket: Socket) => void,
  onStop: () => Promise<void>
): Promise<Peer> {
  const sockets = new Set<Socket>()
  const peer = { peerId, sentBytes: 0, connections: 0 } as Peer & { provider: Provider }
  return listen(socket => {
    peer.connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => {
      peer.sentBytes += socket.bytesWritten
      sockets.delete(socket)
    })
    onSocket(socket)
  }).then(({ server, port }) =>
    Object.assign(peer, {
      provider: { peerId, addresses: [`/ip4/127.0.0.1/tcp/${port}`] },
      stop: async () => {
        await onStop()
        server.close()
        for (const socket of sockets) socket.destroy()
      }
    })
  )
}

/** An honest one. */
export async function sharer(
  share: TestShare = new TestShare(),
  init: Partial<FileServerInit> = {},
  peerId = 'honest'
): Promise<Peer & { share: TestShare; server: FileServer }> {
  const server = new FileServer({ catalogue: share, blocks: share, ...init })
  const peer = await peerAt(
    peerId,
    socket => server.serve(socket, 'downloader'),
    () => server.stop()
  )
  return Object.assign(peer, { share, server })
}

/** One that answers as the test says. */
export async function liar(answer: RequestListener, peerId = 'liar'): Promise<Peer> {
  const server = createHttpServer(answer)
  return peerAt(
    peerId,
    socket => server.emit('connection', socket),
    async () => {}
  )
}

/** An honest one whose bytes are changed on their way out, heads and all. */
export async function tampered(
  share: TestShare,
  tamper: (bytes: Buffer, offset: number) => Buffer,
  peerId = 'liar'
): Promise<Peer> {
  const server = new FileServer({ catalogue: share, blocks: share })
  return peerAt(
    peerId,
    socket => {
      let offset = 0
      const through = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          const changed = tamper(chunk, offset)
          offset += chunk.length
          done(null, changed)
        }
      })
      const duplex = Duplex.from({ readable: socket, writable: through } as never)
      through.pipe(socket)
      server.serve(duplex, 'downloader')
    },
    () => server.stop()
  )
}

/** Connects to a provider's address by TCP, as who it says it is. */
export const tcpConnector: Connector = {
  async connect(provider, _id, signal) {
    const port = Number(provider.addresses[0]?.split('/').at(-1))
    const socket = connect(port, '127.0.0.1')
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    return { duplex: socket, peerId: provider.peerId, relayed: false }
  }
}
