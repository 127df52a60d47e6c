/** The first columns of tables of points: which one a row is of. */
import type { PointResults } from '@servent/lab'
import { titleOf, wordsOf } from './axes.ts'
import { labelOf } from './looks.ts'
import type { Column } from './table.ts'
import { type PartView, settingWords, valueAt } from './view.ts'

export interface WhichPoint {
  readonly columns: readonly Column[]
  cells(study: string, point: Pick<PointResults, 'overlay' | 'at' | 'plan' | 'set'>): string[]
}

/** Its overlay, its study where there are several, what varies, and its settings. */
export function whichPoint({ members, hasGrid }: PartView, varies: readonly string[]): WhichPoint {
  const hasStudies = members.length > 1
  return {
    columns: [
      { title: 'Overlay' },
      ...(hasStudies ? [{ title: 'Study' }] : []),
      ...varies.map(field => ({ title: titleOf(field) })),
      ...(hasGrid ? [{ title: 'Settings' }] : [])
    ],
    cells: (study, point) => [
      labelOf(point.overlay),
      ...(hasStudies ? [study] : []),
      ...varies.map(field => wordsOf(field, valueAt(point, field))),
      ...(hasGrid ? [settingWords(point)] : [])
    ]
  }
}
