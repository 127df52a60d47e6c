/** Pastry: the tree of what ids begin with, and how each step has one digit more of the key. */
import { INK, LOOKS } from '../looks.ts'
import { Canvas, FAINT, type Point, TEXT, WIDTH } from './canvas.ts'
import { digitsOf, shared } from './keys.ts'
import {
  type Drawn,
  drawPeers,
  drawWay,
  keyItem,
  labelWay,
  type PathView,
  wayLegend,
  wayThere
} from './marks.ts'
import { drawTrie, hanging, hangingOf } from './trie.ts'

const KEY = 'key'
const LEFT = 66
const ROW = 18
const DIGITS_SHOWN = 12
const MONO = 'ui-monospace, Menlo, Consolas, monospace'

export function drawPrefixes(view: PathView): Drawn {
  const { path, overlay, settings } = view
  const colour = LOOKS[overlay].light
  const bits = digitBitsOf(settings)
  const key = digitsOf(path.target.key ?? '0', bits)
  const ids = new Map(path.peers.map(({ peer, id }) => [peer, digitsOf(id ?? '0', bits)]))
  const canvas = new Canvas()
  const leaves = [
    ...[...ids].map(([item, digits]) => ({ item: item as number | typeof KEY, digits })),
    { item: KEY as number | typeof KEY, digits: key }
  ].sort((a, b) => (a.digits < b.digits ? -1 : 1))
  const trie = drawTrie(canvas, leaves, {
    left: LEFT,
    right: WIDTH - 12,
    top: 16,
    height: 150,
    stepMost: 44,
    marks: digits => key.startsWith(digits),
    faint: FAINT,
    marked: { stroke: colour, 'stroke-width': 2 }
  })
  const { bottom, depth, levelY } = trie
  for (let digits = 0; digits <= depth; digits += Math.max(1, Math.ceil(depth / 8)))
    canvas.text({ x: 4, y: levelY(digits) + 4 }, digits === 1 ? '1 digit' : `${digits} digits`, {})
  const places = new Map<number, Point>()
  for (const [item, point] of trie.places) if (typeof item === 'number') places.set(item, point)
  const below = bottom + hangingOf(path, places) + 18
  canvas.reach(below)
  const drawNumbers = drawWay(canvas, view, places, hanging)
  drawPeers(canvas, view, places)
  const keyPlace = trie.places.get(KEY)!
  canvas.diamond(keyPlace, 5, INK.light)
  canvas.keepLineFree(bottom, 5)
  labelWay(canvas, view, places)
  drawNumbers()
  // Each peer of the way with what it has of the key.
  const rows = [path.origin, ...wayThere(path).map(({ to }) => to)]
  let y = below + 16
  digitsRow(canvas, y, 'the key', key, 0, colour, '')
  for (const peer of rows) {
    y += ROW
    const digits = ids.get(peer) ?? ''
    const length = shared(digits, key)
    digitsRow(
      canvas,
      y,
      `peer ${peer}`,
      digits,
      length,
      colour,
      length === 1 ? '1 digit in common' : `${length} digits in common`
    )
  }
  canvas.reach(y + 8)
  canvas.legend(wayLegend(view, 'the root', [keyItem('the key')]))
  const caption =
    'A tree of what ids begin with: each level is one digit more, the leaves are peers in the order of their ids, and the ' +
    'coloured branch is the key’s. Who has a lookup passes it on to a peer that shares one digit more with the key, or to ' +
    'one that is nearer. The root is the peer whose id is nearest.'
  return { canvas, caption }
}

export const digitBitsOf = (settings: PathView['settings']): number => {
  const bits = settings['digit-bits']
  return bits === 1 || bits === 2 ? bits : 4
}

function digitsRow(
  canvas: Canvas,
  y: number,
  name: string,
  digits: string,
  length: number,
  colour: string,
  more: string
): void {
  canvas.text({ x: 4, y }, name)
  const shown = Math.min(length, DIGITS_SHOWN)
  const mono = { 'font-family': MONO, 'font-size': TEXT + 1 }
  const [same, rest] = [digits.slice(0, shown), digits.slice(shown, DIGITS_SHOWN)]
  const attributes = { ...mono, fill: INK.light, y }
  if (same !== '')
    canvas.add(
      'text',
      { ...attributes, x: 84, fill: colour, 'font-weight': 'bold', 'text-decoration': 'underline' },
      same
    )
  canvas.add('text', { ...attributes, x: 84 + 8 * shown }, `${rest}…`)
  canvas.text({ x: 84 + 8 * (DIGITS_SHOWN + 2), y }, more)
}
