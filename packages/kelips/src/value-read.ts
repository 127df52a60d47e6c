/**
 * Reading a value: its homenodes by their tuples, all of them asked at once, what they give verified, and the best
 * chosen by the validator of the key. Homenodes that have none or an older one are given it (read repair). Where those
 * that one peer names give none, another is asked who has it, once: the first may have made them up.
 */
import { type StoredRecord, VALUE_HOLDERS_MAX } from '@servent/key-routing/machine'
import type { Key, Peer } from '@servent/overlay/machine'
import { type FindFailed, type FindFound, find } from './find.ts'
import { askForValue, isValueOf } from './homes.ts'
import type { Kelips } from './kelips.ts'
import type { Fx } from './types.ts'
import { give } from './values.ts'

/** `quorum` 0: as many as meet every write that was acknowledged. */
export function readValue(
  kelips: Kelips,
  command: number,
  key: Key,
  quorum: number,
  fx: Fx
): { cancel(): void } {
  let isOver = false
  const notFound = (failure: FindFailed['failed'], later: Fx): void =>
    later.notify({ type: 'value-read', command, holders: 0, failure })
  const tell: Read = (record, holders, incomplete, later) =>
    later.notify({
      type: 'value-read',
      command,
      holders,
      ...(record !== undefined && { record }),
      ...(incomplete && { incomplete: true })
    })
  const read = (but: Peer | undefined, later: Fx): void =>
    find(
      kelips,
      key,
      'value',
      0,
      (result, after) => {
        if (isOver) return
        if ('failed' in result) {
          if (but === undefined) notFound(result.failed, after)
          else tell(undefined, 0, true, after)
          return
        }
        const told: Read = (record, holders, incomplete, last) => {
          if (isOver) return
          const isInVain = record === undefined && result.tuples.length > 0
          if (isInVain && but === undefined && result.by !== undefined) read(result.by, last)
          else tell(record, holders, incomplete, last)
        }
        askHomes(kelips, key, result, quorum, told, after)
      },
      later,
      undefined,
      but
    )
  read(undefined, fx)
  return {
    cancel: () => {
      isOver = true
    }
  }
}

type Read = (record: StoredRecord | undefined, holders: number, incomplete: boolean, fx: Fx) => void

function askHomes(kelips: Kelips, key: Key, { tuples }: FindFound, quorum: number, done: Read, fx: Fx): void {
  const homes = [...new Set(tuples.map(({ provider }) => kelips.intern(provider)))]
    .filter((peer): peer is Peer => peer !== undefined)
    .slice(0, VALUE_HOLDERS_MAX)
  const had = new Map<Peer, StoredRecord | undefined>()
  let left = homes.length
  const release = kelips.hold(homes)
  const note = (
    peer: Peer,
    page: { readonly records: readonly StoredRecord[] } | undefined,
    later: Fx
  ): void => {
    if (page !== undefined) had.set(peer, page.records[0])
    left -= 1
    if (left > 0) return
    const wanted = Math.min(quorum === 0 ? kelips.readQuorum : quorum, homes.length)
    chooseBest(
      kelips,
      key,
      had,
      (record, holders, answered, after) => {
        release()
        done(record, holders, answered < wanted, after)
      },
      later
    )
  }
  if (left === 0) {
    release()
    done(undefined, 0, quorum > 0, fx)
  }
  for (const peer of homes) askForValue(kelips, peer, key, (page, later) => note(peer, page, later), fx)
}

type Chosen = (record: StoredRecord | undefined, holders: number, answered: number, fx: Fx) => void

/** Whoever gives what nobody signed has given no answer. */
function chooseBest(
  kelips: Kelips,
  key: Key,
  had: ReadonlyMap<Peer, StoredRecord | undefined>,
  done: Chosen,
  fx: Fx
): void {
  const given = [...had].filter(([, record]) => record !== undefined && isValueOf(kelips, key, record)) as [
    Peer,
    StoredRecord
  ][]
  const empty = [...had].filter(([, record]) => record === undefined).length
  if (given.length === 0) {
    done(undefined, 0, empty, fx)
    return
  }
  kelips.ask(
    { type: 'verify', records: given.map(([, record]) => record) },
    (answer, later) => {
      const good = given.filter((_, at) => answer?.type === 'verified' && answer.good[at] === true)
      const answered = empty + good.length
      if (good.length === 0) {
        done(undefined, 0, answered, later)
        return
      }
      kelips.ask(
        { type: 'select', key, records: good.map(([, record]) => record) },
        (selected, after) => {
          const best = good[selected?.type === 'selected' ? selected.index : 0]![1]
          for (const [peer, record] of had)
            if (record === undefined || record.sequence < best.sequence)
              give(kelips, peer, best, () => undefined, after)
          done(best, good.length, answered, after)
        },
        later
      )
    },
    fx
  )
}
