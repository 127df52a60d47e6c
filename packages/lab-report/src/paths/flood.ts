/** Gnutella: who asks in the middle, and around it rings of those whom the query reached with one step more each. */
import { GRID, LOOKS, QUIET } from '../looks.ts'
import { Canvas, FAINT, lineItem, type Point, WIDTH } from './canvas.ts'
import {
  awayFrom,
  type Drawn,
  drawPeers,
  drawWay,
  labelWay,
  type PathView,
  wayLegend,
  wayThere
} from './marks.ts'

const MIDDLE: Point = { x: WIDTH / 2, y: WIDTH / 2 }
const RADIUS = WIDTH / 2 - 22

export interface Reached {
  /** Steps of the query until it came to each peer for the first time; who asks has 0. */
  readonly steps: ReadonlyMap<number, number>
  /** By whom. */
  readonly by: ReadonlyMap<number, number>
  /** Queries that came to somebody who had it already. */
  readonly again: number
}

/** By the moments at which copies of the query came. Who has it from somebody whose own copy is not kept counts as not reached. */
export function reachedIn({ path }: Pick<PathView, 'path'>): Reached {
  const steps = new Map([[path.origin, 0]])
  const by = new Map<number, number>()
  let again = 0
  const came = path.events.filter(({ message, arrived_us: us }) => message === 'query' && us !== null)
  for (const { from, to } of came.sort((a, b) => a.arrived_us! - b.arrived_us!)) {
    const step = steps.get(from)
    if (step === undefined) continue
    if (steps.has(to)) again += 1
    else {
      steps.set(to, step + 1)
      by.set(to, from)
    }
  }
  return { steps, by, again }
}

export function drawFlood(view: PathView): Drawn {
  const { path, overlay } = view
  const colour = LOOKS[overlay].light
  const { steps, by } = reachedIn(view)
  const children = new Map<number, number[]>()
  for (const [to, from] of by) children.set(from, [...(children.get(from) ?? []), to])
  const unreached = path.peers.map(({ peer }) => peer).filter(peer => !steps.has(peer))
  const deepest = Math.max(1, ...steps.values())
  const rings = deepest + (unreached.length > 0 ? 1 : 0)
  // The first ones are wider, for the numbers.
  const radiusAt = (step: number) => RADIUS * (step / rings) ** 0.7
  const canvas = new Canvas()
  canvas.reach(WIDTH)
  for (let step = 1; step <= deepest; step += 1)
    canvas.circle(MIDDLE, radiusAt(step), {
      class: 'ring',
      fill: 'none',
      ...FAINT,
      'stroke-dasharray': '2 3'
    })
  const places = new Map<number, Point>([[path.origin, MIDDLE]])
  // Each takes as much of the circle as those whom the query reached by way of it.
  const leaves = new Map<number, number>()
  const count = (peer: number): number => {
    const own = (children.get(peer) ?? []).reduce((sum, child) => sum + count(child), 0)
    leaves.set(peer, Math.max(1, own))
    return leaves.get(peer)!
  }
  count(path.origin)
  const spread = (peer: number, from: number, to: number): void => {
    let turn = from
    const all = (children.get(peer) ?? []).reduce((sum, child) => sum + leaves.get(child)!, 0)
    for (const child of children.get(peer) ?? []) {
      const end = turn + ((to - from) * leaves.get(child)!) / all
      places.set(child, onCircle((turn + end) / 2, radiusAt(steps.get(child)!)))
      spread(child, turn, end)
      turn = end
    }
  }
  spread(path.origin, 0, 1)
  for (const [at, peer] of unreached.entries()) places.set(peer, onCircle(at / unreached.length, RADIUS))
  const ofWay = new Set(wayThere(path))
  const queries = path.events.filter(event => event.message === 'query' && !ofWay.has(event))
  const isFirst = ({ from, to }: { from: number; to: number }) => by.get(to) === from
  for (const query of queries.sort((a, b) => Number(isFirst(a)) - Number(isFirst(b)))) {
    const first = isFirst(query)
    canvas.line([places.get(query.from)!, places.get(query.to)!], {
      class: first ? 'query' : 'again',
      stroke: first ? colour : GRID.light,
      'stroke-width': first ? 1.1 : 0.8,
      'stroke-opacity': first ? 0.75 : undefined
    })
  }
  const drawNumbers = drawWay(canvas, view, places, (from, to) =>
    Math.min(12, Math.hypot(to.x - from.x, to.y - from.y) / 5)
  )
  drawPeers(canvas, view, places, peer => (steps.has(peer) ? {} : { fill: 'none', stroke: QUIET.light }))
  labelWay(canvas, view, places, awayFrom(MIDDLE))
  drawNumbers()
  canvas.legend(
    wayLegend(view, 'who has the file', [
      lineItem({ stroke: colour, 'stroke-width': 1.1, 'stroke-opacity': 0.75 }, 'query, heard first'),
      lineItem({ stroke: GRID.light, 'stroke-width': 1.5 }, 'query, heard again'),
      ...(unreached.length > 0
        ? [
            {
              draw: (on: Canvas, middle: Point) =>
                on.circle(middle, 3, { fill: 'none', stroke: QUIET.light }),
              text: path.left_out > 0 ? 'not reached by what is kept' : 'not reached'
            }
          ]
        : [])
    ])
  )
  const caption =
    'Who asks is in the middle. Each ring is one step further: everybody hands the query on to all neighbours but the one ' +
    'that it came from, until its ttl is used up. The hit goes back over the links that the query came by.'
  return { canvas, caption }
}

const onCircle = (turn: number, radius: number): Point => ({
  x: MIDDLE.x + radius * Math.sin(2 * Math.PI * turn),
  y: MIDDLE.y - radius * Math.cos(2 * Math.PI * turn)
})
