/** Kelips: peers in their groups, the request into the key's group, and whom its answer names. */
import { GRID, LOOKS } from '../looks.ts'
import { Canvas, type Point, WIDTH } from './canvas.ts'
import { type Drawn, drawPeers, drawWay, labelWay, type PathView, wayLegend } from './marks.ts'

/** Groups that are drawn: those of the way, and the first of the others. */
export const GROUPS_SHOWN = 36
const GOLDEN = Math.PI * (3 - Math.sqrt(5))

export function drawGroups(view: PathView): Drawn {
  const { path, overlay } = view
  const colour = LOOKS[overlay].light
  const { groups, group: wanted } = path.target
  const members = new Map<number, number[]>()
  for (const { peer, group } of path.peers) {
    const of = members.get(group ?? 0) ?? []
    members.set(group ?? 0, [...of, peer])
  }
  const groupOf = (peer: number) => path.peers.find(one => one.peer === peer)?.group ?? 0
  const ofWay = path.events.flatMap(({ from, to, way }) => (way === null ? [] : [groupOf(from), groupOf(to)]))
  const first = new Set([...ofWay, wanted ?? 0, groupOf(path.answered_by), groupOf(path.found)])
  const shown = [...first, ...[...members.keys()].filter(group => !first.has(group))]
    .slice(0, Math.max(GROUPS_SHOWN, first.size))
    .sort((a, b) => a - b)
  const columns = Math.ceil(Math.sqrt(shown.length))
  const rows = Math.ceil(shown.length / columns)
  const cell = (WIDTH - 8) / columns
  const height = Math.min(cell, 150)
  const canvas = new Canvas()
  canvas.reach(rows * height + 8)
  const places = new Map<number, Point>()
  const r = Math.min(cell, height) / 2 - 9
  for (const [at, group] of shown.entries()) {
    const middle = {
      x: 4 + cell * ((at % columns) + 0.5),
      y: height * (Math.floor(at / columns) + 0.5)
    }
    const isWanted = group === wanted
    canvas.circle(middle, r, {
      class: 'group',
      fill: 'none',
      stroke: isWanted ? colour : GRID.light,
      'stroke-width': isWanted ? 3 : 1.5
    })
    const all = members.get(group) ?? []
    const spread = (r - 12) / Math.sqrt(Math.max(1, all.length))
    // As seeds of a sunflower: evenly, however many there are.
    for (const [place, peer] of all.entries()) {
      const far = spread * Math.sqrt(place + 0.5)
      places.set(peer, {
        x: middle.x + far * Math.cos(place * GOLDEN),
        y: middle.y + far * Math.sin(place * GOLDEN)
      })
    }
    if (r > 30)
      canvas.text({ x: middle.x, y: middle.y + r + 13 }, `group ${group}`, { 'text-anchor': 'middle' })
  }
  const drawNumbers = drawWay(canvas, view, places, (from, to) =>
    Math.min(20, Math.hypot(to.x - from.x, to.y - from.y) / 6)
  )
  drawPeers(canvas, view, places)
  labelWay(canvas, view, places)
  drawNumbers()
  canvas.legend(
    wayLegend(view, 'the root', [
      {
        draw: (on, middle) => on.circle(middle, 6, { fill: 'none', stroke: colour, 'stroke-width': 3 }),
        text: 'the key’s group'
      }
    ])
  )
  const all = groups ?? members.size
  const rest = all > shown.length ? ` ${shown.length} of ${all} groups are drawn.` : ''
  const caption =
    'Each circle is a group, and each dot a peer. Everybody knows all members of the own group, and a few contacts in ' +
    `each other one; so a contact in the key’s group is asked, and answers out of its own tables.${rest}`
  return { canvas, caption }
}
