/** What the service of every key-routed overlay asks for, in Kelips's way. */
import {
  FETCH_KEYS_MAX,
  FETCH_RECORDS_MAX,
  PUBLISH_RECORDS_MAX,
  PUBLISHES_MAX,
  READS_MAX,
  type RoutingCommand,
  type StoredRecord,
  type StoreOutcome
} from '@servent/key-routing/machine'
import { type Key, type Peer, type RequestId, SELF } from '@servent/overlay/machine'
import { PLACE_PATIENCE_MS } from './constants.ts'
import { Fetch, type FetchAsk } from './fetch.ts'
import { find } from './find.ts'
import type { Kelips } from './kelips.ts'
import { announce, lookForMembers, membersFor, type Outcome } from './publish.ts'
import type { Fx } from './types.ts'
import { readValue } from './value-read.ts'
import { place, sendValue } from './values.ts'

/** True for commands that every key-routed overlay has. */
export function onRoutingCommand(kelips: Kelips, id: RequestId, command: RoutingCommand, fx: Fx): boolean {
  switch (command.type) {
    case 'lookup':
      lookUp(kelips, id, command.key, fx)
      return true
    case 'publish':
      publish(kelips, id, command.records, fx)
      return true
    case 'fetch':
      fetch(kelips, { command: id, kind: command.kind, keys: [command.key], limit: command.limit }, fx)
      return true
    case 'fetch-rarest':
      fetch(kelips, { command: id, kind: 'word', keys: command.keys, limit: command.limit }, fx)
      return true
    case 'read-value':
      if (kelips.reads.size >= READS_MAX)
        fx.notify({ type: 'value-read', command: id, holders: 0, failure: 'busy' })
      else kelips.reads.set(id, readValue(kelips, id, command.key, command.quorum, fx))
      return true
    case 'give-up':
      kelips.reads.get(command.command)?.cancel()
      kelips.reads.delete(command.command)
      return true
    default:
      return false
  }
}

/** The peer that is nearest to a key. */
function lookUp(kelips: Kelips, command: RequestId, key: Key, fx: Fx): void {
  find(
    kelips,
    key,
    'peer',
    0,
    (result, later) => {
      const { hops, timeouts, elapsedMs } = result
      const [root, ...replicas] = 'failed' in result ? [] : result.nearest
      if (root === undefined) {
        const reason = 'failed' in result ? result.failed : 'no-route'
        later.notify({ type: 'lookup-failed', command, reason, hops, timeouts, elapsedMs })
        return
      }
      later.notify({
        type: 'looked-up',
        command,
        root,
        replicas: replicas.slice(0, kelips.settings.replicas - 1),
        hops,
        timeouts,
        elapsedMs
      })
    },
    fx
  )
}

function fetch(kelips: Kelips, ask: FetchAsk, fx: Fx): void {
  const { command, keys, limit } = ask
  if (kelips.reads.size >= READS_MAX || keys.length === 0 || keys.length > FETCH_KEYS_MAX) {
    fx.notify({ type: 'records-end', command, total: 0, traffic: { messages: 0, bytes: 0 }, failure: 'busy' })
    return
  }
  const job = new Fetch(kelips, { ...ask, limit: Math.min(limit, FETCH_RECORDS_MAX) }, () =>
    kelips.reads.delete(command)
  )
  kelips.reads.set(command, job)
  job.begin(fx)
}

function publish(kelips: Kelips, command: RequestId, records: readonly StoredRecord[], fx: Fx): void {
  const outcomes: (StoreOutcome | 'unreachable')[] = records.map(() => 'busy')
  const copies = records.map(() => 0)
  const tell = (later: Fx): void => later.notify({ type: 'published', command, outcomes, copies })
  if (kelips.publishes >= PUBLISHES_MAX || records.length > PUBLISH_RECORDS_MAX || records.length === 0) {
    tell(fx)
    return
  }
  kelips.publishes += 1
  let left = records.length
  const settle = (at: number, outcome: Outcome, later: Fx): void => {
    outcomes[at] = outcome.outcome
    copies[at] = outcome.copies
    left -= 1
    if (left > 0) return
    kelips.publishes -= 1
    tell(later)
  }
  const files = records.map((record, at) => ({ record, at })).filter(({ record }) => record.kind !== 'value')
  for (const [at, record] of records.entries())
    if (record.kind === 'value') put(kelips, record, (outcome, later) => settle(at, outcome, later), fx)
  if (files.length === 0) return
  const announced = (at: number, outcome: Outcome, later: Fx): void => settle(files[at]!.at, outcome, later)
  announce(
    kelips,
    files.map(({ record }) => record),
    announced,
    fx
  )
}

/** By a member of the key's group; where those that are known are silent, by others that are looked for. */
function put(kelips: Kelips, record: StoredRecord, done: (outcome: Outcome, fx: Fx) => void, fx: Fx): void {
  if (kelips.covers(record.key)) {
    place(kelips, record, done, fx)
    return
  }
  let isLookedFor = false
  const tryThese = (peers: readonly Peer[], later: Fx): void => {
    const release = kelips.hold(peers)
    const next = (at: number, after: Fx): void => {
      const peer = peers[at]
      if (peer === undefined && !isLookedFor) {
        isLookedFor = true
        release()
        lookForMembers(kelips, record.key, tryThese, after)
        return
      }
      if (peer === undefined || peer === SELF) {
        release()
        done({ outcome: 'unreachable', copies: 0 }, after)
        return
      }
      const settle = (outcome: StoreOutcome | 'unreachable', last: Fx, copies: number): void => {
        if (outcome === 'unreachable' || outcome === 'not-root') next(at + 1, last)
        else {
          release()
          done({ outcome, copies }, last)
        }
      }
      sendValue(kelips, peer, record, 'root', settle, after, PLACE_PATIENCE_MS)
    }
    next(0, later)
  }
  membersFor(kelips, record.key, tryThese, fx)
}
