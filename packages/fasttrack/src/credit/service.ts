/**
 * How receipts come about and travel, as a libp2p service. After a transfer the taker sends its giver a signed statement,
 * and the giver answers with the receipt that both have signed then. Peers that meet ask each other for the
 * receipts that they are a party of. Whatever comes is verified before it counts, within a budget, the cheap checks first.
 *
 * What it needs of the rest is a look into transfer's ledger: `own`. `levelOf` and `standingOf` are what an upload queue
 * asks; `gave` is called when verified bytes came from a peer.
 */
import {
  type Connection,
  type Logger,
  type PrivateKey,
  type Startable,
  type Stream,
  serviceCapabilities
} from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { ServentDatabase } from '@servent/database'
import { type Clock, type HostComponents, systemClock } from '@servent/libp2p-host'
import {
  ANSWER_BYTES_MAX,
  EXCHANGE_MS,
  RECEIPT_AHEAD_MS_MAX,
  RECEIPT_TOLERANCE_BYTES,
  RECEIPTS_ASKED_MAX,
  REQUEST_BYTES_MAX,
  SERVING_MAX,
  STREAMS_PER_CONNECTION_MAX,
  WRITE_MS
} from './constants.ts'
import { ExchangeError, ReceiptError } from './errors.ts'
import {
  type Answer,
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  RECEIPTS_PROTOCOL,
  type Request
} from './exchange.ts'
import { Limiters } from './limiters.ts'
import { Meetings } from './meetings.ts'
import { OwnReceipts } from './own-receipts.ts'
import { bandOf, Participation, type ParticipationLimits, participationLevel } from './participation.ts'
import { isNewer, type Receipt } from './receipt.ts'
import type { OwnAccounts } from './receipt-book.ts'
import { openReceipt, openStatement, peekReceipt, sealReceipt, sealStatement } from './receipt-sealing.ts'
import { ReceiptStore } from './receipt-store.ts'
import { RunningCount, Settlements } from './settlement.ts'
import type { ParticipationSnapshot } from './types.ts'

/** A length before a frame, and what comes with the end of it. */
const FRAME_OVERHEAD_BYTES = 16

export interface ReceiptExchangeInit {
  readonly privateKey: PrivateKey
  /** What this peer measured of others, as `Ledger.of`: bytes that it verified, and bytes that it sent. */
  readonly own: OwnAccounts
  /** Receipts outlive the program in it. */
  readonly database?: ServentDatabase
  readonly limits?: Partial<ParticipationLimits>
  readonly clock?: Clock
}

export class ReceiptExchange implements Startable {
  readonly [Symbol.toStringTag] = '@servent/receipts'
  readonly [serviceCapabilities]: string[] = ['@servent/receipts']
  readonly #components: HostComponents
  readonly #privateKey: PrivateKey
  readonly #own: OwnAccounts
  readonly #clock: Clock
  readonly #log: Logger
  readonly #self: string
  readonly #participation: Participation
  readonly #receipts: OwnReceipts
  readonly #store: ReceiptStore | undefined
  readonly #limiters: Limiters
  readonly #meetings = new Meetings()
  readonly #settlements = new Settlements()
  readonly #given = new RunningCount()
  readonly #sent = new RunningCount()
  readonly #counters = { settled: 0, countersigned: 0, heard: 0, leftOut: 0, refused: 0 }
  #serving = 0
  #topology: string | undefined
  #writing: unknown
  #ended = new AbortController()

  /** @throws NewerDatabaseError, RangeError  of a setting */
  constructor(components: HostComponents, init: ReceiptExchangeInit) {
    const { privateKey, own, database, limits, clock = systemClock } = init
    this.#components = components
    this.#privateKey = privateKey
    this.#own = own
    this.#clock = clock
    this.#log = components.logger.forComponent('servent:receipts')
    this.#self = components.peerId.toString()
    const forgotten = (receipt: Receipt) => this.#store?.forget(receipt)
    this.#participation = new Participation({
      self: this.#self,
      own,
      forgotten,
      ...(limits === undefined ? {} : { limits })
    })
    this.#receipts = new OwnReceipts(this.#self, forgotten)
    this.#limiters = new Limiters(clock.nowMs())
    if (database === undefined) return
    this.#store = new ReceiptStore(database)
    for (const { receipt, sealed } of this.#store.load()) {
      if (sealed === undefined) this.#participation.hear(receipt)
      else this.#receipts.keep(receipt, sealed)
    }
    this.#participation.restore()
  }

  async start(): Promise<void> {
    this.#ended = new AbortController()
    const { registrar } = this.#components
    await registrar.handle(RECEIPTS_PROTOCOL, (stream, connection) => this.#serve(stream, connection), {
      maxInboundStreams: STREAMS_PER_CONNECTION_MAX,
      maxOutboundStreams: STREAMS_PER_CONNECTION_MAX,
      runOnLimitedConnection: true
    })
    this.#topology = await registrar.register(RECEIPTS_PROTOCOL, {
      notifyOnLimitedConnection: true,
      onConnect: peer => this.#meet(peer.toString())
    })
  }

  async stop(): Promise<void> {
    this.#ended.abort(new ExchangeError('The exchange of receipts stops.'))
    const { registrar } = this.#components
    if (this.#topology !== undefined) registrar.unregister(this.#topology)
    await registrar.unhandle(RECEIPTS_PROTOCOL)
    this.#clock.clearTimeout(this.#writing)
    this.#write()
  }

  /**
   * 0 to 1000, of a peer that asks to be served: credit is set aside for it. It is asked for its receipts too, for
   * the next time, where that was long ago.
   */
  levelOf(peer: string): number {
    this.#meet(peer)
    return this.#participation.levelOf(peer, this.#clock.nowMs())
  }

  /** `levelOf` in the three levels of transfer's upload queue. */
  standingOf(peer: string): 'giver' | 'newcomer' | 'freeloader' {
    this.#meet(peer)
    return this.#participation.standingOf(peer, this.#clock.nowMs())
  }

  /** 0 to 1000, with nothing set aside for it. */
  shownLevelOf(peer: string): number {
    return this.#participation.shownLevelOf(peer, this.#clock.nowMs())
  }

  /** Verified bytes came from a peer, and `own` counts them. It gets a receipt when one is due. Never throws. */
  gave(peer: string): void {
    if (!this.#isDue(peer) || this.#ended.signal.aborted) return
    this.#settle(peer).catch(error => this.#log('%s signed no receipt - %e', peer, error))
  }

  /** This peer itself, by its own receipts. */
  own(): ParticipationSnapshot['own'] {
    const { givenBytes, takenBytes } = this.#receipts.totals()
    const level = participationLevel(givenBytes, takenBytes)
    return { givenBytes, takenBytes, level, band: bandOf(level), receipts: this.#receipts.size }
  }

  snapshot(): ParticipationSnapshot {
    return {
      own: this.own(),
      receiptsOfOthers: this.#participation.receipts,
      peers: this.#participation.active(),
      counters: { ...this.#counters }
    }
  }

  #isDue(peer: string): boolean {
    const last = this.#receipts.asTakerFrom(peer)
    const givenBytes = this.#given.of(peer, this.#own(peer).givenBytes, last)
    return this.#settlements.isDue(peer, givenBytes, last, this.#clock.nowMs())
  }

  /** As taker: states what it got, and keeps what the giver signed. */
  async #settle(peer: string): Promise<void> {
    this.#settlements.begin(peer, this.#clock.nowMs())
    const last = this.#receipts.asTakerFrom(peer)
    const receipt = {
      giver: peer,
      taker: this.#self,
      bytes: this.#given.of(peer, this.#own(peer).givenBytes, last),
      sequence: Math.max(Math.floor(this.#clock.wallMs()), (last?.sequence ?? 0) + 1)
    }
    const statement = await sealStatement(receipt, this.#privateKey)
    const answer = await this.#request(peer, { type: 'settle', statement })
    if (answer.type !== 'receipt') throw new ExchangeError('The giver does not sign.')
    const signed = await openReceipt(answer.sealed)
    if (!isSame(signed, receipt)) throw new ReceiptError('The giver signed something else.')
    this.#keep(signed, answer.sealed)
    this.#settlements.done(peer)
    this.#counters.settled += 1
  }

  #meet(peer: string): void {
    const nowMs = this.#clock.nowMs()
    // The cheap look first: an upload queue comes here with each of its places.
    if (!this.#meetings.isDue(peer, nowMs) || this.#connectionTo(peer) === undefined) return
    this.#meetings.met(peer, nowMs)
    this.#askNext()
  }

  #askNext(): void {
    const peer = this.#ended.signal.aborted ? undefined : this.#meetings.next(this.#clock.nowMs())
    if (peer === undefined) return
    this.#ask(peer)
      .catch(error => this.#log('%s did not show its receipts - %e', peer, error))
      .finally(() => {
        this.#meetings.asked()
        // Only now: the peer may have shown the last receipt of the two, where this one had lost it.
        this.gave(peer)
        this.#askNext()
      })
  }

  async #ask(peer: string): Promise<void> {
    const answer = await this.#request(peer, { type: 'ask', count: RECEIPTS_ASKED_MAX })
    if (answer.type !== 'receipts') throw new ExchangeError('The answer is not to what was asked.')
    for (const sealed of answer.sealed) await this.#hear(sealed, peer)
  }

  /** One receipt that a peer shows. The first that is wrong ends the whole answer. */
  async #hear(sealed: Uint8Array, from: string): Promise<void> {
    const shown = peekReceipt(sealed)
    // It has no part in others, so it could have taken them anywhere, and as many as it likes.
    if (shown.giver !== from && shown.taker !== from)
      throw new ReceiptError('A peer shows a receipt of others.')
    const isOwn = shown.giver === this.#self || shown.taker === this.#self
    const isNews = isOwn
      ? isNewer(shown, this.#receipts.of(shown))
      : this.#participation.judge(shown) === 'kept'
    if (!isNews || !this.#limiters.mayVerify(from, this.#clock.nowMs())) {
      this.#counters.leftOut += 1
      return
    }
    const receipt = await openReceipt(sealed)
    // This peer has signed it, and lost it since.
    if (isOwn) {
      this.#keep(receipt, sealed)
      return
    }
    if (this.#participation.hear(receipt) !== 'kept') return
    this.#counters.heard += 1
    this.#store?.put({ receipt })
    this.#writeLater()
  }

  async #request(peer: string, request: Request): Promise<Answer> {
    const signal = AbortSignal.any([AbortSignal.timeout(EXCHANGE_MS), this.#ended.signal])
    // Nobody is dialled for a receipt: it can wait until the two meet again.
    const connection = this.#connectionTo(peer)
    if (connection === undefined) throw new ExchangeError('The peer is not connected.')
    const stream = await connection.newStream(RECEIPTS_PROTOCOL, { signal, runOnLimitedConnection: true })
    try {
      const frames = framesOf(stream, ANSWER_BYTES_MAX)
      await frames.write(encodeRequest(request), { signal })
      const answer = decodeAnswer((await frames.read({ signal })).subarray())
      await stream.close({ signal })
      return answer
    } catch (error) {
      stream.abort(error as Error)
      throw error
    }
  }

  #connectionTo(peer: string): Connection | undefined {
    const { connectionManager } = this.#components
    // By text, so that what is no PeerId is simply not there.
    return connectionManager
      .getConnections()
      .find(({ remotePeer, status }) => status === 'open' && remotePeer.toString() === peer)
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString()
    if (this.#serving >= SERVING_MAX || !this.#limiters.mayAsk(peer, this.#clock.nowMs())) {
      this.#counters.refused += 1
      stream.abort(new ExchangeError('Too many requests.'))
      return
    }
    this.#serving += 1
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(EXCHANGE_MS), this.#ended.signal])
      const frames = framesOf(stream, REQUEST_BYTES_MAX)
      const request = decodeRequest((await frames.read({ signal })).subarray())
      const answer = await this.#answer(peer, request)
      await frames.write(encodeAnswer(answer), { signal })
      await stream.close({ signal })
    } catch (error) {
      this.#counters.refused += 1
      this.#log('a request of %p failed - %e', connection.remotePeer, error)
      stream.abort(error as Error)
    } finally {
      this.#serving -= 1
    }
  }

  async #answer(peer: string, request: Request): Promise<Answer> {
    if (request.type === 'ask') {
      const best = this.#receipts.best(request.count, peer)
      return { type: 'receipts', sealed: best.map(({ sealed }) => sealed) }
    }
    const { statement } = request
    if (!this.#limiters.mayVerify(peer, this.#clock.nowMs())) return { type: 'refused' }
    const stated = await openStatement(statement)
    if (!this.#agrees(stated, peer)) {
      this.#counters.refused += 1
      return { type: 'refused' }
    }
    const sealed = await sealReceipt(statement, this.#privateKey)
    const countedBytes = this.#sentTo(peer)
    if (this.#keep(stated, sealed)) this.#sent.signed(peer, stated.bytes, countedBytes)
    this.#counters.countersigned += 1
    return { type: 'receipt', sealed }
  }

  /** As giver: what it signs too. */
  #agrees(stated: Receipt, peer: string): boolean {
    const { giver, taker, bytes, sequence } = stated
    if (giver !== this.#self || taker !== peer) return false
    const last = this.#receipts.asGiverTo(peer)
    if (!isNewer(stated, last) || sequence > this.#clock.wallMs() + RECEIPT_AHEAD_MS_MAX) return false
    return bytes <= this.#sentTo(peer) + RECEIPT_TOLERANCE_BYTES
  }

  /** What the tolerance stands on. A receipt that is ahead by no more than that has used it: it is given once. */
  #sentTo(peer: string): number {
    const { takenBytes } = this.#own(peer)
    const countedBytes = this.#sent.of(peer, takenBytes, this.#receipts.asGiverTo(peer))
    return countedBytes - takenBytes <= RECEIPT_TOLERANCE_BYTES ? takenBytes : countedBytes
  }

  #keep(receipt: Receipt, sealed: Uint8Array): boolean {
    // A view of a frame would hold all of it.
    const own = sealed.slice()
    if (!this.#receipts.keep(receipt, own)) return false
    this.#store?.put({ receipt, sealed: own })
    this.#writeLater()
    return true
  }

  #writeLater(): void {
    if (this.#store !== undefined) this.#writing ??= this.#clock.setTimeout(() => this.#write(), WRITE_MS)
  }

  /** Never throws: a full disk must not end the node. It is tried again with the next change. */
  #write(): void {
    this.#writing = undefined
    try {
      this.#store?.write()
    } catch (error) {
      this.#log.error('receipts could not be saved - %e', error)
    }
  }
}

function framesOf(stream: Stream, bytesMax: number) {
  return lpStream(stream, { maxDataLength: bytesMax, maxBufferSize: bytesMax + FRAME_OVERHEAD_BYTES })
}

function isSame(a: Receipt, b: Receipt): boolean {
  return a.giver === b.giver && a.taker === b.taker && a.bytes === b.bytes && a.sequence === b.sequence
}

/** A service for libp2p: `services: { receipts: receiptExchange({ privateKey, own }) }`. */
export const receiptExchange =
  (init: ReceiptExchangeInit) =>
  (components: HostComponents): ReceiptExchange =>
    new ReceiptExchange(components, init)
