/** One lookup of each overlay: its picture, its steps in words, and all its messages in a table. */
import type { Labelled } from '../fairness.ts'
import { LOOKS, labelOf, type OverlayId } from '../looks.ts'
import { count, NBSP, shown } from '../numbers.ts'
import type { Table } from '../table.ts'
import { drawFlood } from './flood.ts'
import { drawGroups } from './groups.ts'
import type { Drawn, PathView } from './marks.ts'
import { drawPrefixes } from './prefixes.ts'
import { drawRing } from './ring.ts'
import { stepsOf } from './steps.ts'
import { drawTiers } from './tiers.ts'
import { drawXorTree } from './xor-tree.ts'

export interface PathPicture {
  readonly overlay: OverlayId
  /** Of the element, and of the file that it may become. */
  readonly id: string
  readonly title: string
  readonly caption: string
  readonly svg: string
  readonly steps: readonly string[]
  readonly table: Table
}

const PICTURES: Readonly<Record<OverlayId, (view: PathView) => Drawn>> = {
  napster: drawTiers,
  gnutella: drawFlood,
  fasttrack: drawTiers,
  chord: drawRing,
  pastry: drawPrefixes,
  kelips: drawGroups,
  kademlia: drawXorTree
}

/** Of each overlay the first lookup that any of the studies has. */
export function pathPictures(studies: readonly Labelled[], named: (text: string) => string): PathPicture[] {
  return (Object.keys(LOOKS) as OverlayId[]).flatMap(overlay => pictureOf(studies, overlay, named) ?? [])
}

function pictureOf(
  studies: readonly Labelled[],
  overlay: OverlayId,
  named: (text: string) => string
): PathPicture | undefined {
  const points = studies.flatMap(({ label, study }) =>
    study.parts.flatMap(part =>
      part.points.map(({ overlay: of, results }) => ({ label, part, of, results, path: results.path }))
    )
  )
  const first = points.find(({ of, path }) => of === overlay && path !== null && path !== undefined)
  if (first === undefined) return undefined
  const { label, part, results, path } = first
  const view: PathView = { overlay, path: path!, settings: results.settings, nodes: results.nodes }
  const { canvas, caption } = PICTURES[overlay](view)
  const id = named(`lookup-${overlay}`)
  const title = `${labelOf(overlay)}: one lookup among ${count(results.nodes)} peers`
  const whose = studies.length > 1 ? `, study ${label}` : ''
  const shownPeers =
    path!.peers.length < results.nodes ? ` ${count(path!.peers.length)} of the peers are drawn.` : ''
  const { key, file } = path!.target
  const target = file === null ? `the key ${key ?? ''}…` : `the file “${file}”`
  const text = `${caption}${shownPeers} Looked up is ${target}. Of the first run of “${part.title}”${whose}.`
  return {
    overlay,
    id,
    title,
    caption: text,
    svg: canvas.svg({ id, title, text: caption }),
    steps: stepsOf(view),
    table: messagesTable(view, title)
  }
}

function messagesTable({ path }: PathView, title: string): Table {
  const ms = (value: number) => `${shown(value)}${NBSP}ms`
  const left = path.left_out > 0 ? `; ${count(path.left_out)} more are not kept` : ''
  return {
    caption: `${title}: messages in the order in which they left${left}`,
    heads: 1,
    columns: [
      { title: 'Message', isText: true },
      { title: 'Sent, after the question', write: ms },
      { title: 'There, after the question', write: ms },
      { title: 'From', write: String },
      { title: 'To', write: String },
      { title: 'ttl', write: String },
      { title: 'Way', isText: true }
    ],
    rows: path.events.map(({ message, at_us: sent, arrived_us: there, from, to, ttl, way }) => [
      message,
      sent / 1000,
      there === null ? null : there / 1000,
      from,
      to,
      ttl,
      way
    ])
  }
}
