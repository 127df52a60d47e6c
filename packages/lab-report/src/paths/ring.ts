/** Chord: the ring of keys with its peers, the fingers that were followed, and the root, which is the first at or after the key. */
import { INK, LOOKS } from '../looks.ts'
import { Canvas, FAINT, type Point, WIDTH } from './canvas.ts'
import { turnBetween, turnOf } from './keys.ts'
import {
  awayFrom,
  type Drawn,
  drawPeers,
  drawWay,
  keyItem,
  labelWay,
  type PathView,
  wayLegend
} from './marks.ts'

const MIDDLE: Point = { x: WIDTH / 2, y: 172 }
const RADIUS = 140

const onRing = (turn: number, radius = RADIUS): Point => ({
  x: MIDDLE.x + radius * Math.sin(2 * Math.PI * turn),
  y: MIDDLE.y - radius * Math.cos(2 * Math.PI * turn)
})

export function drawRing(view: PathView): Drawn {
  const { path, overlay } = view
  const colour = LOOKS[overlay].light
  const canvas = new Canvas()
  canvas.reach(2 * MIDDLE.y)
  canvas.circle(MIDDLE, RADIUS, { fill: 'none', ...FAINT, 'stroke-width': 2 })
  const ids = new Map(path.peers.map(({ peer, id }) => [peer, id ?? '0']))
  const places = new Map([...ids].map(([peer, id]) => [peer, onRing(turnOf(id))]))
  const { key } = path.target
  const root = ids.get(path.found)
  if (key !== null && root !== undefined) {
    const isLarge = turnBetween(key, root) > 0.5 ? 1 : 0
    const [from, to] = [onRing(turnOf(key)), onRing(turnOf(root))]
    canvas.add('path', {
      d: `M${from.x.toFixed(2)} ${from.y.toFixed(2)}A${RADIUS} ${RADIUS} 0 ${isLarge} 1 ${to.x.toFixed(2)} ${to.y.toFixed(2)}`,
      fill: 'none',
      stroke: colour,
      'stroke-width': 7,
      'stroke-opacity': 0.35
    })
  }
  const drawNumbers = drawWay(canvas, view, places, (from, to) => bowOf(from, to))
  drawPeers(canvas, view, places)
  if (key !== null) {
    const at = onRing(turnOf(key), RADIUS + 13)
    canvas.diamond(at, 5, INK.light)
    canvas.keepFree(at, 6)
    canvas.label(at, 6, 'key', outwards(at))
  }
  labelWay(canvas, view, places, outwards)
  drawNumbers()
  canvas.legend(
    wayLegend(view, 'the root', [
      keyItem('the key'),
      {
        draw: (on, { x, y }) =>
          on.line(
            [
              { x: x - 12, y },
              { x: x + 12, y }
            ],
            { stroke: colour, 'stroke-width': 7, 'stroke-opacity': 0.35 }
          ),
        text: 'from key to root'
      }
    ])
  )
  const caption =
    'Keys lie on a ring, clockwise from the top, and each dot is a peer at its own key. The root of a key is the first peer ' +
    'at or after it. Who has a lookup passes it on to the peer it knows that is nearest before the key.'
  return { canvas, caption }
}

const outwards = awayFrom(MIDDLE)

/** Both ways of one link are seen, and short ones bow less. */
const bowOf = (from: Point, to: Point): number => Math.min(14, Math.hypot(to.x - from.x, to.y - from.y) / 6)
