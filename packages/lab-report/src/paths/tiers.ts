/** Napster and FastTrack: servers or supernodes in the middle, each with its users around it. */
import { GRID, INK, LOOKS, QUIET } from '../looks.ts'
import { extent } from '../numbers.ts'
import { Canvas, FAINT, lineItem, type Point, WIDTH } from './canvas.ts'
import {
  awayFrom,
  type Drawn,
  drawPeers,
  drawWay,
  labelWay,
  type PathView,
  type Places,
  wayLegend
} from './marks.ts'

const MIDDLE: Point = { x: WIDTH / 2, y: WIDTH / 2 }
const HUB_RADIUS = 88
const USER_RADIUS = 140
const LAST_RADIUS = WIDTH / 2 - 14
const ROW = 15
const SPACE = 9
const HUB = 5
/** For labels above and below. */
const MARGIN = 26

const isHub = (role: string | null) => role === 'server' || role === 'supernode'

export function drawTiers(view: PathView): Drawn {
  const { path, overlay } = view
  const colour = LOOKS[overlay].light
  const hubs = path.peers.filter(({ role }) => isHub(role)).map(({ peer }) => peer)
  const isServer = overlay === 'napster'
  const canvas = new Canvas()
  const { places: around, homeless } = placesOf(path, hubs)
  // As high as its circles are.
  const heights = [...around.values()].map(({ y }) => y)
  const [top, bottom] = extent(heights)
  const places = new Map([...around].map(([peer, { x, y }]) => [peer, { x, y: y - top + MARGIN }]))
  canvas.reach(bottom - top + 2 * MARGIN)
  const isBetween = ([a, b]: readonly [number, number]) => hubs.includes(a) && hubs.includes(b)
  for (const link of path.links)
    canvas.line([places.get(link[0])!, places.get(link[1])!], {
      class: isBetween(link) ? 'peering' : 'home',
      ...FAINT,
      'stroke-width': isBetween(link) ? 1.4 : 0.9
    })
  const queries = path.events.filter(({ message, way }) => way === null && ASKS.has(message))
  for (const { from, to } of queries)
    canvas.line([places.get(from)!, places.get(to)!], { class: 'query', stroke: colour, 'stroke-width': 1.1 })
  const drawNumbers = drawWay(canvas, view, places, () => 7)
  drawPeers(canvas, view, places, peer =>
    hubs.includes(peer) ? { r: Math.max(HUB, 6), stroke: INK.light, 'stroke-width': 1.2 } : {}
  )
  labelWay(canvas, view, places, awayFrom({ x: MIDDLE.x, y: MIDDLE.y - top + MARGIN }))
  drawNumbers()
  const [hub, hubMany] = isServer ? ['server', 'servers'] : ['supernode', 'supernodes']
  canvas.legend([
    {
      draw: (on, middle) =>
        on.circle(middle, 5.5, { fill: QUIET.light, stroke: INK.light, 'stroke-width': 1.2 }),
      text: hub!
    },
    ...wayLegend(view, 'who has the file', [
      ...(queries.length > 0 ? [lineItem({ stroke: colour, 'stroke-width': 1.1 }, 'other queries')] : []),
      lineItem({ stroke: GRID.light, 'stroke-width': 1.5 }, 'linked')
    ])
  ])
  const caption = isServer
    ? 'Servers keep an index of what their users share. A user asks its own server, which answers from the index, and asks ' +
      'the servers that it is linked with. The file itself goes from user to user.'
    : 'Supernodes in the middle keep an index of what their users share. A user asks its supernode, which answers from the ' +
      `index, and asks other ${hubMany}.`
  const alone = homeless > 0 ? ` ${homeless} of the peers shown had none just then.` : ''
  return { canvas, caption: `${caption}${alone}` }
}

const ASKS = new Set(['query', 'mesh-find', 'find'])

/** Each hub has as much of the circle as its users need. */
function placesOf(
  { peers, links }: PathView['path'],
  hubs: readonly number[]
): { readonly places: Places; readonly homeless: number } {
  const homes = new Map<number, number>()
  for (const [a, b] of links) {
    if (hubs.includes(a) && !hubs.includes(b)) homes.set(b, homes.get(b) ?? a)
    if (hubs.includes(b) && !hubs.includes(a)) homes.set(a, homes.get(a) ?? b)
  }
  const usersOf = new Map(hubs.map(hub => [hub, [] as number[]]))
  const homeless: number[] = []
  for (const { peer } of peers) {
    if (hubs.includes(peer)) continue
    const home = homes.get(peer)
    if (home === undefined) homeless.push(peer)
    else usersOf.get(home)!.push(peer)
  }
  // None so little that hubs would lie on top of each other.
  const room = 1 + (peers.length - hubs.length) / (2 * hubs.length)
  const all = [...usersOf.values()].reduce((sum, users) => sum + users.length + room, 0)
  const places = new Map<number, Point>()
  let turn = 0
  for (const [hub, users] of usersOf) {
    const end = turn + (users.length + room) / all
    places.set(hub, hubs.length === 1 ? MIDDLE : onCircle((turn + end) / 2, HUB_RADIUS))
    const fitting = (radius: number) => Math.max(1, Math.floor((2 * Math.PI * radius * (end - turn)) / SPACE))
    // In rows, and more in each where they would not fit.
    for (let [radius, from] = [USER_RADIUS, 0]; from < users.length; radius += ROW) {
      const isLast = radius + ROW > LAST_RADIUS
      const row = users.slice(from, isLast ? users.length : from + fitting(radius))
      for (const [at, user] of row.entries())
        places.set(user, onCircle(turn + ((end - turn) * (at + 0.5)) / row.length, radius))
      from += row.length
    }
    turn = end
  }
  for (const [at, peer] of homeless.entries()) places.set(peer, onCircle(at / homeless.length, LAST_RADIUS))
  return { places, homeless: homeless.length }
}

const onCircle = (turn: number, radius: number): Point => ({
  x: MIDDLE.x + radius * Math.sin(2 * Math.PI * turn),
  y: MIDDLE.y - radius * Math.cos(2 * Math.PI * turn)
})
