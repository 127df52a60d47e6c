/** A provider answers for its records, and a homenode for its values; others ask for them. */
import {
  fitInMessage,
  type GetRecords,
  type RecordsPage,
  type StoredRecord
} from '@servent/key-routing/machine'
import type { Key, Peer } from '@servent/overlay/machine'
import { PRIORITY_FIND } from './constants.ts'
import { onFailed } from './gossip.ts'
import type { Kelips } from './kelips.ts'
import type { Fx } from './types.ts'

export function onGet(
  kelips: Kelips,
  link: number,
  { id, kind, key, after, limit }: GetRecords,
  fx: Fx
): void {
  const table = kind === 'value' ? kelips.values : kelips.own
  const page = table.page(
    kind,
    key,
    after,
    records => fitInMessage(records.slice(0, limit)).length,
    kelips.nowMs,
    kelips.wallMs
  )
  fx.send(link, { type: 'page', id, ...page }, PRIORITY_FIND)
}

/** Nothing where the peer does not answer, or was not asked: there was no room for it. */
export function askForPage(
  kelips: Kelips,
  peer: Peer,
  kind: StoredRecord['kind'],
  key: Key,
  after: number,
  limit: number,
  done: (page: RecordsPage | undefined, fx: Fx, isAsked: boolean) => void,
  fx: Fx
): void {
  kelips.calls.request(
    peer,
    { type: 'get', id: kelips.calls.nextId(), kind, key, after, limit },
    PRIORITY_FIND,
    (outcome, later) => {
      if ('answer' in outcome && outcome.answer.type === 'page') {
        done(outcome.answer, later, true)
        return
      }
      onFailed(kelips, peer, outcome, later)
      done(undefined, later, !('failed' in outcome) || outcome.failed !== 'busy')
    },
    fx
  )
}
