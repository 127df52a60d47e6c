/** `downloads` and `uploads`: what goes over the wire, and what did. */
import type { Command } from 'commander'
import { Option } from 'commander'
import { formatBytes, formatPercent, formatRate, shortId, shortPeer } from '../../terminal/format.ts'
import { safe } from '../../terminal/safe.ts'
import { table } from '../../terminal/table.ts'
import type { Act, Context } from '../context.ts'
import { verb } from '../program.ts'

interface Download {
  readonly id: string
  readonly name: string
  readonly phase: string
  readonly reason?: string
  readonly verifiedBytes: number
  readonly totalBytes: number
  readonly sources: readonly { rate: number }[]
  readonly path?: string
}

interface Upload {
  readonly peer: string
  readonly id: string
  readonly name: string
  readonly state: string
  readonly position?: number
  readonly sentBytes: number
  readonly totalBytes: number
  readonly rate: number
  readonly relayed: boolean
  readonly standing: string
  readonly givenBytes: number
  readonly takenBytes: number
  readonly partial?: boolean
}

export function transferVerbs(program: Command, act: Act): void {
  verb(program, 'downloads', 'List, pause and end downloads', [
    'servent downloads',
    'servent downloads --pause ID',
    'servent downloads --cancel ID'
  ])
    .addOption(
      new Option('--pause <ID>', 'Pause a download; servent get ID goes on with it').conflicts('cancel')
    )
    .addOption(new Option('--cancel <ID>', 'End a download and delete what it has of the file'))
    .action(act(runDownloads))
  verb(program, 'uploads', 'List who fetches from you', ['servent uploads']).action(act(runUploads))
}

async function runDownloads(
  context: Context,
  _: string[],
  options: Record<string, unknown>
): Promise<undefined> {
  const client = await context.client()
  const { signal } = context
  if (options.pause !== undefined || options.cancel !== undefined) {
    const call =
      options.pause !== undefined
        ? ({
            method: 'POST',
            path: `/v1/downloads/${encodeURIComponent(options.pause as string)}/pause`
          } as const)
        : ({
            method: 'DELETE',
            path: `/v1/downloads/${encodeURIComponent(options.cancel as string)}`
          } as const)
    const done = await client.call<{ id: string }>({ ...call, signal })
    if (context.json) context.emit(done)
    else {
      context.out.line(`${options.pause === undefined ? 'Ended' : 'Paused'}  ${done.id}`)
      context.next(options.pause === undefined ? 'servent downloads' : `servent get ${done.id}`)
    }
    return
  }
  const answer = await client.call<{ downloads: Download[] }>({
    method: 'GET',
    path: '/v1/downloads',
    signal
  })
  if (context.json) {
    context.emit(answer)
    return
  }
  const { downloads } = answer
  if (downloads.length === 0) {
    context.talk.line('No downloads.')
    context.next('servent search miles davis')
    return
  }
  context.out.lines(
    table(
      [
        { title: 'NAME', shrinkTo: 12 },
        { title: 'STATE' },
        { title: 'DONE', align: 'right' },
        { title: 'SIZE', align: 'right' },
        { title: 'RATE', align: 'right' },
        { title: 'ID' }
      ],
      downloads.map(one => [
        one.name,
        one.phase,
        one.phase === 'done' ? '100 %' : formatPercent(one.verifiedBytes, one.totalBytes),
        one.totalBytes === 0 && one.phase !== 'done' ? '' : formatBytes(one.totalBytes),
        one.sources.length === 0 ? '' : formatRate(one.sources.reduce((sum, source) => sum + source.rate, 0)),
        shortId(one.id)
      ]),
      context.out.columnsMax
    )
  )
  for (const { name, phase, reason } of downloads) {
    if (reason !== undefined) context.talk.line(`${safe(name)} ${phase}: ${safe(reason)}`)
  }
  const waiting = downloads.find(({ phase }) => phase === 'paused' || phase === 'failed')
  context.next(waiting === undefined ? 'servent status' : `servent get ${shortId(waiting.id)}`)
}

/** `sending`, `queued (3)`, `sending a part, relayed`. */
function stateOf({ state, partial, position, relayed }: Upload): string {
  return `${state}${partial ? ' a part' : ''}${position === undefined ? '' : ` (${position})`}${relayed ? ', relayed' : ''}`
}

async function runUploads(context: Context): Promise<undefined> {
  const client = await context.client()
  const answer = await client.call<{ uploads: Upload[] }>({
    method: 'GET',
    path: '/v1/uploads',
    signal: context.signal
  })
  if (context.json) {
    context.emit(answer)
    return
  }
  if (answer.uploads.length === 0) {
    context.talk.line('Nobody fetches from this node now.')
    context.next('servent library')
    return
  }
  context.out.lines(
    table(
      [
        { title: 'NAME', shrinkTo: 12 },
        { title: 'STATE' },
        { title: 'DONE', align: 'right' },
        { title: 'SENT', align: 'right' },
        { title: 'RATE', align: 'right' },
        { title: 'STANDING' },
        { title: 'RATIO', align: 'right' },
        { title: 'PEER' }
      ],
      answer.uploads.map(one => [
        one.name,
        stateOf(one),
        formatPercent(one.sentBytes, one.totalBytes),
        formatBytes(one.sentBytes),
        formatRate(one.rate),
        one.standing,
        // What it gave for each byte that it took.
        one.takenBytes === 0 ? '' : (one.givenBytes / one.takenBytes).toFixed(1),
        shortPeer(one.peer)
      ]),
      context.out.columnsMax
    )
  )
  context.next('servent status')
}
