/** Means are called so where other numbers are medians, and settings are those of the parts that have them. */
import type { StudyResults } from '@servent/lab'
import { beforeAll, expect, it } from 'vitest'
import { pageOf } from '../src/page.ts'
import { plotsOf } from '../src/plots/index.ts'
import { viewOf } from '../src/view.ts'
import { studyOf } from './support/studies.ts'

let study: StudyResults
beforeAll(async () => {
  study = await studyOf(`
title: Small
common: {lookups: 10, duration: 20, warmup: 20, nodes: 16}
parts:
  - {name: tuned, title: Tuned, overlays: [chord], grid: {chord: {successors: [4, 16]}}}
  - {name: one, title: One, overlays: [chord, kelips]}
  - {name: two, title: Two, overlays: [chord]}
`)
}, 120_000)

const viewOfPart = (name: string) =>
  viewOf([{ study: 'small', part: study.parts.find(part => part.name === name)! }])

/** By overlay and setting. */
function settingsIn(names: readonly string[]): Map<string, string> {
  const parts = names.map(name => ({ id: name, view: viewOfPart(name), plots: [] }))
  const page = pageOf([{ label: 'small', study }], parts, [])
  const from = page.indexOf('<caption id="settings-table">')
  const rows = page.slice(from, page.indexOf('</table>', from)).split('<tr>').slice(2)
  return new Map(
    rows.map(row => {
      const [overlay, key, values] = [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell]) => cell)
      return [`${overlay} ${key}`, values!]
    })
  )
}

it('values of settings are told by part, where not all parts have the same', () => {
  const all = settingsIn(['tuned', 'one', 'two'])
  expect(all.get('Chord successors')).toBe('4, 16 in “Tuned”; 8 in “One” and “Two”')
  expect(all.get('Chord virtual-nodes')).toBe('1')
  // Of one part alone, whatever the others have.
  expect(all.get('Kelips lookup-budget-ms')).toBe('10000')
  expect(settingsIn(['tuned']).get('Chord successors')).toBe('4, 16')
  expect(settingsIn(['one', 'two']).get('Chord successors')).toBe('8')
})

it('bytes by kind are means, and say so', () => {
  const { caption, table } = plotsOf(viewOfPart('one')).find(({ name }) => name === 'bytes-by-kind')!
  expect(caption).toContain('means of all runs, of which other tables have medians')
  expect(table.caption).toContain('means of all runs')
})
