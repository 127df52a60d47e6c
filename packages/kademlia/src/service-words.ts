/**
 * Questions of peer to peer: which of your files have these words? A word's key in Kademlia says only who has such
 * files, so each of those is asked, over a stream of its own.
 */
import type { Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type Clock, contactOf, dialTargetOf, type HostComponents } from '@servent/libp2p-host'
import { type Catalogue, LimitError, type Query, type SealedRecords } from '@servent/overlay'
import {
  ANSWER_BYTES_MAX,
  ANSWER_RECORDS_MAX,
  QUESTION_ARRIVES_MS,
  QUESTION_BYTES_MAX,
  QUESTION_MS,
  SERVING_MAX,
  SERVING_PER_PEER_MAX,
  STREAMS_PER_CONNECTION_MAX,
  WORDS_PROTOCOL
} from './constants.ts'
import { Questioners } from './service-questioners.ts'
import { type Answer, decodeAnswer, decodeQuestion, encodeAnswer, encodeQuestion } from './wire.ts'

/** The length before a frame. */
const FRAME_OVERHEAD_BYTES = 4

export interface WordsInit {
  readonly clock: Clock
  readonly log: Logger
  readonly sealed: SealedRecords
  readonly catalogue: () => Catalogue | undefined
}

export interface Asked extends Answer {
  /** Of the question and its answer. */
  readonly bytes: number
}

export class Words implements Startable {
  readonly #components: Pick<HostComponents, 'registrar' | 'connectionManager'>
  readonly #init: WordsInit
  readonly #questioners = new Questioners()
  readonly counters = { questionsServed: 0, questionsRefused: 0, questionsAsked: 0, dials: 0 }
  /** Streams that have a place, and whose each is. */
  readonly #serving = new Map<Stream, string>()
  #ended = new AbortController()

  constructor(components: Pick<HostComponents, 'registrar' | 'connectionManager'>, init: WordsInit) {
    this.#components = components
    this.#init = init
  }

  async start(): Promise<void> {
    this.#ended = new AbortController()
    await this.#components.registrar.handle(
      WORDS_PROTOCOL,
      (stream, connection) => this.#serve(stream, connection),
      {
        maxInboundStreams: STREAMS_PER_CONNECTION_MAX,
        maxOutboundStreams: STREAMS_PER_CONNECTION_MAX,
        runOnLimitedConnection: true
      }
    )
  }

  async stop(): Promise<void> {
    this.#ended.abort(new Error('The overlay stops.'))
    await this.#components.registrar.unhandle(WORDS_PROTOCOL)
  }

  /** @throws Error  the peer cannot be reached, does not answer in time, or says what is no answer */
  async ask(peer: PeerId, addresses: readonly Multiaddr[], query: Query, until: AbortSignal): Promise<Asked> {
    const signal = AbortSignal.any([until, AbortSignal.timeout(QUESTION_MS), this.#ended.signal])
    const { connectionManager } = this.#components
    this.counters.questionsAsked += 1
    if (connectionManager.getConnections(peer).length === 0) {
      this.counters.dials += 1
      // The addresses came with the word of who has the files: the peer store may have none.
      const target = addresses.length === 0 ? peer : dialTargetOf(peer, contactOf(peer, addresses))
      await connectionManager.openConnection(target, { signal })
    }
    const stream = await connectionManager.openStream(peer, WORDS_PROTOCOL, {
      signal,
      runOnLimitedConnection: true
    })
    try {
      const frames = framesOf(stream, ANSWER_BYTES_MAX)
      const question = encodeQuestion({ ...query, limit: Math.min(query.limit, ANSWER_RECORDS_MAX) })
      await frames.write(question, { signal })
      const answer = (await frames.read({ signal })).subarray()
      const { records, more } = decodeAnswer(answer)
      await stream.close({ signal })
      return { records, more, bytes: question.length + answer.length }
    } catch (error) {
      stream.abort(error as Error)
      throw error
    }
  }

  async #serve(stream: Stream, { remotePeer }: Connection): Promise<void> {
    const peer = `${remotePeer}`
    if (!this.#hasPlaceFor(peer) || !this.#questioners.mayAsk(peer, this.#init.clock.nowMs())) {
      this.counters.questionsRefused += 1
      stream.abort(new LimitError('QUESTIONS_PER_SECOND', 'Too many questions; ask again in a second.'))
      return
    }
    this.#serving.set(stream, peer)
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(QUESTION_MS), this.#ended.signal])
      const frames = framesOf(stream, QUESTION_BYTES_MAX)
      const arrives = AbortSignal.any([AbortSignal.timeout(QUESTION_ARRIVES_MS), signal])
      const query = decodeQuestion((await frames.read({ signal: arrives })).subarray())
      await frames.write(encodeAnswer(await this.#answer(query)), { signal })
      await stream.close({ signal })
      this.counters.questionsServed += 1
    } catch (error) {
      this.counters.questionsRefused += 1
      this.#init.log('a question of %p failed - %e', remotePeer, error)
      stream.abort(error as Error)
    } finally {
      this.#serving.delete(stream)
    }
  }

  #hasPlaceFor(peer: string): boolean {
    if (this.#serving.size >= SERVING_MAX) return false
    let ofPeer = 0
    for (const other of this.#serving.values()) if (other === peer) ofPeer += 1
    return ofPeer < SERVING_PER_PEER_MAX
  }

  async #answer(query: Query): Promise<Answer> {
    const { catalogue, sealed, clock } = this.#init
    const limit = Math.min(query.limit, ANSWER_RECORDS_MAX)
    const files = (await catalogue()?.match(query, limit + 1)) ?? []
    const records: Uint8Array[] = []
    let bytes = 8
    for (const file of files.slice(0, limit)) {
      const record = await sealed.of(file, clock.wallMs()).catch(() => undefined)
      // It has a name or tags that no record can hold.
      if (record === undefined) continue
      bytes += record.length + 4
      if (bytes > ANSWER_BYTES_MAX) break
      records.push(record)
    }
    return { records, more: records.length < files.length }
  }
}

function framesOf(stream: Stream, bytesMax: number) {
  return lpStream(stream, { maxDataLength: bytesMax, maxBufferSize: bytesMax + FRAME_OVERHEAD_BYTES })
}
