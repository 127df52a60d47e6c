/**
 * Announcing what this peer shares, within a budget of bytes a second. Each session begins at the first file. One
 * batch is under way at a time; a file of it counts as announced when the server has acknowledged that one, and is sent
 * again where the server says "later" or nothing. Changes of the catalogue go before the rest.
 */
import { type RequestId, TokenBucket } from '@servent/overlay/machine'
import { sendHome } from './client-session.ts'
import {
  ANNOUNCE_ANSWER_MS,
  ANNOUNCE_BATCH_BYTES,
  ANNOUNCE_BYTES_BURST,
  ANNOUNCE_BYTES_PER_SECOND,
  ANNOUNCE_FULL_MS,
  ANNOUNCE_LATER_MS,
  BATCH_FILES_MAX,
  CHANGES_WAITING_MAX
} from './constants.ts'
import type {
  ShareAckMessage,
  SharedRecord,
  ShareRecordsMessage,
  ShareRefusal,
  UnshareRecordsMessage
} from './messages.ts'
import type { Fx, NapsterState } from './state.ts'

export const ANNOUNCE_TIMER = 'announce'

/** Files that are asked for at a time: about one batch. */
const PAGE_FILES = 32

export class Announcing {
  /** Names the walk through the catalogue; a new one begins at its first file. */
  pass = 0
  isPassOver = true
  /** What was read and not sent. */
  ready: SharedRecord[] = []
  underWay: ShareRecordsMessage | UnshareRecordsMessage | undefined
  /** A question to the catalogue is under way. */
  isReading = false
  /** Numbers of files that came, or went. */
  readonly added = new Set<number>()
  readonly removed = new Set<number>()
  /** Files that changed while the catalogue was being read: what was read of them is old. */
  readonly touched = new Set<number>()
  /** Numbers of files that the server has acknowledged in this session. */
  readonly done = new Set<number>()
  isFull = false
  /** What the server has is sent to it again, from the first file to the last, whatever else it refuses. */
  isRenewal = false
  /** In a renewal after the server said that it is full: what it does not have is passed over. */
  skipsNew = false
  /** What the server has acknowledged is passed over: only what it had no room for is looked for. */
  skipsDone = false
  batch: RequestId = 0
  readonly bucket = new TokenBucket(ANNOUNCE_BYTES_BURST, ANNOUNCE_BYTES_PER_SECOND, 0)

  get sizes(): Readonly<Record<string, number>> {
    return { changesWaiting: this.added.size + this.removed.size, announceReady: this.ready.length }
  }

  /** The session is over: nothing of it counts. */
  stop(): void {
    this.pass += 1
    this.isPassOver = true
    this.ready = []
    this.underWay = undefined
    this.isReading = false
    this.isFull = false
    this.isRenewal = false
    this.skipsNew = false
    this.skipsDone = false
    this.added.clear()
    this.removed.clear()
    this.done.clear()
  }
}

const mayAnnounce = (state: NapsterState): boolean => state.session.isIn && state.session.speaksOurs

/** Announces everything from the first file on. */
export function restartAnnouncing(state: NapsterState, fx: Fx): void {
  const { announcing } = state
  announcing.stop()
  announcing.isPassOver = false
  announce(state, fx)
}

/** Everything again, over what the server has already: a record is about to expire, or the index lost it. */
export function announceAgain(state: NapsterState, fx: Fx): void {
  const { announcing } = state
  announcing.pass += 1
  announcing.isPassOver = false
  announcing.isReading = false
  announcing.isFull = false
  announcing.isRenewal = announcing.done.size > 0
  announcing.skipsNew = false
  announcing.skipsDone = false
  announcing.ready = []
  announce(state, fx)
}

export function onChanged(
  state: NapsterState,
  fx: Fx,
  added: readonly number[],
  removed: readonly number[]
): void {
  const { announcing } = state
  if (!mayAnnounce(state)) return
  for (const index of removed) {
    announcing.added.delete(index)
    announcing.removed.add(index)
    announcing.touched.add(index)
    announcing.ready = announcing.ready.filter(file => file.index !== index)
  }
  for (const index of added) announcing.added.add(index)
  if (announcing.added.size > CHANGES_WAITING_MAX) {
    announcing.added.clear()
    announceAgain(state, fx)
  }
  // Files that are gone are looked for among those that the server has, of which there is a bound.
  if (announcing.removed.size > CHANGES_WAITING_MAX)
    for (const index of announcing.removed) if (!announcing.done.has(index)) announcing.removed.delete(index)
  announce(state, fx)
}

/** Sends the next batch, or asks for what is to be in it. */
export function announce(state: NapsterState, fx: Fx): void {
  const { announcing } = state
  if (!mayAnnounce(state) || announcing.underWay !== undefined) return
  const waitMs = announcing.bucket.waitMs(1, state.nowMs)
  if (waitMs > 0) {
    fx.setTimer(ANNOUNCE_TIMER, waitMs)
    return
  }
  if (announcing.removed.size > 0) sendGone(state, fx)
  else if (announcing.isFull) fx.setTimer(ANNOUNCE_TIMER, ANNOUNCE_FULL_MS)
  else if (announcing.ready.length > 0) sendReady(state, fx)
  else if (!announcing.isReading) readMore(state, fx)
}

function sendGone(state: NapsterState, fx: Fx): void {
  const indexes = [...state.announcing.removed].slice(0, BATCH_FILES_MAX)
  sendBatch(state, fx, batch => ({ type: 'unshare-records', batch, indexes }), indexes.length * 4)
}

function sendReady(state: NapsterState, fx: Fx): void {
  const files: SharedRecord[] = []
  let bytes = 0
  for (const file of state.announcing.ready) {
    bytes += file.record.length + 8
    if (files.length > 0 && (files.length === BATCH_FILES_MAX || bytes > ANNOUNCE_BATCH_BYTES)) break
    files.push(file)
  }
  sendBatch(state, fx, batch => ({ type: 'share-records', batch, files }), bytes)
}

function sendBatch(
  state: NapsterState,
  fx: Fx,
  make: (batch: number) => ShareRecordsMessage | UnshareRecordsMessage,
  bytes: number
): void {
  const { announcing } = state
  announcing.batch = (announcing.batch + 1) >>> 0
  announcing.underWay = make(announcing.batch)
  announcing.bucket.charge(bytes, state.nowMs)
  state.count('batchesAnnounced')
  sendHome(state, fx, announcing.underWay)
  fx.setTimer(ANNOUNCE_TIMER, ANNOUNCE_ANSWER_MS)
}

function readMore(state: NapsterState, fx: Fx): void {
  const { announcing } = state
  const { pass } = announcing
  const indexes = [...announcing.added].slice(0, PAGE_FILES)
  if (indexes.length === 0 && announcing.isPassOver) {
    endPass(announcing, fx)
    return
  }
  announcing.isReading = true
  announcing.touched.clear()
  const question =
    indexes.length > 0
      ? ({ type: 'files', indexes } as const)
      : ({ type: 'next-files', pass, limit: PAGE_FILES } as const)
  state.ask(fx, question, (later, answer) => {
    if (announcing.pass !== pass || !announcing.isReading) return
    announcing.isReading = false
    if (answer?.type !== 'files') {
      // The catalogue could not be read now.
      later.setTimer(ANNOUNCE_TIMER, ANNOUNCE_LATER_MS)
      return
    }
    const { touched } = announcing
    for (const index of indexes) if (!touched.has(index)) announcing.added.delete(index)
    if (indexes.length === 0 && answer.isLast) announcing.isPassOver = true
    const isPassedOver = (index: number) =>
      indexes.length === 0 && (announcing.done.has(index) ? announcing.skipsDone : announcing.skipsNew)
    announcing.ready.push(...answer.files.filter(({ index }) => !touched.has(index) && !isPassedOver(index)))
    announce(state, later)
  })
}

/** All is looked through. A renewal that met the quota has yet to wait for room for the rest. */
function endPass(announcing: Announcing, fx: Fx): void {
  announcing.isRenewal = false
  if (!announcing.skipsNew) return
  announcing.skipsNew = false
  announcing.isFull = true
  fx.setTimer(ANNOUNCE_TIMER, ANNOUNCE_FULL_MS)
}

export function onShareAck(state: NapsterState, fx: Fx, { batch, refused }: ShareAckMessage): void {
  const { announcing } = state
  const { underWay } = announcing
  if (underWay === undefined || underWay.batch !== batch) return
  announcing.underWay = undefined
  const reasons = new Map(refused.map(({ place, reason }) => [place, reason]))
  // What is gone is taken back until that is done, so every refusal of it means "later".
  const isTakenBack = underWay.type === 'unshare-records'
  const isLater = refused.some(({ reason }) => isTakenBack || reason === 'later')
  if (isLater) state.count('batchesRefused')
  if (isTakenBack) onTakenBack(announcing, underWay, reasons)
  else onAnnounced(state, underWay, reasons)
  // A server that is busy is not asked again at once.
  if (isLater) fx.setTimer(ANNOUNCE_TIMER, ANNOUNCE_LATER_MS)
  else announce(state, fx)
}

function onTakenBack(
  announcing: Announcing,
  { indexes }: UnshareRecordsMessage,
  reasons: ReadonlyMap<number, ShareRefusal>
): void {
  for (const [place, index] of indexes.entries()) {
    if (reasons.has(place)) continue
    announcing.removed.delete(index)
    announcing.done.delete(index)
  }
  // There is room for others.
  if (announcing.isFull && reasons.size < indexes.length) tryTheRest(announcing)
}

/** What is refused as unsound is not sent again before everything is: the record would be the same. */
function onAnnounced(
  state: NapsterState,
  { files }: ShareRecordsMessage,
  reasons: ReadonlyMap<number, ShareRefusal>
): void {
  const { announcing } = state
  const over = new Set<SharedRecord>()
  let isFull = false
  for (const [place, file] of files.entries()) {
    const reason = reasons.get(place)
    if (reason !== 'later') over.add(file)
    if (reason === undefined) announcing.done.add(file.index)
    else if (reason !== 'later') {
      // What the server has of it from before is not what this file is now.
      announcing.done.delete(file.index)
      state.count('filesRefused')
    }
    isFull ||= reason === 'full'
  }
  announcing.ready = announcing.ready.filter(file => !over.has(file))
  if (isFull && announcing.isRenewal) {
    announcing.skipsNew = true
    announcing.ready = announcing.ready.filter(({ index }) => announcing.done.has(index))
  } else if (isFull) {
    announcing.isFull = true
    announcing.ready = []
  }
}

/** The next batch may go; or no answer came to the last, and it is made again. */
export function onAnnounceTimer(state: NapsterState, fx: Fx): void {
  const { announcing } = state
  announcing.underWay = undefined
  if (announcing.isFull) tryTheRest(announcing)
  announce(state, fx)
}

/** The server may have room again for what it refused. */
function tryTheRest(announcing: Announcing): void {
  announcing.isFull = false
  announcing.isPassOver = false
  announcing.isReading = false
  announcing.skipsDone = true
  announcing.pass += 1
}
