/** Kademlia: the tree of keys as the key sees it, nearest first, and below it all queries in the order in which they were sent. */
import type { PathEvent } from '@servent/lab'
import { GRID, INK, LOOKS, QUIET } from '../looks.ts'
import { NBSP, shown } from '../numbers.ts'
import { Canvas, FAINT, lineItem, type Point, WIDTH } from './canvas.ts'
import { bitsOf, sharedBits, xorOf } from './keys.ts'
import { type Drawn, drawPeers, drawWay, keyItem, labelWay, type PathView, wayLegend } from './marks.ts'
import { drawTrie, hanging, hangingOf } from './trie.ts'

const KEY = 'key'
const LEFT = 60
/** Queries that have a line of their own: those of the way, and the first of the others. */
export const QUERIES_SHOWN = 24
const ROW = 15
const BARS_LEFT = 150

export interface Query {
  readonly sent: PathEvent
  /** Its answer; nothing where none came. */
  readonly answer: PathEvent | undefined
  /** Where who asks stopped waiting. */
  readonly gaveUpUs: number | undefined
}

/** What who asks sent to whom, each with what came of it. */
export function queriesOf({ path }: Pick<PathView, 'path'>): Query[] {
  const { origin, events } = path
  return events
    .filter(({ message, from }) => from === origin && message !== 'no-answer')
    .map(sent => ({
      sent,
      answer: events.find(
        one =>
          one.from === sent.to &&
          one.to === origin &&
          one.at_us >= (sent.arrived_us ?? Number.POSITIVE_INFINITY)
      ),
      gaveUpUs: events.find(
        one =>
          one.message === 'no-answer' && one.from === origin && one.to === sent.to && one.at_us >= sent.at_us
      )?.at_us
    }))
}

export function drawXorTree(view: PathView): Drawn {
  const { path, overlay } = view
  const colour = LOOKS[overlay].light
  const key = path.target.key ?? '0'
  const ids = new Map(path.peers.map(({ peer, id }) => [peer, id ?? '0']))
  const canvas = new Canvas()
  const own = bitsOf(0n)
  const leaves = [
    { item: KEY as number | typeof KEY, digits: own },
    ...[...ids].map(([item, id]) => ({ item: item as number | typeof KEY, digits: bitsOf(xorOf(id, key)) }))
  ].sort((a, b) => (a.digits < b.digits || (a.digits === b.digits && a.item === KEY) ? -1 : 1))
  const trie = drawTrie(canvas, leaves, {
    left: LEFT,
    right: WIDTH - 10,
    top: 14,
    height: 168,
    stepMost: 22,
    marks: digits => own.startsWith(digits),
    faint: { ...FAINT, stroke: GRID.light, 'stroke-width': 1.2 },
    marked: { stroke: colour, 'stroke-width': 1.6 }
  })
  const every = Math.max(1, Math.ceil(trie.depth / 9))
  for (let bits = 0; bits <= trie.depth; bits += every)
    canvas.text({ x: 4, y: trie.levelY(bits) + 4 }, bits === 1 ? '1 bit' : `${bits} bits`)
  const places = new Map<number, Point>()
  for (const [item, point] of trie.places) if (typeof item === 'number') places.set(item, point)
  // Who asks sends every query itself; what is drawn is who named whom.
  const ways = { ...view, path: { ...path, events: path.events.map(event => namedFrom(event)) } }
  const below = trie.bottom + hangingOf(ways.path, places) + 18
  canvas.reach(below)
  const drawNumbers = drawWay(canvas, ways, places, hanging)
  drawPeers(canvas, view, places)
  const keyPlace = trie.places.get(KEY)!
  canvas.diamond({ x: keyPlace.x, y: keyPlace.y + 1 }, 5, INK.light)
  canvas.keepLineFree(trie.bottom, 5)
  labelWay(canvas, view, places)
  drawNumbers()
  drawBars(canvas, view, below, ids)
  canvas.legend([
    ...wayLegend(view, 'the root', [
      keyItem('the key'),
      { draw: (on, middle) => on.circle(middle, 3.5, { fill: colour }), text: 'asked' },
      lineItem({ stroke: colour, 'stroke-width': 7, 'stroke-opacity': 0.45 }, 'query under way'),
      lineItem({ stroke: colour, 'stroke-width': 3 }, 'its answer')
    ])
  ])
  const more = queriesOf(view).length - queriesShown(view).length
  const caption =
    'The tree of keys as the key sees it: further left is nearer by XOR, and each level is one bit more in common with the ' +
    'key. Who asks sends all queries itself, several at a time, to the nearest peers that it has heard of; arrows lead from ' +
    `whoever named a peer to that peer. Below are the queries in their order, each with the bits that it shares with the key${
      more > 0 ? `; ${more} more are in the table` : ''
    }.`
  return { canvas, caption }
}

/** An arrow begins at who named its receiver. */
const namedFrom = (event: PathEvent): PathEvent =>
  event.way === 'there' ? { ...event, from: event.named_by ?? event.from } : event

function drawBars(canvas: Canvas, view: PathView, top: number, ids: ReadonlyMap<number, string>): void {
  const { path, overlay } = view
  const colour = LOOKS[overlay].light
  const queries = queriesShown(view)
  const ends = queries.flatMap(({ sent, answer, gaveUpUs }) => answer?.arrived_us ?? gaveUpUs ?? sent.at_us)
  const lastUs = Math.max(...ends, 1)
  const xOf = (us: number) => BARS_LEFT + ((WIDTH - 12 - BARS_LEFT) * Math.min(us, lastUs)) / lastUs
  const bottom = top + 10 + ROW * queries.length
  canvas.reach(bottom + 24)
  for (const ms of ticks(lastUs / 1000)) {
    const x = xOf(ms * 1000)
    canvas.line(
      [
        { x, y: top + 2 },
        { x, y: bottom + 2 }
      ],
      FAINT
    )
    canvas.text({ x, y: bottom + 16 }, `${shown(ms)}${NBSP}ms`, { 'text-anchor': 'middle' })
  }
  for (const [at, { sent, answer, gaveUpUs }] of queries.entries()) {
    const y = top + 10 + ROW * (at + 0.5)
    const isOfWay = sent.way === 'there'
    const bits = sharedBits(ids.get(sent.to) ?? '0', path.target.key ?? '0')
    canvas.text({ x: 62, y: y + 4 }, `${sent.to}`, {
      'text-anchor': 'end',
      ...(isOfWay && { 'font-weight': 'bold' })
    })
    canvas.text(
      { x: 72, y: y + 4 },
      bits === 1 ? '1 bit' : `${bits} bits`,
      isOfWay ? { 'font-weight': 'bold' } : {}
    )
    const bar = (from: number, to: number, attributes: Readonly<Record<string, string | number>>) =>
      canvas.line(
        [
          { x: xOf(from), y },
          { x: xOf(to), y }
        ],
        attributes
      )
    if (answer === undefined || answer.arrived_us === null) {
      bar(sent.at_us, gaveUpUs ?? lastUs, {
        class: 'bar',
        stroke: QUIET.light,
        'stroke-width': 1.5,
        'stroke-dasharray': '2 3'
      })
      continue
    }
    bar(sent.at_us, sent.arrived_us!, {
      class: 'bar',
      stroke: colour,
      'stroke-width': 7,
      'stroke-opacity': 0.45
    })
    bar(answer.at_us, answer.arrived_us, { stroke: colour, 'stroke-width': 3 })
  }
  if (path.latency_us > lastUs) return
  const endX = xOf(path.latency_us)
  canvas.line(
    [
      { x: endX, y: top + 2 },
      { x: endX, y: bottom + 2 }
    ],
    { stroke: INK.light, 'stroke-width': 1.2 }
  )
}

function queriesShown(view: PathView): Query[] {
  const all = queriesOf(view)
  const isOfWay = ({ sent }: Query) => sent.way === 'there'
  let room = QUERIES_SHOWN - all.filter(isOfWay).length
  return all.filter(query => {
    if (isOfWay(query)) return true
    room -= 1
    return room >= 0
  })
}

/** Round numbers of milliseconds, four of them at most. */
function ticks(most: number): number[] {
  const rough = most / 3.5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5].map(of => of * power).find(of => of >= rough) ?? 10 * power
  return Array.from({ length: Math.floor((most * 0.93) / step) + 1 }, (_, at) => at * step)
}
