/**
 * Yamux with every length bounded. The stock multiplexer has four holes that a remote peer can use:
 *
 * - It buffers a frame whole before it looks at its length, and a header may declare 4 GiB. Here headers are
 *   read as they come: a data frame longer than what its stream may receive ends the connection before one
 *   byte of it is buffered.
 * - Its window grows to 16 MiB while a paused reader's buffer is 4 MiB, past which the stream is reset. Here
 *   the window never exceeds the read buffer.
 * - What waits to be written is unbounded, for a stream and for the connection: a peer that asks (pings, new
 *   streams) and never reads makes it grow. Here both have a limit.
 * - A stream is opened by a frame that goes out a moment later. Where the peer hung up in that moment, writing it
 *   throws where nobody can catch it, and ends the process. Here what comes too late is thrown away: the end of the
 *   connection, which is on its way, ends the stream.
 *
 * Rules: the Yamux specification, https://github.com/hashicorp/yamux/blob/master/spec.md.
 */
import {
  type MessageStream,
  type Stream,
  type StreamMessageEvent,
  type StreamMuxer,
  type StreamMuxerFactory,
  serviceCapabilities
} from '@libp2p/interface'
import { type YamuxMuxerInit, yamux } from '@libp2p/yamux'
import {
  CONNECTION_WRITE_BUFFER_BYTES_MAX,
  INBOUND_STREAMS_MAX,
  READ_BUFFER_BYTES_MAX,
  WINDOW_BYTES_MAX,
  WRITE_BUFFER_BYTES_MAX
} from './limits.ts'

const HEADER_BYTES = 12
const FRAME_DATA = 0

/** A frame declares more bytes than its stream may receive. The connection is reset. */
export class FrameLengthError extends Error {
  static override readonly name = 'FrameLengthError'
  override readonly name = 'FrameLengthError'
}

/** What a stream of Yamux knows of its window, beside the public interface. */
interface WindowedStream extends Stream {
  readonly recvWindowCapacity?: number
}

/** What a connection knows of its writable half, beside the public interface. */
interface WritableHalf {
  readonly writeStatus?: 'writable' | 'paused' | 'closing' | 'closed'
}

type Bounds = Required<
  Pick<NonNullable<YamuxMuxerInit['streamOptions']>, 'maxStreamWindowSize' | 'maxReadBufferLength'>
>

/**
 * The multiplexer to give to libp2p: `streamMuxers: [boundedYamux()]`.
 *
 * @throws RangeError  a window is larger than the read buffer, which would reset streams whose reader pauses
 */
export function boundedYamux(init: YamuxMuxerInit = {}): () => StreamMuxerFactory {
  const streamOptions: NonNullable<YamuxMuxerInit['streamOptions']> & Bounds = {
    maxStreamWindowSize: WINDOW_BYTES_MAX,
    maxReadBufferLength: READ_BUFFER_BYTES_MAX,
    maxWriteBufferLength: WRITE_BUFFER_BYTES_MAX,
    ...init.streamOptions
  }
  const windowBytesMax = Math.max(
    streamOptions.maxStreamWindowSize,
    streamOptions.initialStreamWindowSize ?? 0
  )
  if (windowBytesMax > streamOptions.maxReadBufferLength) {
    throw new RangeError(
      `A window of ${windowBytesMax} bytes does not fit a read buffer of ${streamOptions.maxReadBufferLength}: a stream that pauses would be reset.`
    )
  }
  const create = yamux({ maxInboundStreams: INBOUND_STREAMS_MAX, ...init, streamOptions })
  return () => new BoundedYamux(create(), windowBytesMax)
}

class BoundedYamux implements StreamMuxerFactory {
  readonly [Symbol.toStringTag] = '@servent/bounded-yamux'
  readonly [serviceCapabilities]: string[] = ['@libp2p/stream-multiplexing']
  readonly protocol: string
  readonly #inner: StreamMuxerFactory
  readonly #windowBytesMax: number

  constructor(inner: StreamMuxerFactory, windowBytesMax: number) {
    this.#inner = inner
    this.protocol = inner.protocol
    this.#windowBytesMax = windowBytesMax
  }

  createStreamMuxer(connection: MessageStream): StreamMuxer {
    const headers = new HeaderReader()
    let muxer: StreamMuxer | undefined
    const windows = new Windows()
    const check = (streamId: number, length: number) => {
      const windowBytes = windows.of(muxer, streamId) ?? this.#windowBytesMax
      if (length > windowBytes) {
        throw new FrameLengthError(`A frame declares ${length} bytes; its stream may receive ${windowBytes}.`)
      }
    }
    const onMessage = (event: StreamMessageEvent) => {
      try {
        for (const piece of event.data instanceof Uint8Array ? [event.data] : event.data)
          headers.read(piece, check)
      } catch (error) {
        // Listeners are called in the order in which they were added: the multiplexer never sees this chunk.
        event.stopImmediatePropagation()
        muxer?.abort(error as Error)
        connection.abort(error as Error)
      }
    }
    connection.addEventListener('message', onMessage)
    connection.maxWriteBufferLength = CONNECTION_WRITE_BUFFER_BYTES_MAX
    const send = connection.send.bind(connection)
    connection.send = data => {
      const { writeStatus } = connection as WritableHalf
      return writeStatus === 'closing' || writeStatus === 'closed' ? true : send(data)
    }
    muxer = this.#inner.createStreamMuxer(connection)
    return muxer
  }
}

/**
 * What a stream may receive now. A remote peer knows only of windows that were granted before, so no honest
 * frame is longer than this, wherever its chunk was cut. Frames come in rows for one stream: the last one
 * is found without a search.
 */
class Windows {
  #streamId: number | undefined
  #stream: WindowedStream | undefined

  of(muxer: StreamMuxer | undefined, streamId: number): number | undefined {
    if (streamId !== this.#streamId || this.#stream?.status !== 'open') {
      const id = String(streamId)
      this.#streamId = streamId
      this.#stream = muxer?.streams.find(stream => stream.id === id)
    }
    return this.#stream?.recvWindowCapacity
  }
}

/** Follows the frames of a connection, however they are cut, and looks at each header of a data frame. */
class HeaderReader {
  readonly #header = new Uint8Array(HEADER_BYTES)
  #headerBytes = 0
  /** Bytes of a frame's data that are still to come. */
  #dataBytes = 0

  read(piece: Uint8Array, check: (streamId: number, length: number) => void): void {
    let offset = 0
    while (offset < piece.length) {
      if (this.#dataBytes > 0) {
        const skipped = Math.min(this.#dataBytes, piece.length - offset)
        this.#dataBytes -= skipped
        offset += skipped
        continue
      }
      const taken = Math.min(HEADER_BYTES - this.#headerBytes, piece.length - offset)
      this.#header.set(piece.subarray(offset, offset + taken), this.#headerBytes)
      this.#headerBytes += taken
      offset += taken
      if (this.#headerBytes === HEADER_BYTES) this.#endHeader(check)
    }
  }

  #endHeader(check: (streamId: number, length: number) => void): void {
    this.#headerBytes = 0
    const view = new DataView(this.#header.buffer)
    if (view.getUint8(1) !== FRAME_DATA) return
    const length = view.getUint32(8)
    // A frame without data, as many as a peer likes, fits every window.
    if (length > 0) check(view.getUint32(4), length)
    this.#dataBytes = length
  }
}
