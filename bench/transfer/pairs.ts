/**
 * Ways to move bytes between two processes on loopback, from the bare socket up to HTTP on a libp2p stream.
 * Each has a sender, which says where it listens, and a receiver, which counts; nothing is read from a disk,
 * hashed or written, so that each layer's own cost shows.
 */
import { once } from 'node:events'
import { Agent, createServer as createHttpServer, get } from 'node:http'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import type { Libp2p, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { boundedYamux, isWritable, onWritable, streamDuplex } from '@servent/libp2p-host'
import { createLibp2p } from 'libp2p'
import { CERTIFICATE, KEY } from './certificate.ts'

/** Larger writes gain nothing on any row, and 16 KiB cost libp2p half its speed. */
const WRITE_BYTES = 256 * 1024
const PROTOCOL = '/servent/bench/1.0.0'

export interface Pair {
  /** Serves as many bytes as it was told to whoever connects; gives what the receiver needs to connect. */
  send(bytes: number): Promise<string>
  /** Connects, and gives a function that receives all bytes. */
  receive(address: string, bytes: number): Promise<() => Promise<void>>
}

interface Sink {
  write(chunk: Uint8Array): boolean
  once(event: 'drain', listener: () => void): unknown
}

const chunk = new Uint8Array(WRITE_BYTES).map((_byte, index) => (index * 2654435761) >>> 24)

async function fill(sink: Sink, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= chunk.length) {
    const more = sink.write(left < chunk.length ? chunk.subarray(0, left) : chunk)
    if (!more) await new Promise<void>(resolve => sink.once('drain', resolve))
  }
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return String((server.address() as AddressInfo).port)
}

/** Counts what an emitter of `data` gives. */
function counted(source: NodeJS.EventEmitter, bytes: number): Promise<void> {
  return new Promise(resolve => {
    let left = bytes
    source.on('data', (data: Uint8Array) => {
      left -= data.length
      if (left <= 0) resolve()
    })
  })
}

const raw: Pair = {
  send: bytes => listening(createServer(socket => socket.once('data', () => void fill(socket, bytes)))),
  async receive(address, bytes) {
    const socket = connect(Number(address), '127.0.0.1')
    await once(socket, 'connect')
    return () => {
      socket.write('go')
      return counted(socket, bytes)
    }
  }
}

const tls: Pair = {
  send: bytes =>
    listening(
      createTlsServer({ key: KEY, cert: CERTIFICATE, minVersion: 'TLSv1.3' }, socket =>
        socket.once('data', () => void fill(socket, bytes))
      )
    ),
  async receive(address, bytes) {
    const socket = connectTls({ port: Number(address), host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    return () => {
      socket.write('go')
      return counted(socket, bytes)
    }
  }
}

function peer(listen: string[]): Promise<Libp2p> {
  return createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()]
  })
}

async function accepting(onStream: (stream: Stream) => void): Promise<string> {
  const node = await peer(['/ip4/127.0.0.1/tcp/0'])
  await node.handle(PROTOCOL, onStream)
  return String(node.getMultiaddrs()[0])
}

async function opened(address: string): Promise<Stream> {
  const node = await peer([])
  return node.dialProtocol(multiaddr(address), PROTOCOL)
}

const stream: Pair = {
  send: bytes =>
    accepting(stream => {
      const drained: (() => void)[] = []
      onWritable(stream, () => drained.shift()?.())
      const sink: Sink = {
        write: data => {
          stream.send(data)
          return isWritable(stream)
        },
        once: (_event, listener) => drained.push(listener)
      }
      stream.addEventListener('message', () => void fill(sink, bytes), { once: true })
    }),
  async receive(address, bytes) {
    const stream = await opened(address)
    return () => {
      stream.send(Buffer.from('go'))
      return new Promise(resolve => {
        let left = bytes
        stream.addEventListener('message', event => {
          left -= event.data.byteLength
          if (left <= 0) resolve()
        })
      })
    }
  }
}

const http: Pair = {
  async send(bytes) {
    const server = createHttpServer({ keepAliveTimeout: 0 }, async (_request, response) => {
      response.writeHead(200, { 'Content-Length': bytes })
      await fill(response, bytes)
      response.end()
    })
    return accepting(stream => void server.emit('connection', streamDuplex(stream)))
  },
  async receive(address, bytes) {
    const duplex = streamDuplex(await opened(address))
    const agent = new Agent({ keepAlive: true })
    agent.createConnection = () => duplex
    return async () => {
      const [response] = await once(get({ agent, path: '/' }), 'response')
      await counted(response, bytes)
    }
  }
}

export const PAIRS = { raw, tls, stream, http } as const
export type PairName = keyof typeof PAIRS
