/** `status`: identity, reachability, overlays, library, transfers, in one look. */
import type { NodeStatus } from '@servent/node'
import type { Command } from 'commander'
import { formatBytes, formatCount, formatDuration, formatLeft, plural } from '../../terminal/format.ts'
import { facts } from '../../terminal/table.ts'
import { announcedParts } from '../announced.ts'
import type { Act, Context } from '../context.ts'
import { verb } from '../program.ts'

const ADDRESSES_SHOWN = 3

/** What the daemon says of reachability, in a user's words. */
const REACHABLE: Readonly<Record<NodeStatus['reachability']['kind'], string>> = {
  public: 'reachable from outside',
  relayed: 'reachable over a relay',
  private: 'behind a router or firewall',
  local: 'on the local network',
  unknown: 'not known yet',
  refused: 'accepts no connections'
}

export function statusVerbs(program: Command, act: Act): void {
  verb(program, 'status', 'Show what is going on', [
    'servent status',
    'servent status --json | jq .reachability'
  ]).action(act(runStatus))
}

async function runStatus(context: Context): Promise<undefined> {
  const client = await context.client()
  const status = await client.call<NodeStatus>({ method: 'GET', path: '/v1/status', signal: context.signal })
  if (context.json) {
    context.emit(status)
    return
  }
  context.out.lines(facts(rowsOf(status, client.notice.pid), context.out.columnsMax))
  const running = status.overlays.some(overlay => overlay.neighbours > 0)
  if (status.library.files === 0) context.next('servent share ~/Music')
  else if (running) context.next('servent search miles davis')
  else context.next('servent doctor')
}

function rowsOf(status: NodeStatus, pid: number): (readonly [string, string | undefined])[] {
  const { downloads, uploads, library, reachability, participation } = status
  const addresses = status.addresses.slice(0, ADDRESSES_SHOWN)
  const more = status.addresses.length - addresses.length
  const nameWidth = Math.max(...status.overlays.map(({ name }) => name.length))
  return [
    ['Node', status.peerId],
    ['Running', `${formatDuration(status.uptimeMs)}, servent ${status.version}, pid ${pid}`],
    ['Reach', `${REACHABLE[reachability.kind] ?? reachability.kind}: ${reachability.why}`],
    ...addresses.map((address, index) => [index === 0 ? 'Addresses' : ' ', address] as const),
    [' ', more > 0 ? `and ${plural(more, 'more', 'more')}: servent status --json` : undefined],
    ['Relaying', relayingLine(status.relay.serving)],
    ...(status.introducers ?? []).map(
      (introducer, index) => [index === 0 ? 'Introducers' : ' ', introducerLine(introducer)] as const
    ),
    ['Peers', plural(status.connections, 'connection')],
    ...status.overlays.map(
      (overlay, index) => [index === 0 ? 'Overlays' : ' ', overlayLine(overlay, nameWidth)] as const
    ),
    ['Hotlist', status.hotlist?.map(hotlistText).join(', ')],
    ['Library', libraryLine(library)],
    ['Downloads', counted(downloads, ['active', 'paused', 'failed', 'done'])],
    ['Uploads', counted(uploads, ['active', 'queued'])],
    ['Level', participation === undefined ? undefined : `${participation.level}, ${participation.band}`]
  ]
}

const hotlistText = ({ nick, state, sinceMs }: NonNullable<NodeStatus['hotlist']>[number]): string =>
  sinceMs === undefined
    ? `${nick} ${state}`
    : `${nick} ${state} for ${formatDuration(Math.max(0, Date.now() - sinceMs))}`

function introducerLine({
  url,
  peers,
  why,
  listed,
  unlisted
}: NonNullable<NodeStatus['introducers']>[number]): string {
  if (why !== undefined) return `${url}  ${why}`
  if (peers === undefined) return `${url}  being asked`
  const self = listed.length > 0 ? 'lists this node' : (unlisted ?? 'does not list this node yet')
  return `${url}  named ${plural(peers, 'peer')}, ${self}`
}

function relayingLine(serving: NodeStatus['relay']['serving']): string | undefined {
  if (serving === undefined) return undefined
  const { reservations, circuits, relayedBytes } = serving
  return `for ${plural(reservations, 'peer')}, ${plural(circuits, 'connection')} now, ${formatBytes(relayedBytes)} so far`
}

function libraryLine({ files, bytes, hashing, away, problems, progress }: NodeStatus['library']): string {
  const parts = [`${plural(files, 'file')}, ${formatBytes(bytes)}`]
  if (progress?.phase === 'scanning') parts.push(`looking through folders`)
  if (hashing > 0) parts.push(`${plural(hashing, 'file')} being hashed${formatLeft(progress?.leftMs)}`)
  if (away > 0) parts.push(`${plural(away, 'shared path')} not there: servent library`)
  if (problems > 0) parts.push(`${plural(problems, 'problem')}: servent library`)
  return parts.join(', ')
}

function overlayLine(
  { name, state, reason, neighbours, announced }: NodeStatus['overlays'][number],
  nameWidth: number
): string {
  const parts = [
    reason === undefined ? state : `${state} (${reason})`,
    plural(neighbours, 'neighbour'),
    ...announcedParts(announced)
  ]
  return `${name.padEnd(nameWidth)}  ${parts.join(', ')}`
}

/** `1 paused, 1 done`: what there is none of is not worth a word. */
function counted<Name extends string>(
  counts: Readonly<Record<Name, number>>,
  names: readonly Name[]
): string {
  const some = names.filter(name => counts[name] > 0).map(name => `${formatCount(counts[name])} ${name}`)
  return some.length === 0 ? 'none' : some.join(', ')
}
