/** How far an overlay is with announcing, in a user's words: `status` and `overlay` say it alike. */
import type { NodeStatus } from '@servent/node'
import { formatCount, formatLeft, formatRate, plural } from '../terminal/format.ts'

type Announced = NonNullable<NodeStatus['overlays'][number]['announced']>

export function announcedParts(announced: Announced | undefined): string[] {
  if (announced === undefined) return []
  const { files, of, partly, refused, why } = announced
  return [
    `announced ${formatCount(files)} of ${plural(of, 'file')}${underWay(announced)}`,
    ...(partly === undefined ? [] : [`${formatCount(partly)} by some of their words, as others are full`]),
    ...(refused === undefined ? [] : [`${formatCount(refused)} refused (${why})`])
  ]
}

function underWay({ filesPerS, leftMs, limit }: Announced): string {
  const parts = [
    filesPerS === undefined ? '' : `${filesPerS} a second`,
    leftMs === undefined ? '' : formatLeft(leftMs).slice(2),
    limit === undefined ? '' : LIMITS[limit.name](limit.perS ?? 0)
  ].filter(part => part !== '')
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

const LIMITS: Readonly<Record<NonNullable<Announced['limit']>['name'], (perS: number) => string>> = {
  publishRate: perS => `as publishRate allows ${formatRate(perS)}`,
  providesPerSecond: perS => `at ${perS} keys a second`,
  answers: () => 'as fast as others answer',
  nobody: () => 'nobody to tell yet'
}
