/**
 * Counts what peers send, alike for every overlay: messages and bytes on the streams of its protocol, and
 * bytes of all sockets, in which Noise, Yamux, the negotiation of streams, identify and pings are too.
 *
 * Messages of all overlays here begin with their length as a varint, so their number can be read off the bytes
 * without knowing what they say.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type { Stream } from '@libp2p/interface'
import type { HostComponents } from '@servent/libp2p-host'

/** Totals of one process, in bytes, and what else it used. */
export interface Usage {
  readonly messages: number
  readonly protocolBytes: number
  readonly socketBytes: number
  /** Of all threads, in user and system mode. */
  readonly cpuSeconds: number
}

const live = new Set<Socket>()
let endedSocketBytes = 0
let messages = 0
let protocolBytes = 0

function watch(socket: Socket): void {
  live.add(socket)
  socket.once('close', () => {
    live.delete(socket)
    endedSocketBytes += socket.bytesWritten
  })
}

subscribe('net.client.socket', message => watch((message as { socket: Socket }).socket))
subscribe('net.server.socket', message => watch((message as { socket: Socket }).socket))

export function usage(): Usage {
  const { user, system } = process.cpuUsage()
  let socketBytes = endedSocketBytes
  for (const socket of live) socketBytes += socket.bytesWritten
  return { messages, protocolBytes, socketBytes, cpuSeconds: (user + system) / 1e6 }
}

/** Follows the frames of one direction of a stream, however they are cut. */
class FrameCounter {
  #left = 0
  #length = 0
  #shift = 0

  read(piece: Uint8Array): void {
    for (let offset = 0; offset < piece.length; ) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, piece.length - offset)
        this.#left -= taken
        offset += taken
        continue
      }
      const byte = piece[offset++]!
      this.#length += (byte & 0x7f) * 2 ** this.#shift
      this.#shift += 7
      if (byte >= 0x80) continue
      messages += 1
      this.#left = this.#length
      this.#length = 0
      this.#shift = 0
    }
  }
}

function count(stream: Stream): void {
  const frames = new FrameCounter()
  const send = stream.send.bind(stream)
  stream.send = (data: Parameters<Stream['send']>[0]) => {
    protocolBytes += data.byteLength
    if (data instanceof Uint8Array) frames.read(data)
    else for (const piece of data) frames.read(piece)
    return send(data)
  }
}

/** A service that stands before the overlay's own and sees each of its streams, of whichever side opened it. */
export function trafficMeter(protocol: string) {
  return (components: Pick<HostComponents, 'registrar' | 'events'>) => {
    const { registrar, events } = components
    const handle = registrar.handle.bind(registrar)
    registrar.handle = (name, handler, options) => {
      if (name !== protocol) return handle(name, handler, options)
      return handle(
        name,
        (stream, connection) => {
          count(stream)
          return handler(stream, connection)
        },
        options
      )
    }
    events.addEventListener('connection:open', ({ detail: connection }) => {
      const newStream = connection.newStream.bind(connection)
      connection.newStream = async (protocols, options) => {
        const stream = await newStream(protocols, options)
        if (stream.protocol === protocol) count(stream)
        return stream
      }
    })
    return {}
  }
}
