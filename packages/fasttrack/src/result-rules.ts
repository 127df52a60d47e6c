/**
 * Results on their way back to who asked: own ones from the index, and those that other supernodes bring. What is handed on is
 * held against the query first, so that nobody's users are sent what they did not ask for.
 */
import type { IndexHit } from '@servent/keyword-index'
import { type FileRecord, peerIdText, recordInside, SELF, sameBytes } from '@servent/overlay/machine'
import { HOPS_MAX, RESULTS_BYTES_MAX, RESULTS_PER_MESSAGE_MAX } from './constants.ts'
import { indexedFile, indexQuery, isFoundBy } from './index-entry.ts'
import type { Result, ResultsMessage, Wanted } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { RESULTS } from './priorities.ts'
import { proceed, type RunningQuery } from './query-rules.ts'
import { onOwnResults } from './search-rules.ts'
import { contactOf, type FastTrackState, type Fx } from './state.ts'

/** What the index has goes to who asked; of those alone that are users now. */
export function answer(state: FastTrackState, fx: Fx, query: RunningQuery, hits: readonly IndexHit[]): void {
  const self = state.selfName(fx)
  const own: Result[] = []
  const results: Result[] = []
  for (const { owner, file } of hits) {
    const user = state.neighbours.user(owner)
    if ((user === undefined && owner !== self) || owner === query.except) continue
    if (owner === self && query.from === undefined) continue
    const contact = contactOf(fx, user?.peer ?? SELF)
    const list = owner === self ? own : results
    list.push({ index: Number(file.key), record: file.body, contact })
  }
  give(state, fx, query, own, 0)
  give(state, fx, query, results, 1)
}

/** Sends results on their way back, as many as are still wanted, in messages of bounded size. */
function give(
  state: FastTrackState,
  fx: Fx,
  query: RunningQuery,
  results: readonly Result[],
  hops: number
): void {
  const taken = results.slice(0, query.left)
  query.left -= taken.length
  if (taken.length === 0) return
  if (query.from === undefined) {
    onOwnResults(state, fx, query.search!, { type: 'results', id: query.id, hops, results: taken })
    return
  }
  const to = state.neighbours.get(query.from)
  // Who does not take what it is sent gets no more of it.
  if (to === undefined || to.isFull) return
  let group: Result[] = []
  let bytes = 0
  const flush = () => {
    const message: ResultsMessage = { type: 'results', id: query.id, hops, results: group }
    if (group.length > 0) fx.send(to.link, message, RESULTS)
    group = []
    bytes = 0
  }
  for (const result of taken) {
    const length = resultBytes(result)
    if (group.length >= RESULTS_PER_MESSAGE_MAX || bytes + length > RESULTS_BYTES_MAX) flush()
    group.push(result)
    bytes += length
  }
  flush()
}

/** At least what a result takes in a message. */
function resultBytes({ record, contact }: Result): number {
  return contact.addresses.reduce((sum, { length }) => sum + length + 3, record.length + 72)
}

/** Results that another supernode brings. */
export function onRelayedResults(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  message: ResultsMessage
): void {
  const query = state.running.get(message.id)
  if (query?.asked.get(neighbour.link) !== false) {
    state.count('resultsWithoutQuery')
    return
  }
  if (query.search !== undefined)
    fx.notify({ type: 'search-traffic', search: query.search, message, copies: 1 })
  const { hops } = message
  if (hops > 2 * HOPS_MAX - 1) return
  const share = query.shares.get(neighbour.link)!
  const brought = message.results.slice(0, share)
  const results = withoutStrays(state, fx, neighbour, query.wanted, brought)
  query.shares.set(neighbour.link, share - brought.length)
  state.count('resultsOverShare', message.results.length - brought.length)
  state.count('resultsRelayed', results.length)
  for (const { contact } of results)
    state.pushRoutes.set(String.fromCharCode(...contact.id), neighbour.link, state.nowMs)
  query.indirect += results.length
  give(state, fx, query, results, hops + 1)
  if (query.left === 0) proceed(state, fx, query)
}

/** Those that are what was asked for. Who brings many others is an offender: it is sent away, and told of to nobody. */
function withoutStrays(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  wanted: Wanted,
  brought: readonly Result[]
): readonly Result[] {
  const isAnswer = answersTo(wanted)
  const results = brought.filter(isAnswer)
  const strays = brought.length - results.length
  if (strays === 0) return results
  state.count('resultsStray', strays)
  if (!neighbour.strays.take(strays, state.nowMs)) {
    state.count('offences')
    state.list.failed(neighbour.peer, state.nowMs)
    fx.close(neighbour.link, 'Too many results that are not what was asked for')
  }
  return results
}

/**
 * Whether a result says of itself what an index looks for, and that it is of the peer that is named with it. The signature is
 * for whoever searches to verify, and so is what no index decides.
 */
function answersTo(wanted: Wanted): (result: Result) => boolean {
  const asked = wanted.content.length > 0 ? undefined : indexQuery(wanted, 1)
  return ({ index, record: sealed, contact }) => {
    let record: FileRecord
    try {
      record = recordInside(sealed)
    } catch {
      return false
    }
    if (record.provider !== peerIdText(contact.id)) return false
    if (wanted.content.length > 0) return sameBytes(wanted.content, record.id.digest)
    return asked !== undefined && isFoundBy(asked, indexedFile(index, record, sealed))
  }
}
