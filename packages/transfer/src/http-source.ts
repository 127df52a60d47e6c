/**
 * One provider as a server of HTTP: one stream to it, kept for request after request, opened again when it
 * is lost. `node:http` speaks; what comes is held against what was asked for before anybody uses it.
 */
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  type ContentId,
  HASH_BYTES,
  type HashRun,
  LAYER_BLOCK_BYTES,
  type Provider,
  proofCount
} from '@servent/overlay'
import { parseAvailableRanges } from './available-ranges.ts'
import type { BlockSet } from './block-set.ts'
import { SourceGoneError, SourceLacksError, SourceLiedError, SourceLostError } from './errors.ts'
import { busyFrom, nameFrom, translate } from './http-words.ts'
import type { KeptStreams } from './kept-streams.ts'
import type { DownloadLimits } from './limits.ts'
import { parseContentRange } from './range.ts'
import { type RateCap, RateMeter } from './rate.ts'
import { RateWatch } from './rate-watch.ts'
import type { Connector, DownloadSource } from './types.ts'

export type SourceLimits = Pick<
  DownloadLimits,
  'connectMs' | 'answerMs' | 'headerBytesMax' | 'stallMs' | 'rateBytesPerSecondMin' | 'rateWindowMs'
>

export interface SourceInit {
  readonly provider: Provider
  readonly id: ContentId
  readonly connector: Connector
  readonly limits: SourceLimits
  readonly cap: RateCap | undefined
  /** Where a stream that is open still is taken from, and given to at the end. */
  readonly streams?: KeptStreams | undefined
}

export interface FileHead {
  readonly size: number
  /** As the source says: never a path. */
  readonly name: string | undefined
}

export class HttpSource {
  readonly #init: SourceInit
  readonly #agent: Agent
  readonly #meter: RateMeter
  readonly #closed = new AbortController()
  #peer: string
  #relayed = false
  #available: BlockSet | undefined
  /** Whether the stream is somebody else's now. */
  #isKept = false

  constructor(init: SourceInit) {
    this.#init = init
    const kept = init.streams?.take(init.provider.peerId)
    this.#peer = kept?.peer ?? init.provider.peerId
    this.#relayed = kept?.relayed ?? false
    this.#meter = kept?.meter ?? new RateMeter(performance.now())
    this.#agent = kept?.agent ?? new Agent({ keepAlive: true, maxSockets: 1 })
    this.#agent.createConnection = (_options, done) => {
      this.#connect().then(
        duplex => done?.(null, duplex),
        // The type wants a stream beside the error, and the agent looks at the error first.
        error => done?.(error, undefined as never)
      )
      return undefined
    }
  }

  /** PeerId in text form: as its connection proved it, once there is one. */
  get peer(): string {
    return this.#peer
  }

  status(nowMs: number): DownloadSource {
    return {
      peer: this.#peer,
      relayed: this.#relayed,
      rate: this.#meter.rate(nowMs),
      ...(this.#available === undefined ? {} : { partial: true as const })
    }
  }

  /** The blocks that it has, as its last answer said, where it is fetching the file itself. Absent: all. */
  get available(): BlockSet | undefined {
    return this.#available
  }

  close(): void {
    if (this.#closed.signal.aborted || this.#isKept) return
    const { provider, streams } = this.#init
    const stream = { agent: this.#agent, meter: this.#meter, peer: this.#peer, relayed: this.#relayed }
    this.#isKept = streams?.give(provider.peerId, stream) ?? false
    if (this.#isKept) return
    this.#closed.abort(new SourceLostError('The source is not needed any more.'))
    this.#agent.destroy()
  }

  /** Size and name of the file, as the source says. */
  async head(signal: AbortSignal): Promise<FileHead> {
    const answer = await this.#ask('HEAD', `/ipfs/${this.#init.id}`, {}, signal)
    answer.resume()
    if (answer.statusCode !== 200) throw this.#refusal(answer)
    const text = answer.headers['x-servent-size'] ?? answer.headers['content-length']
    if (typeof text !== 'string' || !/^\d{1,16}$/.test(text)) {
      throw new SourceLiedError('It does not say how many bytes the file has.')
    }
    const size = Number(text)
    this.#hear(answer, size)
    return { size, name: nameFrom(answer.headers['content-disposition']) }
  }

  /**
   * The hashes of a run, then its proof: as many as there must be, and not verified yet.
   *
   * @throws SourceLacksError  it is fetching the file itself, and does not have them, or not any more
   */
  async hashes(run: HashRun, signal: AbortSignal): Promise<Uint8Array> {
    const path = `/servent/hashes/${this.#init.id}?height=${run.height}&index=${run.index}&count=${run.count}`
    const answer = await this.#ask('GET', path, {}, signal)
    if (answer.statusCode === 416 && answer.headers['x-available-ranges'] !== undefined) {
      answer.resume()
      throw new SourceLacksError('It does not have the hashes that it was asked for.')
    }
    if (answer.statusCode !== 200) throw this.#refusal(answer)
    const bytes = new Uint8Array((run.count + proofCount(run)) * HASH_BYTES)
    let filled = 0
    for await (const chunk of this.#body(answer, bytes.length, signal)) {
      bytes.set(chunk, filled)
      filled += chunk.length
    }
    return bytes
  }

  /**
   * Bytes `start` to `end` of a file of `size` bytes, all of them and no more, in the order of the file.
   *
   * @throws SourceLiedError  the answer is not what was asked for
   * @throws SourceLostError  the source went away or is too slow
   * @throws SourceBusyError  it has no free slot
   * @throws SourceLacksError  it is fetching the file itself, and does not have all of them
   */
  async *range(start: number, end: number, size: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const headers = { Range: `bytes=${start}-${end - 1}`, 'If-Range': `"${this.#init.id}"` }
    const answer = await this.#ask('GET', `/ipfs/${this.#init.id}`, headers, signal)
    const { statusCode } = answer
    const before = this.#available
    this.#hear(answer, size)
    if (statusCode === 416 && this.#available !== undefined) {
      answer.resume()
      if (covers(before, start, end) || covers(this.#available, start, end))
        throw new SourceLiedError(`It says that it has bytes ${start}-${end - 1}, and does not give them.`)
      throw new SourceLacksError('It does not have yet what it was asked for.')
    }
    const whole = statusCode === 200 && start === 0 && end === size
    if (statusCode !== 206 && !whole) throw this.#refusal(answer)
    if (!whole) {
      const given = parseContentRange(answer.headers['content-range'])
      if (given?.start !== start || given.end !== end || given.size !== size) {
        answer.destroy()
        const text = answer.headers['content-range'] ?? 'no Content-Range'
        throw new SourceLiedError(`It was asked for bytes ${start}-${end - 1}/${size} and gives "${text}".`)
      }
    }
    yield* this.#body(answer, end - start, signal)
  }

  /**
   * What it has, where the answer tells: those of who has all do so by silence.
   *
   * @throws SourceLiedError  what it says cannot be
   */
  #hear(answer: IncomingMessage, size: number): void {
    const { statusCode, headers } = answer
    const text = headers['x-available-ranges']
    try {
      if (text !== undefined) this.#available = parseAvailableRanges(String(text), size)
      else if (statusCode === 200 || statusCode === 206) this.#available = undefined
    } catch (error) {
      answer.destroy()
      throw error
    }
  }

  async #connect(): Promise<Duplex> {
    const { connector, provider, id, limits } = this.#init
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(limits.connectMs)])
    let connection: Awaited<ReturnType<Connector['connect']>>
    try {
      connection = await connector.connect(provider, id, signal)
    } catch (error) {
      throw new SourceLostError(`It could not be reached: ${(error as Error).message}`, { cause: error })
    }
    // A stream that is closed already would have the agent connect for the request that waits, again and again.
    if (this.#closed.signal.aborted) {
      connection.duplex.destroy()
      throw this.#closed.signal.reason
    }
    this.#peer = connection.peerId
    this.#relayed = connection.relayed
    return connection.duplex
  }

  /** Ends with the head of the answer. */
  #ask(
    method: string,
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal
  ): Promise<IncomingMessage> {
    const { limits } = this.#init
    return new Promise((resolve, reject) => {
      const asking = request({
        agent: this.#agent,
        // RFC 9112, 3.2: a Host there must be, and a peer has no name.
        headers: { Host: '', ...headers },
        maxHeaderSize: limits.headerBytesMax,
        method,
        path,
        setHost: false,
        signal
      })
      // Connecting has a bound of its own, and comes first.
      const late = () => asking.destroy(new SourceLostError('It does not answer.'))
      const timer = setTimeout(late, limits.connectMs + limits.answerMs)
      asking.once('socket', () => timer.refresh())
      asking.once('response', answer => {
        clearTimeout(timer)
        if (answer.headers['content-encoding'] === undefined) return resolve(answer)
        asking.destroy()
        reject(new SourceLiedError('It compresses what it sends, which it was not asked for.'))
      })
      asking.on('error', error => {
        clearTimeout(timer)
        reject(signal.aborted ? signal.reason : translate(error))
      })
      asking.end()
    })
  }

  /** Exactly `length` bytes of an answer's body. */
  async *#body(answer: IncomingMessage, length: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const declared = answer.headers['content-length']
    if (declared !== undefined && Number(declared) !== length) {
      answer.destroy()
      throw new SourceLiedError(`It was asked for ${length} bytes and sends ${declared}.`)
    }
    const watch = new RateWatch(this.#init.limits, error => answer.destroy(error))
    let left = length
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        watch.received(chunk.length)
        left -= chunk.length
        if (left < 0) throw new SourceLiedError(`It sends more than the ${length} bytes it was asked for.`)
        this.#meter.add(chunk.length, performance.now())
        await this.#init.cap?.take(chunk.length, signal)
        yield chunk
        watch.wait()
      }
    } catch (error) {
      throw signal.aborted ? signal.reason : translate(error as Error)
    } finally {
      watch.end()
      if (left !== 0) answer.destroy()
    }
    // A stream that broke was met above: this answer ended in good order, and too early.
    if (left > 0) throw new SourceLiedError(`It ends ${left} bytes before the end of what it was asked for.`)
  }

  #refusal(answer: IncomingMessage): Error {
    const { statusCode, headers } = answer
    answer.resume()
    if (statusCode === 503) return busyFrom(headers as IncomingHttpHeaders)
    if (statusCode === 404 || statusCode === 410)
      return new SourceGoneError('It does not have the file any more.')
    if (statusCode === 200 || statusCode === 206 || statusCode === 416) {
      return new SourceLiedError(`It answers ${statusCode} to a range that lies in the file.`)
    }
    return new SourceLostError(`It answers ${statusCode}.`)
  }
}

/** Whether these blocks are among those that a source says it has. */
function covers(blocks: BlockSet | undefined, start: number, end: number): boolean {
  if (blocks === undefined) return false
  return blocks.nextMissing(start / LAYER_BLOCK_BYTES) >= Math.ceil(end / LAYER_BLOCK_BYTES)
}
