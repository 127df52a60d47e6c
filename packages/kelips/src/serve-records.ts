/** A provider answers for its records, and a homenode for its values. */
import { fitInMessage, type GetRecords } from '@servent/key-routing/machine'
import { PRIORITY_FIND } from './constants.ts'
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
