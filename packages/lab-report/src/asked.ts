/** What lookups ask for, and how long they may take: not the same of every overlay, and said where such ones are compared. */
import { looksUpFiles, lookupMsMax, type PartResults, type PointResults, waitOf } from '@servent/lab'
import { type Html, html } from './html.ts'
import { LOOKS, labelOf, type OverlayId } from './looks.ts'
import { capital, duration, listed } from './numbers.ts'

type Asking = Pick<PartResults, 'title' | 'points'>

const MS_PER_S = 1000
const seconds = (ms: number) => duration(ms / MS_PER_S)

/** Items of a list; nothing of parts without lookups. */
export function askedHtml(parts: readonly Asking[]): Html {
  const asking = parts.flatMap(({ title, points }) => {
    const asked = points.filter(({ plan }) => plan.lookups > 0)
    return asked.length === 0 ? [] : [{ title, points: asked }]
  })
  if (asking.length === 0) return html``
  const waits = waitWords(asking)
  return html`<li><strong>What is looked up.</strong> ${targetWords(asking)}</li>
<li><strong>Time that a lookup has:</strong> ${budgetWords(asking.flatMap(({ points }) => points))}</li>
${waits !== undefined && html`<li><strong>Patience with a silent peer:</strong> ${waits}</li>\n`}`
}

/** In the order of the looks. */
function overlaysIn(points: readonly PointResults[]): OverlayId[] {
  const there = new Set(points.map(({ overlay }) => overlay))
  return (Object.keys(LOOKS) as OverlayId[]).filter(overlay => there.has(overlay))
}

const named = (overlays: readonly OverlayId[]) => listed(overlays.map(labelOf))
const isOfFiles = ({ overlay }: PointResults) => looksUpFiles(overlay)

const ROOT = 'the root of a random key, which is one peer'
const FILE =
  'a random file, and whoever lives and has it is right; where nobody has it any more, the next file that somebody has is looked up. ' +
  'Most files have a single copy, and a few have many'

function targetWords(parts: readonly Asking[]): string {
  const kindOf = ({ points }: Asking) =>
    points.every(isOfFiles) ? 'files' : points.some(isOfFiles) ? 'both' : 'keys'
  const groups = Map.groupBy(parts, kindOf)
  return [...groups]
    .map(([kind, of]) => {
      const where = groups.size === 1 ? '' : `In ${quoted(of)}: `
      const overlays = overlaysIn(of.flatMap(({ points }) => points))
      const [files, keys] = [overlays.filter(looksUpFiles), overlays.filter(one => !looksUpFiles(one))]
      if (kind === 'files') return `${where}Lookups are for ${FILE}.`
      if (kind === 'keys') return `${where}Lookups are for ${ROOT}.`
      return (
        `${where}Not the same thing: ${named(keys)} for ${ROOT}, and ${named(files)} for ${FILE}. ` +
        'When somebody asks, and who it is, is the same. So success, steps and times of the two kinds answer unlike questions, and are compared with that in mind.'
      )
    })
    .join(' ')
}

const quoted = (parts: readonly Asking[]) => listed(parts.map(({ title }) => `“${title}”`))

/** What decides how long an overlay waits, beside its settings. */
function conditionOf({ plan: { backend, failures } }: PointResults): string {
  if (backend !== 'simulator') return 'real peers'
  return failures === null ? 'simulated' : 'simulated, with failures'
}

/** Of each condition there is what is said of its points; the condition is named where there are several. */
function byCondition(
  points: readonly PointResults[],
  told: (own: readonly PointResults[]) => string | undefined
): string[] {
  const groups = [...Map.groupBy(points, conditionOf)]
  return groups.flatMap(([condition, own]) => {
    const text = told(own)
    return text === undefined ? [] : [capital(`${groups.length > 1 ? `${condition}: ` : ''}${text}.`)]
  })
}

/** How long until it has failed. */
function budgetWords(points: readonly PointResults[]): string {
  const said = byCondition(points, own => {
    const groups = grouped(own, ({ overlay, results, plan }) => {
      const ms = lookupMsMax(overlay, results.settings, plan)
      return ms === undefined ? undefined : seconds(ms)
    })
    if (groups.length === 0) return undefined
    if (groups.length === 1) return `${groups[0]![0]} in every overlay`
    return groups.map(([time, overlays]) => `${time} in ${named(overlays)}`).join(', ')
  })
  if (said.length === 0) return 'what its overlay gives it, which its settings do not say.'
  return `${said.join(' ')} Who has more time fails less often, and its late answers are among its latencies.`
}

/** Of overlays that stand in one part and wait unlike long. */
function waitWords(parts: readonly Asking[]): string | undefined {
  const isUnlike = (own: readonly PointResults[]) => grouped(own, waitOfPoint).length > 1
  const points = parts.flatMap(part =>
    [...Map.groupBy(part.points, conditionOf).values()].filter(isUnlike).flat()
  )
  const said = byCondition(points, own =>
    grouped(own, waitOfPoint)
      .map(([wait, overlays]) => `${named(overlays)} ${wait}`)
      .join('; ')
  )
  if (said.length === 0) return undefined
  return `${said.join(' ')} Meanwhile a lookup stands still where it asks nobody else; who waits longer takes a slow peer for a dead one less often.`
}

function waitOfPoint({ overlay, results, plan }: PointResults): string | undefined {
  const wait = waitOf(overlay, results.settings, plan)
  if (wait === undefined) return undefined
  const [least, most] = wait.answerMs
  const answer =
    least === most
      ? `${seconds(most)} for an answer`
      : `${seconds(least)} to ${seconds(most)} for an answer, by round trips`
  return `${answer}, and ${seconds(wait.dialMs)} for a connection`
}

/** Overlays by what is said of them. */
function grouped(
  points: readonly PointResults[],
  of: (point: PointResults) => string | undefined
): [said: string, overlays: OverlayId[]][] {
  const groups = Map.groupBy(points, of)
  return [...groups].flatMap(([said, own]): [string, OverlayId[]][] =>
    said === undefined ? [] : [[said, overlaysIn(own)]]
  )
}
