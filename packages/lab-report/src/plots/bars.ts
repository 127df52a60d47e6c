/** Shares of one network: what became of lookups, and which messages the bytes are of. */
import { LOOKS, labelOf, OUTCOMES } from '../looks.ts'
import { isStill } from '../measures.ts'
import { percent, shown } from '../numbers.ts'
import { type Datum, framed, overlaysOf, type Plot, QUARTERS } from '../spec.ts'
import { distinct, type PartView, type Row } from '../view.ts'

const KINDS = Object.keys(OUTCOMES) as (keyof typeof OUTCOMES)[]
const BAR_PX = 30

/** Of all lookups that were planned; nothing where every one was correct. */
export function outcomesPlot(view: PartView): Plot | undefined {
  const rows = view.last.filter(({ point }) => {
    const { issued, unissued } = point.results.lookups
    return issued + unissued > 0
  })
  const isPerfect = rows.every(({ point }) => {
    const { correct, issued, unissued } = point.results.lookups
    return correct === issued && unissued === 0
  })
  if (rows.length === 0 || isPerfect) return undefined
  const data: Datum[] = rows.flatMap(({ panel, point }) => {
    const { lookups } = point.results
    const all = lookups.issued + lookups.unissued
    return KINDS.map((kind, rank) => ({
      panel,
      overlay: labelOf(point.overlay),
      kind,
      rank,
      part: lookups[kind] / all
    }))
  })
  const overlays = overlaysOf(rows)
  const height = 70 + BAR_PX * overlays.length
  const spec = framed(
    data,
    [
      {
        mark: { type: 'bar', height: { band: 0.7 } },
        encoding: {
          x: {
            field: 'part',
            type: 'quantitative',
            stack: 'zero',
            scale: { domain: [0, 1] },
            axis: { title: 'Lookups that were planned', ...QUARTERS }
          },
          y: {
            field: 'overlay',
            type: 'nominal',
            sort: null,
            axis: { title: null, ticks: false, domain: false }
          },
          color: {
            field: 'kind',
            type: 'nominal',
            scale: { domain: KINDS, range: KINDS.map(kind => OUTCOMES[kind].light) },
            legend: { columns: 4, symbolType: 'square', columnPadding: 10 }
          },
          order: { field: 'rank' }
        }
      }
    ],
    { height, panelHeight: BAR_PX * overlays.length }
  )
  const hasPanels = distinct(rows.map(({ panel }) => panel)).length > 1
  const hasLiars = rows.some(({ point }) => (point.plan.liars ?? 0) > 0)
  return {
    name: 'outcomes',
    title: 'What became of lookups',
    caption: [
      'Incorrect: answered with somebody else than the observer’s root. Failed: no answer in the overlay’s time. Unissued:',
      `${hasLiars ? 'the root lies, ' : ''}nobody was there to ask, or who asked died before the answer; those are in no other figure.`,
      ...(view.lastWords === '' ? [] : [`Here: ${view.lastWords}.`])
    ].join(' '),
    spec,
    table: {
      caption: 'What became of lookups, of all runs',
      heads: hasPanels ? 2 : 1,
      columns: [
        ...(hasPanels ? [{ title: 'Panel' }] : []),
        { title: 'Overlay' },
        ...KINDS.map(title => ({ title }))
      ],
      rows: rows.map(({ panel, point }) => [
        ...(hasPanels ? [panel] : []),
        labelOf(point.overlay),
        ...KINDS.map(kind => point.results.lookups[kind])
      ])
    }
  }
}

/** Kinds of messages with a smaller part than this are taken together. */
const KIND_PART_LEAST = 0.03
const KIND_BAR_PX = 17
/** Of names of messages, the longest. */
const NAME_PX = 124
/** Of a panel beside them, what its name may take. */
const PANEL_PX = 200
/** In a label, where its second line begins. */
const LINE = '\n'

/** Each overlay's bytes, its kinds of messages one beside the other, the largest first: a bar begins where the last ended. */
export function bytesPlot(view: PartView): Plot | undefined {
  const measured = view.last.filter(({ point }) => (point.results.bytes_per_node_per_s?.mean ?? 0) > 0)
  if (measured.length === 0) return undefined
  const overlays = overlaysOf(measured)
  // What is compared stands together: one overlay here and there.
  const rows = overlays.flatMap(overlay => measured.filter(({ point }) => point.overlay === overlay))
  const data: Datum[] = rows.flatMap(row => {
    const { mean } = row.point.results.bytes_per_node_per_s!
    const label = `${labelOf(row.point.overlay)}, ${shown(mean)} B/s${row.panel === '' ? '' : `${LINE}${row.panel}`}`
    let before = 0
    return kindsOf(row).map(({ kind, bytes }, rank) => {
      const from = before
      before += bytes / mean
      return { panel: label, series: labelOf(row.point.overlay), kind, rank, from, to: before }
    })
  })
  const spec = framed(
    data,
    [
      {
        mark: { type: 'bar', height: { band: 0.75 } },
        encoding: {
          x: {
            field: 'from',
            type: 'quantitative',
            scale: { domain: [0, 1] },
            axis: { title: 'Bytes that a peer sends', ...QUARTERS }
          },
          x2: { field: 'to' },
          y: {
            field: 'kind',
            type: 'nominal',
            sort: { field: 'rank', op: 'min' },
            axis: {
              title: null,
              ticks: false,
              domain: false,
              // Every bar has its name, as close as they are.
              labelOverlap: false,
              minExtent: NAME_PX,
              maxExtent: NAME_PX
            }
          },
          color: {
            field: 'series',
            type: 'nominal',
            scale: { domain: overlays.map(labelOf), range: overlays.map(overlay => LOOKS[overlay].light) },
            legend: null
          }
        }
      }
    ],
    {
      height: 60 + KIND_BAR_PX * data.length,
      panelHeight: { step: KIND_BAR_PX },
      axisPx: NAME_PX + 12,
      header: { labelLimit: PANEL_PX },
      resolve: { scale: { y: 'independent' } }
    }
  )
  const hasPanels = distinct(rows.map(({ panel }) => panel)).length > 1
  const still = rows.filter(({ point }) => isStill(point)).length
  const of =
    still === 0
      ? ', upkeep and questions together'
      : `, ${still < rows.length ? 'where peers are dead ' : ''}of questions alone, as maintenance stands still while peers are dead`
  return {
    name: 'bytes-by-kind',
    title: 'What the bytes are of',
    caption: [
      `Bytes that a live peer sends in a second, by the kind of message${of}; each bar begins where`,
      'the one above it ended. Bytes a second here are means of all runs, of which other tables have medians.',
      ...(view.lastWords === '' ? [] : [`Here: ${view.lastWords}.`])
    ].join(' '),
    spec,
    table: {
      caption: 'Bytes that a peer sends in a second, by the kind of message: means of all runs',
      heads: hasPanels ? 3 : 2,
      columns: [
        ...(hasPanels ? [{ title: 'Panel' }] : []),
        { title: 'Overlay' },
        { title: 'Message' },
        { title: 'B/s' },
        { title: 'Part', write: percent }
      ],
      rows: rows.flatMap(({ panel, point }) => {
        const { mean, by_type } = point.results.bytes_per_node_per_s!
        return Object.entries(by_type)
          .sort(([, a], [, b]) => b - a)
          .map(([type, bytes]) => [
            ...(hasPanels ? [panel] : []),
            labelOf(point.overlay),
            type,
            bytes,
            bytes / mean
          ])
      })
    }
  }
}

function kindsOf({ point }: Row): { readonly kind: string; readonly bytes: number }[] {
  const { mean, by_type } = point.results.bytes_per_node_per_s!
  const sorted = Object.entries(by_type)
    .map(([kind, bytes]) => ({ kind, bytes }))
    .sort((a, b) => b.bytes - a.bytes)
  const large = sorted.filter(({ bytes }) => bytes / mean >= KIND_PART_LEAST)
  const small = sorted.slice(large.length)
  const rest = small.reduce((sum, { bytes }) => sum + bytes, 0)
  const named = ({ kind, bytes }: (typeof sorted)[number]) => ({ kind: shortened(kind), bytes })
  if (small.length < 2) return sorted.map(named)
  return [...large.map(named), { kind: `${small.length} others`, bytes: rest }]
}

/** Of messages the longest name is a little shorter; others' files may have any. */
const KIND_CHARACTERS = 19

const shortened = (kind: string) =>
  kind.length > KIND_CHARACTERS ? `${kind.slice(0, KIND_CHARACTERS - 1)}…` : kind
