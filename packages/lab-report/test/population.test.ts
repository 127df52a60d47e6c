/** Where peers come and go a network is of another size than its plan says: tables and how fairly say how many live. */
import type { PartResults, StudyResults } from '@servent/lab'
import { beforeAll, describe, expect, it } from 'vitest'
import { axisOf } from '../src/axes.ts'
import { fairnessHtml } from '../src/fairness.ts'
import { NBSP } from '../src/numbers.ts'
import { lastTable, summaryTable } from '../src/part-table.ts'
import { plotsOf } from '../src/plots/index.ts'
import type { Table } from '../src/table.ts'
import { viewOf } from '../src/view.ts'
import { studyOf } from './support/studies.ts'

let study: StudyResults
beforeAll(async () => {
  study = await studyOf(`
title: Small
common: {lookups: 10, duration: 20, warmup: 20, nodes: 16}
parts:
  - {name: calm, title: Calm, overlays: [chord, pastry]}
  - {name: dead, title: The dead, overlays: [chord, pastry], failures: 0.25}
  - {name: going, title: Coming and going, overlays: [chord, pastry], churn: [null, "exp:1h", "rate:0.05"]}
`)
  for (const { at, results } of partOf('going').points) {
    const [start, end] = { null: [16, 16], 'exp:1h': [15, 8.5], 'rate:0.05': [17, 17] }[`${at.churn}`]!
    Object.assign(results.population, {
      start: { live: start, members: start },
      end: { live: end, members: end }
    })
  }
}, 120_000)

const partOf = (name: string) => study.parts.find(part => part.name === name)!
const view = (part: PartResults) => viewOf([{ study: 'small', part }])
const plain = (text: string) => text.replaceAll(NBSP, ' ').replace(/<[^>]*>/g, '')
const fair = (part: PartResults) =>
  plain(fairnessHtml([{ label: 'small', study: { ...study, parts: [part] } }]).text)

describe('tables', () => {
  const alive = ({ columns, rows }: Table) => {
    const at = columns.findIndex(({ title }) => title === 'Peers alive at the start')
    return at === -1 ? [] : rows.map(row => [row[at], row[at + 1]])
  }

  it('say how many live when the measured time begins and when it ends', () => {
    const table = summaryTable(view(partOf('going')))
    const each = [
      [16, 16],
      [15, 8.5],
      [17, 17]
    ].flatMap(both => [both, both])
    expect(alive(table)).toEqual(each)
    expect(table.columns.map(({ title }) => title)).toContain('Peers alive at the end')
    expect(table.caption).toContain('peers alive when the measured time begins and when it ends')
    expect(alive(lastTable(view(partOf('going')))!)).toEqual(each.slice(-2))
    expect(alive(lastTable(view(partOf('dead')))!)).toEqual([
      [16, 12],
      [16, 12]
    ])
  })

  it('and not where it is the number of the plan', () => {
    for (const table of [summaryTable(view(partOf('calm'))), lastTable(view(partOf('calm')))!]) {
      expect(alive(table)).toEqual([])
      expect(table.caption).not.toContain('alive')
    }
  })
})

describe('how fairly', () => {
  it('names who lives, and where that changed by more than a tenth while it was measured', () => {
    const text = fair(partOf('going'))
    expect(text).toContain(
      'In “Coming and going” peers alive when the measured time began, and when it ended, were ' +
        '15, then 8.5 with sessions and absences of 60 min; 17, then 17 with churn rate:0.05; the plan begins with 16. '
    )
    expect(text).toContain('fewer or more by over a tenth with sessions and absences of 60 min: early')
    const steady = structuredClone(partOf('going'))
    for (const { results } of steady.points) results.population.end = results.population.start
    expect(fair(steady)).toContain('17, then 17 with')
    const sized = structuredClone(partOf('going'))
    for (const { plan } of sized.points) if (plan.churn === 'exp:1h') plan.nodes = 20
    expect(fair(sized)).toContain(
      'were 15, then 8.5 where the plan begins with 20, with sessions and absences of 60 min; ' +
        '17, then 17 where the plan begins with 16, with churn rate:0.05. '
    )
    expect(fair(steady)).not.toContain('over a tenth')
    expect(fair(partOf('calm'))).not.toContain('alive')
    expect(fair(partOf('dead'))).not.toContain('alive')
  })

  it('names measured times that are unlike in one part', () => {
    const part = structuredClone(partOf('going'))
    for (const { plan } of part.points) if (plan.churn !== null) plan.duration = 3600
    expect(fair(part)).toContain(
      'In “Coming and going” not all points were measured equally long: 20 s with no churn and 60 min with sessions and absences of 60 min or churn rate:0.05.'
    )
    expect(fair(partOf('going'))).not.toContain('equally long')
    const varied = structuredClone(part)
    varied.varies = ['duration']
    expect(fair(varied)).not.toContain('equally long')
  })
})

describe('along sessions', () => {
  it('absences that are as long are named, and an axis has room for its names', () => {
    const [plot] = plotsOf(view(partOf('going')))
    // A rate says nothing of absences.
    expect(plain(plot!.caption)).toContain(
      'With sessions and absences of 60 min peers are away as long as they stay, in the mean, so that half'
    )
    expect(plot!.table.rows.map(([first]) => plain(`${first}`))).toContain('sessions and absences of 60 min')
    const values = [null, 'exp:1h', 'rate:0.05']
    expect(values.map(axisOf('churn', values).at)).toEqual(['none', `60${NBSP}min`, 'rate:0.05'])
    // Two that are one under the title keep their words.
    const twins = [null, 'exp:1h', 'exp:1h/exp:5m']
    expect(new Set(twins.map(axisOf('churn', twins).at)).size).toBe(3)
    const other = structuredClone(partOf('going'))
    for (const { at, plan } of other.points)
      if (at.churn === 'exp:1h') at.churn = plan.churn = 'exp:1h/exp:5m'
    expect(plotsOf(view(other))[0]!.caption).not.toContain('away as long')
    const captionOf = (...values: string[]) => {
      const part = structuredClone(partOf('going'))
      for (const { at, plan } of part.points)
        at.churn = plan.churn = plan.churn && values[plan.churn === 'exp:1h' ? 0 : 1]!
      return plain(plotsOf(view(part))[0]!.caption)
    }
    expect(captionOf('exp:10m', 'exp:10m/exp:1m')).toContain(
      'With sessions and absences of 10 min peers are away as long as they stay'
    )
    expect(captionOf('exp:10m', 'exp:1h')).toContain('. Peers are away as long as they stay')
  })
})
