/**
 * Uploading what is shared: page by page in the order of indices, within a budget of bytes a second, one batch at a time, each
 * acknowledged. So `announced` says what is in a supernode's index, and not what was sent.
 */
import { RENEW_MS, SHARE_BYTES_MAX, SHARE_FILES_MAX, UPLOAD_ACK_MS } from './constants.ts'
import { indexedFile } from './index-entry.ts'
import type { Refusal, SharedMessage, UploadedFile } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { afterUpload } from './ordinary-rules.ts'
import { BULK } from './priorities.ts'
import type { FastTrackState, Fx } from './state.ts'
import { OWN_INDEX, type UploadTarget } from './upload.ts'

export const UPLOAD_TIMER = 'upload'

export function startUpload(state: FastTrackState, fx: Fx, target: UploadTarget | undefined): void {
  const { upload } = state
  upload.restart(target, upload.target === target)
  upload.renewMs = state.nowMs + RENEW_MS
  pump(state, fx)
}

/** Sends what is next, where nothing is under way. */
export function pump(state: FastTrackState, fx: Fx): void {
  const { upload, nowMs } = state
  const { target } = upload
  if (target === undefined || upload.batch !== undefined || upload.isReading) return
  const waitMs = target === OWN_INDEX ? 0 : upload.budget.waitMs(1, nowMs)
  if (waitMs > 0) {
    fx.setTimer(UPLOAD_TIMER, waitMs)
    return
  }
  if (upload.removed.length > 0) sendRemovals(state, fx)
  else if (upload.added.length > 0) sendBatch(state, fx, takeAdded(state))
  else if (!upload.isRead) readOn(state, fx)
  else if (upload.isComplete) afterUpload(state, fx)
}

function takeAdded(state: FastTrackState): UploadedFile[] {
  const { added } = state.upload
  let bytes = 0
  let count = 0
  for (const { record } of added) {
    bytes += record.length
    if (count > 0 && (bytes > SHARE_BYTES_MAX || count >= SHARE_FILES_MAX)) break
    count += 1
  }
  return added.splice(0, count)
}

function readOn(state: FastTrackState, fx: Fx): void {
  const { upload } = state
  const { generation, cursor } = upload
  upload.isReading = true
  const question = {
    type: 'records',
    after: cursor,
    bytesMax: SHARE_BYTES_MAX,
    filesMax: SHARE_FILES_MAX
  } as const
  state.ask(fx, question, (later, answer) => {
    if (upload.generation !== generation) return
    upload.isReading = false
    if (answer?.type !== 'records') {
      // The catalogue cannot be read now.
      later.setTimer(UPLOAD_TIMER, UPLOAD_ACK_MS)
      return
    }
    const files = answer.files.slice(0, SHARE_FILES_MAX)
    upload.isRead = answer.isLast || files.length === 0
    upload.cursor = files.at(-1)?.index ?? upload.cursor
    if (files.length > 0) sendBatch(state, later, files)
    else pump(state, later)
  })
}

function sendBatch(state: FastTrackState, fx: Fx, files: readonly UploadedFile[]): void {
  const { upload, nowMs } = state
  const number = upload.nextBatch
  upload.nextBatch = (upload.nextBatch % 0xffff_ffff) + 1
  const indices = files.map(({ index }) => index)
  upload.batch = { number, indices, isRemoval: false, sentMs: nowMs }
  if (upload.target === OWN_INDEX) {
    addOwn(state, fx, files)
    return
  }
  upload.budget.charge(
    files.reduce((bytes, { record }) => bytes + record.length, 0),
    nowMs
  )
  fx.send(upload.target!, { type: 'share', batch: number, files }, BULK)
}

function sendRemovals(state: FastTrackState, fx: Fx): void {
  const { upload, nowMs } = state
  const number = upload.nextBatch
  upload.nextBatch = (upload.nextBatch % 0xffff_ffff) + 1
  const indices = upload.removed.splice(0, SHARE_FILES_MAX)
  upload.batch = { number, indices, isRemoval: true, sentMs: nowMs }
  if (upload.target === OWN_INDEX) {
    const { generation } = upload
    const keys = indices.map(String)
    state.ask(fx, { type: 'index-remove', owner: state.selfName(fx), keys }, later => {
      if (upload.generation === generation) acknowledged(state, later, new Map())
    })
    return
  }
  fx.send(upload.target!, { type: 'unshare', batch: number, indices }, BULK)
}

/** Own records need no proof: this peer has just signed them. */
function addOwn(state: FastTrackState, fx: Fx, files: readonly UploadedFile[]): void {
  const { generation } = state.upload
  const { id } = fx.peers.contact(0)
  const claims = files.map(({ record }) => ({ provider: id, record }))
  const all = files.map(({ index }) => index)
  state.ask(fx, { type: 'verify', claims }, (later, answer) => {
    if (state.upload.generation !== generation) return
    const records = answer?.type === 'verified' ? answer.records : []
    const sound = files.flatMap(({ index, record: sealed }, place) => {
      const record = records[place]
      return record === undefined ? [] : [indexedFile(index, record, sealed)]
    })
    const owner = state.selfName(later)
    state.ask(later, { type: 'index-add', owner, files: sound }, (last, added) => {
      if (state.upload.generation !== generation) return
      const refused = new Map<number, Refusal>(all.map(index => [index, 'unsound']))
      for (const { key } of sound)
        if (added?.type === 'index-added') refused.delete(Number(key))
        else refused.set(Number(key), 'other')
      acknowledged(state, last, refused)
    })
  })
}

export function onShared(state: FastTrackState, fx: Fx, neighbour: Neighbour, message: SharedMessage): void {
  const { upload } = state
  if (upload.target !== neighbour.link || upload.batch?.number !== message.batch) return
  const { refused, reasons } = message
  acknowledged(state, fx, new Map(refused.map((index, place) => [index, reasons[place] ?? 'other'])))
}

function acknowledged(state: FastTrackState, fx: Fx, refused: ReadonlyMap<number, Refusal>): void {
  const { upload } = state
  const { indices, isRemoval } = upload.batch!
  upload.batch = undefined
  for (const index of indices) {
    upload.kept.delete(index)
    upload.refused.delete(index)
    if (isRemoval) continue
    const refusal = refused.get(index)
    if (refusal === undefined) upload.kept.add(index)
    else upload.refused.set(index, refusal)
  }
  pump(state, fx)
}

/** The catalogue has changed. */
export function onChanged(
  state: FastTrackState,
  fx: Fx,
  added: readonly UploadedFile[],
  removed: readonly number[]
): void {
  const { upload } = state
  if (upload.target === undefined) return
  if (upload.change(added, removed)) pump(state, fx)
  else startUpload(state, fx, upload.target)
}

/** From time to time: records near their end are made anew, and a supernode that acknowledges nothing is given up. */
export function lookAfterUpload(state: FastTrackState, fx: Fx): void {
  const { upload, nowMs } = state
  const { target, batch } = upload
  if (target === undefined) return
  if (target !== OWN_INDEX && batch !== undefined && nowMs - batch.sentMs >= UPLOAD_ACK_MS) {
    fx.close(target, 'The upload was not acknowledged')
    return
  }
  if (nowMs >= upload.renewMs && upload.isComplete) startUpload(state, fx, target)
}
