/** `library`: what is shared. `ticket`: one text with which another computer fetches a file or folder of it. */
import { existsSync } from 'node:fs'
import type { LibraryView } from '@servent/node'
import { type Command, Option } from 'commander'
import { PAGE_FILES_MAX } from '../../page.ts'
import {
  formatBytes,
  formatLeft,
  formatTags,
  mediaKind,
  plural,
  shortId,
  showsTags
} from '../../terminal/format.ts'
import { safe } from '../../terminal/safe.ts'
import { table } from '../../terminal/table.ts'
import type { Act, Context } from '../context.ts'
import { wholeNumber } from '../options.ts'
import { verb } from '../program.ts'
import { sayLeftOut } from './share.ts'

const LIMIT_DEFAULT = 100

export function libraryVerbs(program: Command, act: Act): void {
  verb(program, 'library', 'List what you share', [
    'servent library',
    'servent library --json | jq -r .files[].name'
  ])
    .addOption(
      new Option('--limit <N>', `Files a page, at most ${PAGE_FILES_MAX}`)
        .argParser(wholeNumber(1, PAGE_FILES_MAX))
        .default(LIMIT_DEFAULT)
    )
    .addOption(new Option('--after <N>', 'Go on after this place').argParser(wholeNumber(0, 2 ** 32)))
    .action(act(runLibrary))
  verb(
    program,
    'ticket <WHAT>',
    'Print a ticket for a file, by its id, or for a shared file or folder, by its path',
    [
      'servent ticket bafkreihdwdcefgh4',
      'servent ticket ~/Music/Live',
      'servent ticket bafkreihdwdcefgh4 | ssh other xargs servent get'
    ]
  ).action(act(runTicket))
}

async function runLibrary(
  context: Context,
  _: string[],
  options: Record<string, unknown>
): Promise<undefined> {
  const client = await context.client()
  const query = new URLSearchParams({ limit: String(options.limit) })
  if (options.after !== undefined) query.set('after', String(options.after))
  const view = await client.call<LibraryView>({
    method: 'GET',
    path: `/v1/library?${query}`,
    signal: context.signal
  })
  if (context.json) {
    context.emit(view)
    return
  }
  const { out, talk } = context
  if (view.roots.length === 0) {
    talk.line('Nothing is shared.')
    context.next('servent share ~/Music')
    return
  }
  const columns = out.columnsMax
  out.lines(
    table(
      [
        { title: 'SHARED', shrinkTo: 12 },
        { title: 'FILES', align: 'right' },
        { title: 'SIZE', align: 'right' }
      ],
      view.roots.map(({ path, files, bytes, present }) => [
        path,
        present ? String(files) : 'not there',
        present ? formatBytes(bytes) : ''
      ]),
      columns
    )
  )
  for (const line of notes(view)) out.line(line)
  const hasTags = showsTags(view.files, columns)
  if (view.files.length > 0) {
    out.line()
    out.lines(
      table(
        [
          { title: 'NAME', shrinkTo: 12 },
          ...(hasTags ? [{ title: 'MEDIA', shrinkTo: 12 }] : []),
          { title: 'SIZE', align: 'right' as const },
          { title: 'TYPE', shrinkTo: 5 },
          { title: 'ID' }
        ],
        view.files.map(({ name, size, type, id, tags }) => [
          name,
          ...(hasTags ? [formatTags(tags)] : []),
          formatBytes(size),
          mediaKind(type),
          shortId(id)
        ]),
        columns
      )
    )
  }
  talk.line()
  talk.line(`${plural(view.totals.files, 'file')}, ${formatBytes(view.totals.bytes)} in all.`)
  if (view.next === undefined) context.next('servent ticket ID')
  else context.next(`servent library --after ${view.next}`)
}

const PROBLEMS_SHOWN = 10

/** What is not as the user might think: folders that are away, files that are left out, work under way. */
function notes({ roots, problems, progress }: LibraryView): string[] {
  const away = roots.filter(({ present }) => !present)
  const shown = problems.slice(-PROBLEMS_SHOWN)
  const lines = [
    ...away.map(({ path, reason }) => `Not there  ${safe(path)}  ${reason ?? ''}`.trimEnd()),
    ...shown.map(({ path, reason }) => `Left out  ${safe(path)}  ${safe(reason)}`)
  ]
  if (problems.length > shown.length) {
    lines.push(`and ${plural(problems.length - shown.length, 'more', 'more')}: servent library --json`)
  }
  if (progress?.phase === 'scanning')
    lines.push(`Looking  ${plural(progress.filesTotal, 'file')} to hash found`)
  if (progress?.phase === 'hashing') {
    const { files, filesTotal, bytes, bytesTotal, leftMs } = progress
    const of = `${files} of ${plural(filesTotal, 'file')}, ${formatBytes(bytes)} of ${formatBytes(bytesTotal)}`
    lines.push(`Hashing  ${of}${formatLeft(leftMs)}`)
  }
  return lines
}

/** An id or its beginning. A path that looks like one is written as `./path`. */
const ID = /^[a-z2-7]{12,}$/i

async function runTicket(context: Context, [what]: string[]): Promise<undefined> {
  const path = context.path(what!)
  const client = await context.client()
  const { signal } = context
  const answer = await client.call<{ id: string; ticket: string; leftOut?: number }>(
    ID.test(what!) || !existsSync(path)
      ? { method: 'GET', path: `/v1/files/${encodeURIComponent(what!)}/ticket`, signal }
      : { method: 'POST', path: '/v1/tickets', body: { path }, signal }
  )
  if (context.json) {
    context.emit(answer)
    return
  }
  context.out.line(answer.ticket)
  sayLeftOut(context, answer.leftOut)
  context.talk.line('On another computer: servent get TICKET')
}
