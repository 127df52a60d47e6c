/** Results are files, and may be those of strangers: what is drawn has the lab's schema, and fits. */
import {
  PARTS_MAX,
  type Path,
  POINTS_MAX,
  type PointResults,
  PUBLISHED_MAX,
  type StudyResults,
  StudyResultsSchema
} from '@servent/lab'
import { Compile } from 'typebox/compile'
import { ReportError } from './errors.ts'
import {
  CURVE_POINTS_MAX,
  KINDS_MAX,
  RESULTS_VALUES_MAX,
  STUDIES_MAX,
  TEXT_CHARACTERS_MAX,
  WARNINGS_MAX
} from './limits.ts'
import { FIGURES } from './measures.ts'

const schema = Compile(StudyResultsSchema)

/**
 * The same, with texts that can be shown.
 *
 * @throws ReportError  says of which study, and where in it
 */
export function checkedStudies(studies: readonly StudyResults[]): StudyResults[] {
  if (studies.length === 0)
    throw new ReportError('There is nothing to report: give it the results of a study.')
  if (studies.length > STUDIES_MAX)
    throw new ReportError(`A report sets ${STUDIES_MAX} studies side by side at most, not ${studies.length}.`)
  return studies.map((study, index) => {
    const whose = studies.length === 1 ? 'The results' : `Results ${index + 1} of ${studies.length}`
    return checked(study, why => new ReportError(readable(`${whose} ${why}`)))
  })
}

type Wrong = (why: string) => ReportError

function checked(results: StudyResults, wrong: Wrong): StudyResults {
  checkSize(results, wrong)
  if (!schema.Check(results)) {
    const [error] = schema.Errors(results)
    const { instancePath = '', message = 'are none' } = error ?? {}
    throw wrong(`are not of the schema servent-study/1: ${instancePath || 'they'} ${message}.`)
  }
  // The schema says how deep they go, so that walking down has an end.
  const study = readable(results)
  const { parts } = study
  if (parts.length > PARTS_MAX)
    throw wrong(`have ${parts.length} parts, and a study has ${PARTS_MAX} at most.`)
  const points = parts.reduce((sum, part) => sum + part.points.length, 0)
  if (points > POINTS_MAX) throw wrong(`have ${points} points, and a study has ${POINTS_MAX} at most.`)
  if (points === 0) throw wrong('have no points, so there is nothing to draw.')
  const names = new Set<string>()
  for (const { name, varies, points, paired, published } of parts) {
    if (names.has(name)) throw wrong(`have two parts of the name ${name}.`)
    names.add(name)
    const unknown = varies.find(field => points.some(({ plan }) => !Object.hasOwn(plan, field)))
    if (unknown !== undefined)
      throw wrong(`have a part ${name} in which ${unknown} varies, and no plan has that.`)
    // Each overlay against the first one, at each point and in each figure.
    if (paired.length > points.length * FIGURES.length)
      throw wrong(`have a part ${name} with more comparisons (${paired.length}) than its points allow.`)
    if (published.length > PUBLISHED_MAX)
      throw wrong(
        `have a part ${name} with ${published.length} published figures, and a part has ${PUBLISHED_MAX} at most.`
      )
    for (const point of points) checkPoint(point, wrong)
  }
  return study
}

function checkPoint({ overlay, curves, results }: PointResults, wrong: Wrong): void {
  checkPath(results.path ?? undefined, overlay, wrong)
  const { bytes_per_node_per_s: bytes, settings, topology, warnings } = results
  const sizes: readonly (readonly [what: string, size: number, most: number])[] = [
    ['steps in a curve of hops', curves.hops?.length ?? 0, CURVE_POINTS_MAX],
    ['quantiles of latency', curves.latency_ms?.length ?? 0, CURVE_POINTS_MAX],
    ['steps in a curve of load', curves.load?.length ?? 0, CURVE_POINTS_MAX],
    ['numbers of links', topology?.degrees.length ?? 0, CURVE_POINTS_MAX],
    ['kinds of messages', Object.keys(bytes?.by_type ?? {}).length, KINDS_MAX],
    ['settings', Object.keys(settings).length, KINDS_MAX],
    ['warnings', warnings.length, WARNINGS_MAX]
  ]
  for (const [what, size, most] of sizes)
    if (size > most) throw wrong(`have a point of ${overlay} with ${size} ${what}, and ${most} are the most.`)
}

/** Whoever is drawn has a place, and the way leads from who asks to who answers, and back: the bounds of a path are in its schema. */
function checkPath(path: Path | undefined, overlay: string, wrong: Wrong): void {
  if (path === undefined) return
  const { origin, answered_by: by, found, peers, links, events } = path
  const known = new Set(peers.map(({ peer }) => peer))
  if (known.size < peers.length) throw wrong(`have a path of ${overlay} with two peers of one number.`)
  const named = [origin, by, found, ...links.flat(), ...events.flatMap(({ from, to }) => [from, to])]
  const stranger = named.find(peer => !known.has(peer))
  if (stranger !== undefined)
    throw wrong(`have a path of ${overlay} with a peer ${stranger}, which is not among its peers.`)
  const wayOf = (way: 'there' | 'back') => events.filter(event => event.way === way)
  const [there, back] = [wayOf('there'), wayOf('back')]
  if (there.length === 0 || back.length === 0)
    throw wrong(`have a path of ${overlay} without a way there and back.`)
  let at = origin
  for (const { from, to, named_by: namedBy } of there) {
    // Who asks sends a request to whom an answer named: its step begins there.
    if ((namedBy ?? from) !== at || (from !== at && from !== origin))
      throw wrong(
        `have a path of ${overlay} whose way there has a step to peer ${to} that does not begin at peer ${at}.`
      )
    at = to
  }
  if (at !== by)
    throw wrong(`have a path of ${overlay} whose way there ends at peer ${at}, and peer ${by} answered.`)
  for (const { from, to } of back) {
    if (from !== at)
      throw wrong(
        `have a path of ${overlay} whose way back has a step to peer ${to} that does not begin at peer ${at}.`
      )
    at = to
  }
  if (at !== origin)
    throw wrong(`have a path of ${overlay} whose way back ends at peer ${at}, and peer ${origin} asked.`)
}

/** What turns the direction of text around, and what XML has no place for, escaped or not. */
const UNREADABLE = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/g

function readable<T>(value: T): T {
  const walk = (inner: unknown): unknown => {
    if (typeof inner === 'string') return inner.toWellFormed().replace(UNREADABLE, '\ufffd')
    if (Array.isArray(inner)) return inner.map(walk)
    if (inner === null || typeof inner !== 'object') return inner
    return Object.fromEntries(Object.entries(inner).map(([key, each]) => [walk(key) as string, walk(each)]))
  }
  return walk(value) as T
}

/** Before the schema is held against it, which takes time for each value. */
function checkSize(study: unknown, wrong: Wrong): void {
  let left = RESULTS_VALUES_MAX
  const waiting: unknown[] = [study]
  while (waiting.length > 0) {
    const value = waiting.pop()
    left -= 1
    if (left < 0)
      throw wrong(`hold more than ${RESULTS_VALUES_MAX} values, which is more than a study leaves behind.`)
    if (typeof value === 'string' && value.length > TEXT_CHARACTERS_MAX)
      throw wrong(`hold a text of ${value.length} characters, and the longest has ${TEXT_CHARACTERS_MAX}.`)
    if (value === null || typeof value !== 'object') continue
    for (const [key, inner] of Object.entries(value)) {
      if (!Array.isArray(value)) waiting.push(key)
      waiting.push(inner)
    }
  }
}
