/** `downloads` and `uploads`: what goes over the wire, and what did. */
import type { Command } from 'commander'
import { Option } from 'commander'
import { PAGE_FILES_MAX } from '../../page.ts'
import { formatBytes, formatPercent, formatRate, plural, shortId, shortPeer } from '../../terminal/format.ts'
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
  readonly files?: number
  readonly filesDone?: number
  readonly missing?: readonly string[]
}

interface FolderFile {
  readonly id: string
  readonly path: string
  readonly size: number
  readonly isDone: boolean
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
  readonly level?: number
  readonly band?: string
  readonly partial?: boolean
}

export function transferVerbs(program: Command, act: Act): void {
  verb(program, 'downloads', 'List, pause and end downloads', [
    'servent downloads',
    'servent downloads --files ID',
    'servent downloads --pause ID',
    'servent downloads --cancel ID'
  ])
    .addOption(
      new Option('--pause <ID>', 'Pause a download; servent get ID goes on with it').conflicts('cancel')
    )
    .addOption(
      new Option('--cancel <ID>', 'End a download and delete what it has of a file that is not whole')
    )
    .addOption(new Option('--files <ID>', 'List the files of a folder').conflicts(['pause', 'cancel']))
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
  if (options.files !== undefined) return showFiles(context, options.files as string)
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
        one.files === undefined ? one.name : `${one.name} (${one.filesDone} of ${plural(one.files, 'file')})`,
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

/** `giver`, and where levels are known `giver, 200 High`. */
function standingOf({ standing, level, band }: Upload): string {
  return level === undefined ? standing : `${standing}, ${level} ${band}`
}

async function showFiles(context: Context, id: string): Promise<undefined> {
  const client = await context.client()
  const files: FolderFile[] = []
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: { files: FolderFile[]; next?: number } = await client.call({
      method: 'GET',
      path: `/v1/downloads/${encodeURIComponent(id)}/files?after=${after}&limit=${PAGE_FILES_MAX}`,
      signal: context.signal
    })
    files.push(...page.files)
    after = page.next
  }
  if (context.json) {
    context.emit({ files })
    return
  }
  if (files.length === 0)
    context.talk.line('This download is one file, or its list of files is not there yet.')
  else
    context.out.lines(
      table(
        [
          { title: 'PATH', shrinkTo: 12 },
          { title: 'STATE' },
          { title: 'SIZE', align: 'right' },
          { title: 'ID' }
        ],
        files.map(({ path, isDone, size, id }) => [
          path,
          isDone ? 'done' : 'to come',
          formatBytes(size),
          shortId(id)
        ]),
        context.out.columnsMax
      )
    )
  context.next('servent downloads')
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
        { title: 'STANDING', shrinkTo: 8 },
        { title: 'RATIO', align: 'right' },
        { title: 'PEER' }
      ],
      answer.uploads.map(one => [
        one.name,
        stateOf(one),
        formatPercent(one.sentBytes, one.totalBytes),
        formatBytes(one.sentBytes),
        formatRate(one.rate),
        standingOf(one),
        // What it gave for each byte that it took.
        one.takenBytes === 0 ? '' : (one.givenBytes / one.takenBytes).toFixed(1),
        shortPeer(one.peer)
      ]),
      context.out.columnsMax
    )
  )
  context.next('servent status')
}
