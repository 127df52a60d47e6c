/** The page: one file that needs nothing else, and may ask for nothing else. */
import { type PointResults, resolvePlan } from '@servent/lab'
import { shortOf, titleOf, wordsOf } from './axes.ts'
import { fairnessHtml, type Labelled, originHtml } from './fairness.ts'
import { Html, html } from './html.ts'
import { LOOKS, labelOf, type OverlayId } from './looks.ts'
import { FIGURES, type Measure, measureOf } from './measures.ts'
import { capital, count, duration, extent, inWords, listed } from './numbers.ts'
import { lastTable, pairedTable, publishedTable, summaryTable } from './part-table.ts'
import type { PathPicture } from './paths/index.ts'
import { sentencesOf } from './sentences.ts'
import { backendsTable } from './side-by-side.ts'
import type { Plot } from './spec.ts'
import { STYLE } from './style.ts'
import { type Table, tableHtml } from './table.ts'
import { distinct, type PartView, valueAt } from './view.ts'

/** Nothing is loaded from anywhere, and no script runs. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

export interface DrawnPlot extends Plot {
  /** Of the element, and of the file that it may become. */
  readonly id: string
  readonly svg: string
}

export interface DrawnPart {
  readonly id: string
  readonly view: PartView
  readonly plots: readonly DrawnPlot[]
}

/** In the order in which it is read: what came out, how it was made, each part, and where all comes from. */
export function pageOf(
  studies: readonly Labelled[],
  parts: readonly DrawnPart[],
  pictures: readonly PathPicture[]
): string {
  const [{ study }] = studies as readonly [Labelled]
  const isOne = studies.length === 1
  const titles = distinct(studies.map(one => one.study.title))
  const title = titles.length === 1 ? study.title : listed(titles)
  const abouts = distinct(studies.flatMap(one => one.study.about ?? []))
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">To the report</a>
<header>
<h1>${title}</h1>
${abouts.map(about => html`<p class="about">${about}</p>\n`)}${
  !isOne &&
  html`<p>${capital(inWords(studies.length))} studies side by side: ${listed(studies.map(({ label }) => label))}.</p>`
}
<nav aria-label="Contents"><ul>
<li><a href="#short">In short</a></li>
<li><a href="#compared">What was compared, and how fairly</a></li>
${pictures.length > 0 && html`<li><a href="#lookups">One lookup, step by step</a></li>\n`}${parts.map(({ id, view }) => html`<li><a href="#${id}">${view.title}</a></li>\n`)}<li><a href="#origin">Where it comes from</a></li>
</ul></nav>
</header>
<main id="main">
<section aria-labelledby="short"><h2 id="short">In short</h2>
${shortHtml(parts)}</section>
<section aria-labelledby="compared"><h2 id="compared">What was compared, and how fairly</h2>
${tableHtml(comparedTable(parts), 'compared-table')}
${fairnessHtml(studies)}</section>
${pictures.length > 0 && lookupsHtml(pictures)}${parts.map(partHtml)}<section class="part" aria-labelledby="origin"><h2 id="origin">Where it comes from</h2>
${originHtml(studies)}
<details><summary>Settings of the overlays</summary>
${tableHtml(settingsTable(parts), 'settings-table')}</details>
<details><summary>What the figures mean</summary>
<dl>${measuresThere(parts).map(({ label, means }) => html`<dt>${label}</dt><dd>${means}.</dd>\n`)}</dl></details>
</section>
</main>
<footer>Made by Servent’s lab from results alone: this file needs no network, and runs no script.</footer>
</body>
</html>
`.text
}

function shortHtml(parts: readonly DrawnPart[]): Html {
  const said = parts.map(({ id, view }) => ({ id, view, sentences: sentencesOf(view) }))
  const silent = said.every(({ sentences }) => sentences.length === 0)
  if (silent) return html`<p>There is one thing of each kind, and nothing to set against it.</p>`
  return html`<dl>${said.map(
    ({ id, view, sentences }) =>
      sentences.length > 0 &&
      html`<dt><a href="#${id}">${view.title}</a></dt>${sentences.map(text => html`<dd>${text}</dd>\n`)}`
  )}</dl>`
}

/** How one lookup of each overlay went. */
function lookupsHtml(pictures: readonly PathPicture[]): Html {
  return html`<section class="part" aria-labelledby="lookups"><h2 id="lookups">One lookup, step by step</h2>
<p>One lookup of each overlay, of middle length, as an observer of all peers saw it. Numbers in a picture are those of the steps of its way, there and back; numbers beside dots are those of peers.</p>
<div class="plots">${pictures.map(
    ({
      id,
      title,
      caption,
      svg,
      steps,
      table
    }) => html`<figure id="${id}" aria-labelledby="${id}-head"><h3 id="${id}-head">${title}</h3>
<div class="plot">${new Html(svg)}</div>
<figcaption>${caption}</figcaption>
<ol class="steps">${steps.map(step => html`<li>${step}</li>\n`)}</ol>
<details><summary>All its messages as a table</summary>
${tableHtml(table, `${id}-table`)}</details></figure>
`
  )}</div></section>
`
}

/** Numbers first, then plots; what is only looked up is folded away. */
function partHtml({ id, view, plots }: DrawnPart): Html {
  const last = lastTable(view)
  const published = publishedTable(view)
  const backends = backendsTable(view)
  const paired = view.members.flatMap(member => pairedTable(member, view) ?? [])
  return html`<section class="part" aria-labelledby="${id}"><h2 id="${id}">${view.title}</h2>
${view.about !== null && html`<p>${view.about}</p>`}
${last && tableHtml(last, `${id}-last`)}
${published && tableHtml(published, `${id}-published`)}
${
  backends &&
  // With the part's name: others have such a section, too.
  html`<section aria-labelledby="${id} ${id}-backends-head"><h3 id="${id}-backends-head">Backends side by side</h3>
${tableHtml(backends, `${id}-backends`)}</section>`
}
<div class="plots">${plots.map(figureHtml)}</div>
<details><summary>All points of this part in numbers</summary>
${tableHtml(summaryTable(view), `${id}-all`)}</details>
${paired.map(
  (table, at) => html`<details><summary>${table.caption}</summary>
${tableHtml(table, `${id}-paired-${at}`)}</details>\n`
)}</section>
`
}

/** The text stands under the plot, so that plots beside each other begin at one height. */
function figureHtml({ id, title, caption, svg, table }: DrawnPlot): Html {
  return html`<figure id="${id}" aria-labelledby="${id}-head"><h3 id="${id}-head">${title}</h3>
<div class="plot">${new Html(svg)}</div>
<figcaption>${caption}</figcaption>
<details><summary>The same as a table</summary>
${tableHtml(table, `${id}-table`)}</details></figure>
`
}

/** What each part asks, of whom, and of how many. */
function comparedTable(parts: readonly DrawnPart[]): Table {
  return {
    caption: 'Parts of the comparison',
    heads: 1,
    columns: ['Part', 'Overlays', 'Peers', 'What varies', 'Asked in a run', 'Runs of a point', 'Network'].map(
      title => ({
        title,
        isText: true
      })
    ),
    rows: parts.map(({ view }) => {
      const points = view.members.flatMap(({ part }) => part.points)
      const range = (of: (point: (typeof points)[number]) => number, write: (value: number) => string) => {
        const all = points.map(of)
        return distinct(extent(all).map(write)).join(' to ')
      }
      const works = (['lookups', 'searches', 'puts', 'gets'] as const).flatMap(work =>
        points.some(({ plan }) => plan[work] > 0) ? [`${range(({ plan }) => plan[work], count)} ${work}`] : []
      )
      const fields = view.varies.map(
        field => `${titleOf(field)}: ${ofStudies(view, own => valuesIn(own, field, shortOf), ', ')}`
      )
      const keys = distinct(points.flatMap(({ set }) => Object.keys(set)))
      const settings = ofStudies(view, fixedSettings, ', ')
      const isSame = distinct(view.members.map(({ part }) => fixedSettings(part.points).join())).length === 1
      return [
        view.title,
        listed(distinct(points.map(({ overlay }) => overlay)).map(labelOf)),
        range(({ plan }) => plan.nodes, count),
        [
          ...fields,
          ...(isSame ? [] : [`Fixed settings: ${settings}`]),
          ...(keys.length > 0 ? [`settings ${keys.join(', ')}`] : [])
        ].join('; ') || 'nothing',
        listed(works),
        range(({ results }) => results.seeds.length, count),
        [
          ...conditionsOf(points)
            .filter(field => !view.varies.includes(field))
            .map(field => ofStudies(view, own => valuesIn(own, field, wordsOf), ' or ')),
          ...(isSame && settings !== NO_SETTINGS ? [settings] : []),
          `measured for ${range(({ plan }) => plan.duration, duration)} after ${range(({ plan }) => plan.warmup, duration)}`
        ].join(', ')
      ]
    })
  }
}

type Points = readonly PointResults[]

/** Of all studies; where they have unlike ones, each with the studies that have it. */
function ofStudies({ members }: PartView, of: (points: Points) => string[], beside: string): string {
  const groups = [...Map.groupBy(members, ({ part }) => of(part.points).join(beside))]
  if (groups.length === 1) return groups[0]![0]
  return listed(groups.map(([text, own]) => `${text} in ${listed(own.map(({ study }) => study))}`))
}

const valuesIn = (points: Points, field: string, write: typeof wordsOf) =>
  distinct(points.map(point => valueAt(point, field))).map(value => write(field, value))

const NO_SETTINGS = 'none'

/** Those that a plan sets, and does not vary. */
function fixedSettings(points: Points): string[] {
  const said = points.flatMap(({ plan, set }) =>
    Object.entries(plan.set).flatMap(([key, value]) => (Object.hasOwn(set, key) ? [] : [`${key} ${value}`]))
  )
  return said.length === 0 ? [NO_SETTINGS] : distinct(said).sort()
}

/** Said of every part. */
const ALWAYS = ['latency', 'start']
/** Said in a column of their own, beside these, or of each run alone. */
const ELSEWHERE = [
  ...['overlays', 'nodes', 'lookups', 'searches', 'puts', 'gets', 'workload'],
  ...['warmup', 'duration', 'set', 'files', 'seed', 'seeds']
]

/** Fields that say in what network it ran, and of what files: all that some plan has otherwise than a plan that says nothing. */
function conditionsOf(points: Points): string[] {
  const usual = { at: {}, plan: resolvePlan({}) }
  const fields = distinct(points.flatMap(({ plan }) => Object.keys(plan)))
  const others = fields.filter(
    field =>
      ![...ALWAYS, ...ELSEWHERE].includes(field) &&
      points.some(point => valueAt(point, field) !== valueAt(usual, field))
  )
  return [...ALWAYS, ...others]
}

/** What else decides what comes out, for who runs it again with other ones; of which part, where not all have the same. */
function settingsTable(parts: readonly DrawnPart[]): Table {
  const all = parts.map(({ view }) => ({
    title: view.title,
    points: view.members.flatMap(({ part }) => part.points)
  }))
  const rows = (Object.keys(LOOKS) as OverlayId[]).flatMap(overlay => {
    const own = all
      .map(({ title, points }) => ({
        title,
        settings: points.filter(point => point.overlay === overlay).map(({ results }) => results.settings)
      }))
      .filter(({ settings }) => settings.length > 0)
    const keys = distinct(own.flatMap(({ settings }) => settings.flatMap(each => Object.keys(each))))
    return keys.map(key => {
      const groups = Map.groupBy(own, ({ settings }) =>
        distinct(settings.map(each => `${each[key]}`)).join(', ')
      )
      const told = [...groups].map(([values, of]) =>
        groups.size === 1 ? values : `${values} in ${listed(of.map(({ title }) => `“${title}”`))}`
      )
      return [labelOf(overlay), key, told.join('; ')]
    })
  })
  return {
    caption: 'All settings that the overlays ran with; several values where they vary',
    heads: 2,
    columns: ['Overlay', 'Setting', 'Values'].map(title => ({ title, isText: true })),
    rows
  }
}

/** Only words that the page has need a meaning, each of them once: of all points that go by it. */
function measuresThere(parts: readonly DrawnPart[]): Measure[] {
  // What a part ends with has a table of its own.
  const pointsOf = parts.flatMap(({ view }) => [
    view.members.flatMap(({ part }) => part.points),
    ...(view.hasGrid ? [] : [view.last.map(({ point }) => point)])
  ])
  return FIGURES.flatMap(name => {
    const own = pointsOf.filter(points =>
      points.some(({ figures }) => (figures[name]?.median ?? null) !== null)
    )
    const named = Map.groupBy(own, points => measureOf(name, points).label)
    return [...named.values()].map(groups => measureOf(name, groups.flat()))
  })
}
