/**
 * A supernode and its users: what they upload goes into the index under their PeerIds, within quotas, and is acknowledged when it
 * is there. A record is taken only of the peer that has signed it, which Noise has proven to be at the other end.
 */
import type { IndexedFile } from '@servent/keyword-index'
import { INDEX_BYTES_MAX, USER_BYTES_MAX, USER_FILES_MAX, USER_WORDS_MAX } from './constants.ts'
import { indexedFile } from './index-entry.ts'
import type { HelloMessage, Refusal, SharedMessage, ShareMessage, UnshareMessage } from './messages.ts'
import type { Neighbour, User } from './neighbours.ts'
import { CONTROL } from './priorities.ts'
import type { FastTrackState, Fx } from './state.ts'
import { OWN_INDEX } from './upload.ts'
import { startUpload } from './upload-rules.ts'

export function welcomeUser(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  hello: HelloMessage,
  isNew: boolean
): void {
  const user = neighbour.user!
  user.uploadKbps = hello.uploadKbps
  user.uptimeS = hello.uptimeS
  user.saysReachable = hello.isReachable
  // What it left behind, if anything, goes before anything new of it comes.
  if (isNew) removeOwner(state, fx, neighbour.name)
  else if (user.files.size > 0) forgetFiles(state, fx, neighbour)
  if (!isNew) return
  state.count('usersTaken')
  fx.notify({ type: 'user', peerId: neighbour.name })
}

/** Its files are found by nobody any more. */
export function forgetFiles(state: FastTrackState, fx: Fx, neighbour: Neighbour): void {
  const user = neighbour.user!
  state.indexedFiles -= user.files.size
  state.indexedBytes -= user.bytes
  user.clear()
  removeOwner(state, fx, neighbour.name)
}

export function removeOwner(state: FastTrackState, fx: Fx, owner: string): void {
  state.removals.delete(owner)
  state.lastRemoval += 1
  const number = state.lastRemoval
  state.removing.set(owner, number)
  state.ask(fx, { type: 'index-remove-owner', owner }, (_fx, answer) => {
    // A later one of the same owner decides, whatever became of this.
    if (state.removing.get(owner) !== number) return
    state.removing.delete(owner)
    // It is asked again; until then nobody is shown them, since only users are.
    if (answer === undefined) state.removals.add(owner)
  })
}

/** Removals that failed. Of an owner that is here again one would take its new files, too: it uploads anew instead. */
export function retryRemovals(state: FastTrackState, fx: Fx): void {
  const self = state.selfName(fx)
  for (const owner of [...state.removals]) {
    const neighbour = state.neighbours.user(owner)
    // With the end of its link all of it goes, and it comes again.
    if (neighbour !== undefined && neighbour.user!.files.size > 0)
      fx.close(neighbour.link, 'The index still holds files of an earlier session')
    else {
      removeOwner(state, fx, owner)
      if (owner === self && state.upload.target === OWN_INDEX) startUpload(state, fx, OWN_INDEX)
    }
  }
}

export function onShare(state: FastTrackState, fx: Fx, neighbour: Neighbour, message: ShareMessage): void {
  const { user } = neighbour
  if (user === undefined) return
  if (!neighbour.uploads.take(1, state.nowMs)) {
    state.count('offences')
    fx.close(neighbour.link, 'Too many uploads')
    return
  }
  const claims = message.files.map(({ record }) => ({ provider: neighbour.id, record }))
  state.ask(fx, { type: 'verify', claims }, (later, answer) => {
    if (neighbour.user !== user) return
    const records = answer?.type === 'verified' ? answer.records : []
    const sound: IndexedFile[] = []
    const refused = new Map<number, Refusal>()
    for (const [place, { index, record: sealed }] of message.files.entries()) {
      const record = records[place]
      const file = record && indexedFile(index, record, sealed)
      const refusal = file === undefined ? 'unsound' : refusalOf(state, user, index, file)
      if (refusal !== undefined) {
        refused.set(index, refusal)
        continue
      }
      putFile(state, user, index, file!)
      sound.push(file!)
    }
    // Of one that was named twice the first may be there.
    for (const { key } of sound) refused.delete(Number(key))
    state.count('filesRefused', refused.size)
    if (sound.length === 0) acknowledge(later, neighbour, message.batch, refused)
    else index(state, later, { neighbour, user, batch: message.batch, sound, refused })
  })
}

interface Indexing {
  readonly neighbour: Neighbour
  readonly user: User
  readonly batch: number
  readonly sound: readonly IndexedFile[]
  readonly refused: ReadonlyMap<number, Refusal>
}

function index(state: FastTrackState, fx: Fx, { neighbour, user, batch, sound, refused }: Indexing): void {
  state.ask(fx, { type: 'index-add', owner: neighbour.name, files: sound }, (later, answer) => {
    if (neighbour.user !== user) return
    if (answer?.type !== 'index-added') {
      // Nobody may believe that they are found here. The user goes to another supernode.
      later.close(neighbour.link, 'The index cannot be written now')
      return
    }
    state.count('filesIndexed', sound.length)
    acknowledge(later, neighbour, batch, refused)
  })
}

/** Which quota a file breaks, if any; one that is there already makes room for itself. */
function refusalOf(
  state: FastTrackState,
  user: User,
  index: number,
  { body, words }: IndexedFile
): Refusal | undefined {
  const known = user.files.get(index)
  const more = body.length - (known?.bytes ?? 0)
  if (known === undefined && user.files.size >= USER_FILES_MAX) return 'files'
  if (user.bytes + more > USER_BYTES_MAX) return 'bytes'
  if (user.words - (known?.words ?? 0) + words.length > USER_WORDS_MAX) return 'words'
  if (state.indexedBytes + more <= INDEX_BYTES_MAX) return undefined
  state.count('filesWithoutRoom')
  return 'index'
}

function putFile(state: FastTrackState, user: User, index: number, file: IndexedFile): void {
  const { bytes } = user
  const before = user.files.size
  user.put(index, file.body.length, file.words.length)
  state.indexedFiles += user.files.size - before
  state.indexedBytes += user.bytes - bytes
}

function acknowledge(
  fx: Fx,
  neighbour: Neighbour,
  batch: number,
  refused: ReadonlyMap<number, Refusal> = new Map()
): void {
  const message: SharedMessage = {
    type: 'shared',
    batch,
    refused: [...refused.keys()],
    reasons: [...refused.values()]
  }
  fx.send(neighbour.link, message, CONTROL)
}

export function onUnshare(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  message: UnshareMessage
): void {
  const { user } = neighbour
  if (user === undefined) return
  if (!neighbour.uploads.take(1, state.nowMs)) {
    state.count('offences')
    fx.close(neighbour.link, 'Too many uploads')
    return
  }
  const { bytes } = user
  const before = user.files.size
  for (const file of message.indices) user.remove(file)
  state.indexedFiles += user.files.size - before
  state.indexedBytes += user.bytes - bytes
  const keys = message.indices.map(String)
  state.ask(fx, { type: 'index-remove', owner: neighbour.name, keys }, (later, answer) => {
    if (neighbour.user !== user) return
    if (answer === undefined) later.close(neighbour.link, 'The index cannot be written now')
    else acknowledge(later, neighbour, message.batch)
  })
}
