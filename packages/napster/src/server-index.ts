/**
 * What the index is told: files of users come and go. Each user's files have one owner in it, and calls about one
 * owner go one after another: what is added waits until the removal of what the same owner had in an earlier
 * session was answered. Nothing is acknowledged before the index has said that it is there.
 */
import type { IndexAnswer, IndexedFile, IndexQuestion } from '@servent/keyword-index'
import { REMOVAL_RETRY_MS } from './constants.ts'
import type { KeptFile, User } from './remotes.ts'
import type { Fx, NapsterState, ServerState } from './state.ts'

/** Asks the index; nothing comes back where it cannot be reached. */
export function askIndex<Type extends IndexAnswer['type']>(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  question: IndexQuestion,
  wanted: Type,
  onAnswer: (fx: Fx, answer: (IndexAnswer & { type: Type }) | undefined) => void
): void {
  state.count('indexAsked')
  state.ask(fx, question, (later, answer) => {
    const isRight = answer?.type === wanted
    server.indexReachable = isRight
    if (!isRight) state.count('indexFailed')
    onAnswer(later, isRight ? (answer as IndexAnswer & { type: Type }) : undefined)
  })
}

/** Finds out whether the index is there, so that people can be told even where nobody asks it for anything. */
export function checkIndex(state: NapsterState, server: ServerState, fx: Fx): void {
  if (server.indexChecked) return
  server.indexChecked = true
  askIndex(state, server, fx, { type: 'index-totals' }, 'index-totals', () => {
    server.indexChecked = false
  })
}

/** Takes out what an owner shared, again and again until the index has answered. */
export function removeOwner(state: NapsterState, server: ServerState, fx: Fx, owner: string): void {
  server.removalsBegun += 1
  const attempt = server.removalsBegun
  server.removals.set(owner, { attempt, atMs: undefined })
  askIndex(state, server, fx, { type: 'index-remove-owner', owner }, 'index-removed', (_, answer) => {
    // The owner came and went again meanwhile: the later removal alone says when they are out of the index.
    if (server.removals.get(owner)?.attempt !== attempt) return
    if (answer !== undefined) {
      server.removals.delete(owner)
      return
    }
    state.count('removalsFailed')
    server.removals.set(owner, { attempt, atMs: state.nowMs + REMOVAL_RETRY_MS })
  })
}

export function retryRemovals(state: NapsterState, server: ServerState, fx: Fx): void {
  for (const [owner, { atMs }] of [...server.removals])
    if (atMs !== undefined && atMs <= state.nowMs) removeOwner(state, server, fx, owner)
}

/**
 * Adds files of a user who is still there when the index answers; `sizes` say what each of them is, by key.
 * Gives false where the index is away, or is not done yet with what the user had in an earlier session.
 */
export function addFiles(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  files: readonly IndexedFile[],
  md5: (key: string) => string,
  onAdded: (fx: Fx, isAdded: boolean) => void
): void {
  // Whoever went meanwhile was taken out of the index, and comes back into it by nothing that was waiting.
  if (server.removals.has(user.owner) || user.remote.user !== user) {
    onAdded(fx, false)
    return
  }
  const { owner } = user
  askIndex(state, server, fx, { type: 'index-add', owner, files }, 'index-added', (later, answer) => {
    if (answer === undefined) {
      onAdded(later, false)
      return
    }
    if (user.remote.user === user) {
      for (const { key, size, body, words } of files)
        keep(state, server, user, key, {
          size,
          bodyBytes: body.length,
          words: words.length,
          md5: md5(key)
        })
    }
    onAdded(later, true)
  })
}

function keep(state: NapsterState, server: ServerState, user: User, key: string, file: KeptFile): void {
  const before = user.files.get(key)
  if (before === undefined) {
    server.files += 1
    state.count('filesShared')
  }
  const grown = file.size - (before?.size ?? 0)
  user.files.set(key, file)
  user.bytes += grown
  server.bytes += grown
  const heavier = file.bodyBytes - (before?.bodyBytes ?? 0)
  user.bodyBytes += heavier
  server.bodyBytes += heavier
  user.words += file.words - (before?.words ?? 0)
}

export function forget(server: ServerState, user: User, key: string): void {
  const file = user.files.get(key)
  if (file === undefined) return
  user.files.delete(key)
  user.bytes -= file.size
  user.bodyBytes -= file.bodyBytes
  server.bodyBytes -= file.bodyBytes
  user.words -= file.words
  server.files -= 1
  server.bytes -= file.size
}

/** Takes files of a user out by their keys. */
export function removeFiles(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  keys: readonly string[],
  onRemoved: (fx: Fx, isRemoved: boolean) => void
): void {
  const { owner } = user
  askIndex(state, server, fx, { type: 'index-remove', owner, keys }, 'index-removed', (later, answer) => {
    if (answer !== undefined && user.remote.user === user) for (const key of keys) forget(server, user, key)
    onRemoved(later, answer !== undefined)
  })
}
