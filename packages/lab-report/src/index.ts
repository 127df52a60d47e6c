/**
 * What the lab measured, as one page that people read: offline, in light and dark, on paper, and read aloud.
 *
 * `reportOf` takes results of studies (`results.json`, schema `servent-study/1`) and nothing else, so that an old one
 * is drawn again as it was. Several studies are set side by side, each part beside those of its name. Equal results
 * give equal bytes. Plots are specified in Vega-Lite and drawn here, without a browser; each has its numbers in a table.
 *
 *     const { html, plots } = await reportOf([JSON.parse(await readFile('results.json', 'utf8'))])
 *
 * The page holds no script, loads nothing, and says so in its Content-Security-Policy; what others wrote is escaped.
 */
import type { StudyResults } from '@servent/lab'
import { checkedStudies } from './check.ts'
import { alone, draw } from './draw.ts'
import type { Labelled } from './fairness.ts'
import { NAME_CHARACTERS_MAX } from './limits.ts'
import type { OverlayId } from './looks.ts'
import { type DrawnPart, type DrawnPlot, pageOf } from './page.ts'
import { pathPictures } from './paths/index.ts'
import { plotsOf } from './plots/index.ts'
import type { Spec } from './spec.ts'
import { distinct, viewOf } from './view.ts'

export { ReportError } from './errors.ts'

export interface ReportPlot {
  /** Letters, digits and hyphens, 64 at most; no two of a report have the same. */
  readonly name: string
  /** A file of its own, in light and dark. */
  readonly svg: string
  /** Vega-Lite, with its data in it. */
  readonly spec: Spec
}

/** The path of one lookup of an overlay. */
export interface ReportPicture {
  /** As names of plots. */
  readonly name: string
  readonly overlay: OverlayId
  /** A file of its own, in light and dark. */
  readonly svg: string
  /** What happened, in words. */
  readonly steps: readonly string[]
}

export interface Report {
  /** A whole page. */
  readonly html: string
  readonly plots: readonly ReportPlot[]
  /** One of each overlay whose results have a path. */
  readonly pictures: readonly ReportPicture[]
}

/**
 * @throws ReportError  there are no studies, or too many; results are not of the schema, or hold more than a study
 *                      leaves behind
 */
export async function reportOf(results: readonly StudyResults[]): Promise<Report> {
  const studies = checkedStudies(results)
  const labelled = labels(studies)
  const named = namer()
  const pictures = pathPictures(labelled, named)
  const parts: DrawnPart[] = []
  for (const name of distinct(studies.flatMap(({ parts }) => parts.map(part => part.name)))) {
    const members = labelled.flatMap(({ label, study }) =>
      study.parts
        .filter(part => part.name === name && part.points.length > 0)
        .map(part => ({ study: label, part }))
    )
    if (members.length === 0) continue
    const view = viewOf(members)
    const plots: DrawnPlot[] = []
    for (const plot of plotsOf(view)) {
      const id = named(`${name}-${plot.name}`)
      const { title, caption: text } = plot
      plots.push({ ...plot, id, svg: await draw(plot.spec, { id, title, text }) })
    }
    parts.push({ id: named(`part-${name}`), view, plots })
  }
  const titles = parts.map(({ view }) => view.title)
  // Whoever finds their way by headings tells parts of one title apart by their names.
  const apart = parts.map(({ view, ...part }) => {
    const isAlone = titles.filter(title => title === view.title).length === 1
    return { ...part, view: isAlone ? view : { ...view, title: `${view.title} (${view.name})` } }
  })
  return {
    html: pageOf(labelled, apart, pictures),
    pictures: pictures.map(({ id, overlay, svg, steps }) => ({ name: id, overlay, svg: alone(svg), steps })),
    plots: parts.flatMap(({ plots }) =>
      plots.map(({ id, svg, spec }) => ({ name: id, svg: alone(svg), spec }))
    )
  }
}

const COMMIT_CHARACTERS = 7

/** Of several studies: the name, with the commit where that is not enough, and with a number where that is not either. */
function labels(studies: readonly StudyResults[]): Labelled[] {
  const isUnlike = (all: readonly string[]) => new Set(all).size === all.length
  const names = studies.map(({ name }) => name)
  if (isUnlike(names)) return studies.map((study, at) => ({ label: names[at]!, study }))
  const commits = studies.map(({ name, commit }) =>
    `${name} ${commit?.slice(0, COMMIT_CHARACTERS) ?? ''}`.trim()
  )
  if (isUnlike(commits)) return studies.map((study, at) => ({ label: commits[at]!, study }))
  return studies.map((study, at) => ({ label: `${names[at]}, run ${at + 1}`, study }))
}

/** Names that files and elements can have, no two alike, of texts that others chose. */
function namer(): (text: string) => string {
  const used = new Set<string>()
  return text => {
    const plain = text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
    for (let number = 1; ; number += 1) {
      const ending = number === 1 ? '' : `-${number}`
      const name = `${plain.slice(0, NAME_CHARACTERS_MAX - ending.length)}${ending}`
      if (name === '' || used.has(name)) continue
      used.add(name)
      return name
    }
  }
}
