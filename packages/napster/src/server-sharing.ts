/**
 * Sharing and taking back: our batches of signed records, each answered when the index has it with the files that it
 * does not have and why, and the published messages 100, 102 and 110, which are not answered. Both keep to the user's
 * quota and rate.
 *
 * The PeerId of the link is the provider of every record that comes over it; a record of anybody else's, or one
 * that is not signed, is left out of the batch and counted.
 */
import type { IndexedFile } from '@servent/keyword-index'
import { type FileRecord, utf8Length } from '@servent/overlay/machine'
import {
  BATCH_FILES_MAX,
  BODIES_BYTES_MAX,
  FILE_NAME_BYTES_MAX,
  FILES_MAX,
  PLAIN_WAITING_MAX,
  USER_BYTES_MAX,
  USER_WORDS_MAX
} from './constants.ts'
import { fileOfLine, fileOfRecord, NO_MD5, nameKey, recordKey } from './entries.ts'
import type {
  RefusedFile,
  ShareRecordsMessage,
  ShareRefusal,
  TextMessage,
  UnshareRecordsMessage
} from './messages.ts'
import type { User } from './remotes.ts'
import { addFiles, askIndex, forget, removeFiles } from './server-index.ts'
import type { Fx, NapsterState, ServerState } from './state.ts'

export function onShareRecords(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  message: ShareRecordsMessage
): void {
  const { batch, files } = message
  const isInRate = user.shares.take(Math.max(1, files.length), state.nowMs)
  if (!isInRate) state.count('sharesOverRate')
  const isQueued =
    isInRate &&
    server.sharings.put(fx, user.remote, (later, done) => {
      const provider = user.remote.peerId
      state.ask(later, { type: 'verify-shares', provider, files }, (then, verdict) => {
        const records = verdict?.type === 'shares' ? verdict.records : undefined
        addRecords(state, server, then, user, message, records, (last, refused) => {
          answerBatch(state, last, user, batch, refused)
          done(last)
        })
      })
    })
  if (!isQueued) answerBatch(state, fx, user, batch, allLater(files))
}

const allLater = (files: readonly unknown[]): RefusedFile[] =>
  files.map((_, place) => ({ place, reason: 'later' }))

/** Says of each file that the index does not have then why that is; the others are acknowledged by it. */
function addRecords(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  { files }: ShareRecordsMessage,
  records: readonly (FileRecord | undefined)[] | undefined,
  onAdded: (fx: Fx, refused: readonly RefusedFile[]) => void
): void {
  if (records === undefined || user.remote.user !== user) {
    onAdded(fx, allLater(files))
    return
  }
  const indexed = files.map((file, place) => {
    const record = records[place]
    return record === undefined ? undefined : fileOfRecord(record, file, user.linkSpeed)
  })
  const sound = indexed.filter(file => file !== undefined)
  state.count('filesUnverified', files.length - sound.length)
  const kept = new Set(withinQuota(state, server, user, sound))
  const end = (later: Fx, isAdded: boolean) => {
    const reasonOf = (file: IndexedFile | undefined): ShareRefusal | undefined => {
      if (file === undefined) return 'unsound'
      if (!kept.has(file)) return 'full'
      return isAdded ? undefined : 'later'
    }
    const refused = indexed.flatMap((file, place) => {
      const reason = reasonOf(file)
      return reason === undefined ? [] : [{ place, reason }]
    })
    onAdded(later, refused)
  }
  if (kept.size === 0) end(fx, true)
  else addFiles(state, server, fx, user, [...kept], () => NO_MD5, end)
}

/** The files that a user may still share: one that replaces another counts by what it has more than that. */
export function withinQuota(
  state: NapsterState,
  server: ServerState,
  user: User,
  files: readonly IndexedFile[]
): IndexedFile[] {
  const quota = Math.min(server.settings.sharedMax - user.files.size, FILES_MAX - server.files)
  let bytesLeft = Math.min(USER_BYTES_MAX - user.bodyBytes, BODIES_BYTES_MAX - server.bodyBytes)
  let wordsLeft = USER_WORDS_MAX - user.words
  const fresh = new Set<string>()
  const kept = files.filter(({ key, body, words }) => {
    const before = user.files.get(key)
    const isNew = before === undefined && !fresh.has(key)
    const bytes = body.length - (before?.bodyBytes ?? 0)
    const more = words.length - (before?.words ?? 0)
    const isOver = (isNew && fresh.size >= quota) || (bytes > 0 && bytes > bytesLeft)
    if (isOver || (more > 0 && more > wordsLeft)) return false
    if (isNew) fresh.add(key)
    bytesLeft -= bytes
    wordsLeft -= more
    return true
  })
  state.count('filesOverQuota', files.length - kept.length)
  return kept
}

export function onUnshareRecords(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  { batch, indexes }: UnshareRecordsMessage
): void {
  const isQueued =
    user.shares.take(Math.max(1, indexes.length), state.nowMs) &&
    server.sharings.put(fx, user.remote, (later, done) => {
      removeFiles(state, server, later, user, indexes.map(recordKey), (then, isRemoved) => {
        answerBatch(state, then, user, batch, isRemoved ? [] : allLater(indexes))
        done(then)
      })
    })
  if (!isQueued) answerBatch(state, fx, user, batch, allLater(indexes))
}

function answerBatch(
  state: NapsterState,
  fx: Fx,
  user: User,
  batch: number,
  refused: readonly RefusedFile[]
): void {
  if (refused.some(({ reason }) => reason === 'later')) state.count('sharesLater')
  if (user.remote.user === user) state.send(fx, user.remote.link, { type: 'share-ack', batch, refused })
}

/** Message 100. Files that come one by one go to the index together. */
export function onShareLine(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  message: TextMessage & { type: 'share' }
): void {
  const file = fileOfLine(message, user.linkSpeed)
  const waiting = user.plain
  const refusal =
    file === undefined
      ? 'A file needs a name with words in it, and a size that files have.'
      : !user.shares.take(1, state.nowMs) || waiting.size >= PLAIN_WAITING_MAX
        ? 'You share faster than this server takes it. Share the file again later.'
        : undefined
  if (refusal !== undefined) {
    if (file !== undefined) state.count('sharesOverRate')
    state.send(fx, user.remote.link, { type: 'error', text: refusal })
    return
  }
  waiting.set(file!.key, { file: file!, md5: message.md5 })
  if (waiting.size === 1) addWaiting(state, server, fx, user)
}

function addWaiting(state: NapsterState, server: ServerState, fx: Fx, user: User): void {
  const waiting = user.plain
  const isQueued = server.sharings.put(fx, user.remote, (later, done) => {
    const taken = [...waiting.values()].slice(0, BATCH_FILES_MAX)
    for (const { file } of taken) waiting.delete(file.key)
    const kept = withinQuota(
      state,
      server,
      user,
      taken.map(({ file }) => file)
    )
    const md5s = new Map(taken.map(({ file, md5 }) => [file.key, md5]))
    const over = (then: Fx, text: string | undefined) => {
      if (text !== undefined) state.send(then, user.remote.link, { type: 'error', text })
      if (waiting.size > 0) addWaiting(state, server, then, user)
      done(then)
    }
    const quota = kept.length < taken.length ? quotaText(server) : undefined
    if (kept.length === 0) {
      over(later, quota)
      return
    }
    addFiles(
      state,
      server,
      later,
      user,
      kept,
      key => md5s.get(key)!,
      (then, isAdded) =>
        over(then, isAdded ? quota : 'The index cannot be reached. Share your files again later.')
    )
  })
  if (isQueued) return
  waiting.clear()
  state.send(fx, user.remote.link, {
    type: 'error',
    text: 'This server is busy. Share your files again later.'
  })
}

const quotaText = (server: ServerState): string => `You may share ${server.settings.sharedMax} files here.`

/** Message 102. */
export function onUnshareLine(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  name: string
): void {
  const key = nameKey(name)
  user.plain.delete(key)
  const isQueued =
    utf8Length(name) <= FILE_NAME_BYTES_MAX &&
    user.shares.take(1, state.nowMs) &&
    server.sharings.put(fx, user.remote, (later, done) =>
      removeFiles(state, server, later, user, [key], (then, isRemoved) => {
        if (!isRemoved)
          state.send(then, user.remote.link, { type: 'error', text: 'The index cannot be reached.' })
        done(then)
      })
    )
  if (!isQueued)
    state.send(fx, user.remote.link, { type: 'error', text: 'This server is busy. Try again later.' })
}

/** Message 110. */
export function onUnshareAll(state: NapsterState, server: ServerState, fx: Fx, user: User): void {
  user.plain.clear()
  const { owner } = user
  const isQueued = server.sharings.put(fx, user.remote, (later, done) =>
    askIndex(state, server, later, { type: 'index-remove-owner', owner }, 'index-removed', (then, answer) => {
      if (answer !== undefined && user.remote.user === user)
        for (const key of [...user.files.keys()]) forget(server, user, key)
      if (answer === undefined)
        state.send(then, user.remote.link, { type: 'error', text: 'The index cannot be reached.' })
      done(then)
    })
  )
  if (!isQueued)
    state.send(fx, user.remote.link, { type: 'error', text: 'This server is busy. Try again later.' })
}
