/** `peers` and `overlay`: who this node is connected to, and what each overlay knows. */
import type { PeerView } from '@servent/node'
import type { OverlaySnapshot } from '@servent/overlay'
import type { Command } from 'commander'
import { formatBytes, formatCount, formatDuration, plural, shortPeer } from '../../terminal/format.ts'
import { facts, table } from '../../terminal/table.ts'
import { displayWidth } from '../../terminal/width.ts'
import { announcedParts } from '../announced.ts'
import type { Act, Context } from '../context.ts'
import { verb } from '../program.ts'

/** Rows of one table of an overlay; the rest is in `--json`. */
const ROWS_SHOWN = 20
/** A column that is narrower tells nothing. */
const CELL_COLUMNS_MIN = 12
/** Parts of a snapshot that have a place of their own. */
const KNOWN = new Set(['name', 'state', 'reason', 'neighbours', 'counters', 'announced'])

/** Parts of a part that are for --json alone. */
const DETAILS = new Set(['counters', 'sizes'])

export function networkVerbs(program: Command, act: Act): void {
  verb(program, 'peers', 'List connected peers', ['servent peers']).action(act(runPeers))
  verb(program, 'overlay [NAME]', "Show an overlay's neighbours, tables and counters", [
    'servent overlay',
    'servent overlay chord',
    'servent overlay gnutella --json | jq .queries'
  ]).action(act(runOverlay))
}

async function runPeers(context: Context): Promise<undefined> {
  const client = await context.client()
  const answer = await client.call<{ peers: PeerView[] }>({
    method: 'GET',
    path: '/v1/peers',
    signal: context.signal
  })
  if (context.json) {
    context.emit(answer)
    return
  }
  if (answer.peers.length === 0) {
    context.talk.line('No peers are connected.')
    context.next('servent doctor')
    return
  }
  context.out.lines(
    table(
      [
        { title: 'PEER' },
        { title: 'WAY' },
        { title: 'SINCE', align: 'right' },
        { title: 'PROGRAM', shrinkTo: 7 },
        { title: 'ADDRESS', shrinkTo: 15 }
      ],
      answer.peers.map(peer => [
        context.out.columnsMax === undefined ? peer.peerId : shortPeer(peer.peerId),
        `${peer.direction === 'inbound' ? 'in' : 'out'}${peer.relayed ? ', relayed' : ''}`,
        formatDuration(peer.connectedMs),
        peer.agent ?? '',
        (peer.addresses[0] ?? '').replace(/\/p2p\/[^/]+$/, '')
      ]),
      context.out.columnsMax
    )
  )
  context.next('servent overlay')
}

async function runOverlay(context: Context, [name]: string[]): Promise<undefined> {
  const client = await context.client()
  if (name === undefined) {
    const answer = await client.call<{ overlays: OverlaySnapshot[] }>({
      method: 'GET',
      path: '/v1/overlays',
      signal: context.signal
    })
    if (context.json) {
      context.emit(answer)
      return
    }
    context.out.lines(
      table(
        [
          { title: 'OVERLAY' },
          { title: 'STATE', shrinkTo: 12 },
          { title: 'NEIGHBOURS', align: 'right' },
          { title: 'ANNOUNCED', align: 'right' }
        ],
        answer.overlays.map(one => [
          one.name,
          one.reason === undefined ? one.state : `${one.state}: ${one.reason}`,
          String(one.neighbours.length),
          one.announced === undefined
            ? ''
            : `${formatCount(one.announced.files)} of ${formatCount(one.announced.of)}`
        ]),
        context.out.columnsMax
      )
    )
    context.next(`servent overlay ${answer.overlays[0]?.name ?? 'gnutella'}`)
    return
  }
  const snapshot = await client.call<OverlaySnapshot>({
    method: 'GET',
    path: `/v1/overlays/${encodeURIComponent(name)}`,
    signal: context.signal
  })
  if (context.json) {
    context.emit(snapshot)
    return
  }
  showOverlay(context, snapshot)
  context.next(`servent overlay ${snapshot.name} --json`)
}

function showOverlay(context: Context, snapshot: OverlaySnapshot): void {
  const { out } = context
  const { name, state, reason, neighbours, announced, counters } = snapshot
  const columns = out.columnsMax
  const head = [
    reason === undefined ? state : `${state} (${reason})`,
    plural(neighbours.length, 'neighbour'),
    ...announcedParts(announced)
  ]
  out.line(`${name}: ${head.join(', ')}`)
  const parts: [string, unknown][] = [
    ['neighbours', neighbours],
    ...Object.entries(snapshot).filter(([key]) => !KNOWN.has(key))
  ]
  const plain = parts.filter(([, value]) => !isTable(value))
  if (plain.length > 0) {
    out.line()
    out.lines(
      facts(
        plain.map(([key, value]) => [key, cell(value, key)]),
        columns
      )
    )
  }
  for (const [title, value] of parts) {
    if (isTable(value) && value.length > 0) showTable(context, title, value)
  }
  // Of a hundred counters most stand at zero: those are left to --json.
  const counted = Object.entries(counters).filter(([, value]) => value !== 0)
  if (counted.length > 0) {
    out.line()
    out.line('counters')
    out.lines(
      facts(
        counted.map(([key, value]) => [`  ${key}`, formatCount(value)]),
        columns
      )
    )
  }
}

/** A table with as many of its first columns as the terminal has room for: the rest is in --json. */
function showTable({ out }: Context, title: string, value: readonly Row[]): void {
  const keys = [...new Set(value.flatMap(Object.keys))]
  const shown = value.slice(0, ROWS_SHOWN)
  const linesOf = (wanted: readonly string[]) =>
    table(
      wanted.map((key, index) => ({
        title: titleOf(key),
        ...(index < 2 ? {} : { shrinkTo: CELL_COLUMNS_MIN })
      })),
      shown.map(row => wanted.map(key => cell(row[key], key))),
      out.columnsMax
    )
  let lines = linesOf(keys)
  while (
    keys.length > 2 &&
    lines.some(line => displayWidth(line) > (out.columnsMax ?? Number.POSITIVE_INFINITY))
  ) {
    keys.pop()
    lines = linesOf(keys)
  }
  out.line()
  out.line(`${title}${value.length > ROWS_SHOWN ? ` (${ROWS_SHOWN} of ${formatCount(value.length)})` : ''}`)
  out.lines(lines)
}

/** `forwardedTo` as `FORWARDED TO`; a unit goes, since the cell says it. */
const titleOf = (key: string) => key.replace(/Ms$/, '').replaceAll(/[A-Z]/g, ' $&').toUpperCase()

type Row = Readonly<Record<string, unknown>>

function isTable(value: unknown): value is readonly Row[] {
  return (
    Array.isArray(value) && value.every(row => typeof row === 'object' && row !== null && !Array.isArray(row))
  )
}

/** Any value of a snapshot in few characters. */
function cell(value: unknown, key: string): string {
  if (value === undefined || value === null) return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'number') {
    if (key.endsWith('Ms')) return formatDuration(value)
    return key === 'bytes' ? formatBytes(value) : formatCount(value)
  }
  if (typeof value === 'string')
    return value.startsWith('12D3Koo') || value.startsWith('Qm') ? shortPeer(value) : value
  if (Array.isArray(value)) return value.map(item => cell(item, key)).join(' ')
  const parts = Object.entries(value)
    .filter(([name]) => !DETAILS.has(name))
    .map(([name, part]) => `${name} ${cell(part, name)}`)
  return parts.length === 0 ? '-' : parts.join(', ')
}
