/** `search`: asks the overlays and shows one row for each file, however many have it. */
import type { SearchEvent, SearchRow } from '@servent/node'
import { type Command, Option } from 'commander'
import { ProblemError } from '../../problem.ts'
import {
  formatBytes,
  formatDuration,
  formatTags,
  plural,
  rowKind,
  shortId,
  shortPeer,
  showsTags
} from '../../terminal/format.ts'
import { safe } from '../../terminal/safe.ts'
import { table } from '../../terminal/table.ts'
import { type Act, type Context, exitOf } from '../context.ts'
import { byteSize, list, queryText, seconds, tagFilter, wholeNumber } from '../options.ts'
import { verb } from '../program.ts'

type Done = Extract<SearchEvent, { event: 'done' }>

const LIMIT_MAX = 1000
const TIMEOUT_SECONDS_MAX = 600
const TTL_MAX = 255
const ROUNDS_MAX = 8
const LINK_SPEED_MAX = 10
/** Of those that did not answer. */
const SERVERS_SHOWN = 3

export function searchVerb(program: Command, act: Act): void {
  verb(program, 'search [WORDS...]', 'Ask the network for files', [
    'servent search miles davis',
    'servent search banjo --type audio --max-size 20M',
    'servent search --tag artist=davis --tag year=1959',
    'servent search banjo --overlay gnutella --ttl 4 --json'
  ])
    .addOption(new Option('--overlay <O>', 'Ask this overlay only; repeatable').argParser(list))
    .addOption(new Option('--limit <N>', 'End after this many hits').argParser(wholeNumber(1, LIMIT_MAX)))
    .addOption(
      new Option('--timeout <S>', 'End after this many seconds').argParser(seconds(TIMEOUT_SECONDS_MAX))
    )
    .addOption(
      new Option('--ttl <N>', 'How many steps a flooded query goes').argParser(wholeNumber(1, TTL_MAX))
    )
    .addOption(
      new Option(
        '--rounds <N>',
        'Supernodes of FastTrack that it goes through, while few files came'
      ).argParser(wholeNumber(1, ROUNDS_MAX))
    )
    .addOption(new Option('--type <T>', 'Media type, as audio or audio/flac'))
    .addOption(
      new Option('--tag <KEY=WORDS>', 'Only files with this tag, as artist=davis; repeatable').argParser(
        tagFilter
      )
    )
    .addOption(
      new Option('--min-size <B>', 'Smallest size in bytes; K, M and G may follow').argParser(byteSize)
    )
    .addOption(new Option('--max-size <B>', 'Largest size').argParser(byteSize))
    .addOption(
      new Option(
        '--min-link-speed <N>',
        'Napster only: least speed of the sharer’s link, from 1 (14.4 kbit/s) over 7 (cable) to 10 (T3)'
      ).argParser(wholeNumber(1, LINK_SPEED_MAX))
    )
    .action(act(runSearch))
}

async function runSearch(
  context: Context,
  words: string[],
  options: Record<string, unknown>
): Promise<number | undefined> {
  const text = queryText(words, options.tag)
  if (text.trim() === '') {
    throw new ProblemError({
      code: 'usage',
      message: 'There is nothing to search for.',
      try: 'servent search miles davis, or --tag artist=davis'
    })
  }
  const client = await context.client()
  const { overlay: overlays, timeout: timeoutMs, limit, ttl, rounds } = options
  const { type, minSize, maxSize, minLinkSpeed } = options
  const body = { text, overlays, limit, timeoutMs, ttl, rounds, type, minSize, maxSize, minLinkSpeed }
  const named: readonly string[] = Array.isArray(overlays) ? overlays : []
  const startedMs = performance.now()
  const files = new Set<string>()
  let hits = 0
  let done: Done | undefined
  context.progress.show('Asking the network …')
  try {
    for await (const event of client.events<SearchEvent>({
      method: 'POST',
      path: '/v1/searches',
      body,
      signal: context.signal
    })) {
      if (context.json) context.emit(event)
      if (event.event === 'done') done = event
      if (event.event !== 'hit') continue
      hits++
      files.add(event.id)
      const elapsed = formatDuration(performance.now() - startedMs)
      context.progress.show(
        `Asking the network …  ${plural(hits, 'hit')} in ${plural(files.size, 'file')}, ${elapsed}`
      )
    }
  } catch (error) {
    if (!context.signal.aborted) throw error
  }
  context.progress.clear()
  // What came before Ctrl-C is still worth a table: its rows can be fetched.
  const interrupted = context.signal.aborted ? exitOf('interrupted') : undefined
  if (context.json) return interrupted ?? (hits === 0 ? exitOf('not-found') : undefined)
  if (hits === 0) {
    return interrupted ?? nothingFound(context, text, done, named)
  }
  // A search that was broken off is not kept as the last one by every node: its rows are asked for apart.
  const { rows } = await client.call<{ rows: SearchRow[] }>({ method: 'GET', path: '/v1/searches/last' })
  showRows(context, rows)
  context.talk.line()
  const took = formatDuration(performance.now() - startedMs)
  context.talk.line(`${plural(hits, 'hit')} in ${plural(files.size, 'file')}, ${took}.`)
  for (const line of trafficLines(context, done, named)) context.talk.line(line)
  context.next(`servent get ${rows[0]?.row ?? 1}`)
  return interrupted
}

export function showRows(context: Context, rows: readonly SearchRow[]): void {
  const hasTags = showsTags(rows, context.out.columnsMax)
  context.out.lines(
    table(
      [
        { title: '#', align: 'right' },
        { title: 'NAME', shrinkTo: 12 },
        ...(hasTags ? [{ title: 'MEDIA', shrinkTo: 12 }] : []),
        { title: 'SIZE', align: 'right' as const },
        { title: 'TYPE', shrinkTo: 5 },
        { title: 'SOURCES', align: 'right' },
        { title: 'VIA', shrinkTo: 8 },
        { title: 'ID', shrinkTo: 12 }
      ],
      rows.map(row => [
        String(row.row),
        row.name,
        ...(hasTags ? [formatTags(row.tags)] : []),
        formatBytes(row.size),
        rowKind(row),
        String(new Set(row.providers.map(provider => provider.peerId)).size),
        row.overlays.join(','),
        shortId(row.id)
      ]),
      context.out.columnsMax
    )
  )
}

function trafficLines({ talk }: Context, done: Done | undefined, named: readonly string[]): string[] {
  return (done?.overlays ?? []).flatMap(
    ({ name, hits, firstHitMs, messages, bytes, total, more, unanswered, status, reason }) => {
      if (status === 'nobody') return named.includes(name) ? [nobodyLine(talk, name, reason)] : []
      const first = firstHitMs === null ? 'no hit' : `the first after ${formatDuration(firstHitMs)}`
      const files = total === undefined ? 'the files' : plural(total, 'file')
      const lines = [
        `  ${name}: ${plural(hits, 'hit')}, ${first}; ${plural(messages, 'message')}, ${formatBytes(bytes)}`
      ]
      if (more === true)
        lines.push(
          `  ${name}: more may match, for not all of ${files} with the rarest word were looked through`
        )
      if (unanswered !== undefined) lines.push(silentLine(talk, name, unanswered))
      if (reason !== undefined) lines.push(reasonLine(talk, name, hits, reason))
      return lines
    }
  )
}

function reasonLine(talk: Context['talk'], name: string, hits: number, reason: string): string {
  const what = hits === 0 ? 'could not search' : 'could not search to the end'
  return `${talk.style('yellow', 'note:')}  ${name} ${what}: ${safe(reason)}`
}

function nobodyLine(talk: Context['talk'], name: string, reason: string | undefined): string {
  return `${talk.style('yellow', 'note:')}  ${name} has nobody to ask${reason === undefined ? '' : `: ${safe(reason)}`}`
}

function silentLine(talk: Context['talk'], name: string, servers: readonly string[]): string {
  const who = servers.slice(0, SERVERS_SHOWN).map(shortPeer).join(', ')
  const more = servers.length > SERVERS_SHOWN ? ', …' : ''
  const what = `${plural(servers.length, 'server')} did not answer (${who}${more})`
  return `${talk.style('yellow', 'note:')}  ${name}: ${what}`
}

/** Of an overlay that has nobody to ask there is nothing to say, where its user did not ask for just that one. */
function nothingFound(
  context: Context,
  text: string,
  done: Done | undefined,
  named: readonly string[]
): number {
  const { talk } = context
  const all = done?.overlays ?? []
  const overlays = all.filter(({ status }) => status !== 'nobody')
  const asked = overlays.map(overlay => overlay.name).join(', ')
  const silent = overlays.every(overlay => overlay.messages === 0)
  const isWhole = overlays.every(
    ({ more, unanswered, reason }) => more !== true && unanswered === undefined && reason === undefined
  )
  talk.line(`Nothing found for ${safe(JSON.stringify(text))}.`)
  for (const { name, status, reason } of all)
    if (status === 'nobody' && named.includes(name)) talk.line(nobodyLine(talk, name, reason))
  for (const { name, hits, unanswered, reason } of overlays) {
    if (unanswered !== undefined) talk.line(silentLine(talk, name, unanswered))
    if (reason !== undefined) talk.line(reasonLine(talk, name, hits, reason))
  }
  if (silent) {
    // The only overlay of a node knows best why it has nobody; where it was named, its note has said so already.
    const [only] = all.length === 1 && named.length === 0 ? all : []
    const why = only?.status === 'nobody' ? only.reason : undefined
    talk.line(`why:   ${safe(why ?? 'this node has no neighbours to ask yet')}`)
    talk.line('try:   servent peers, servent doctor')
  } else if (isWhole) {
    talk.line(`why:   no peer that ${asked} reached has a file with all these words`)
    talk.line('try:   fewer words, a larger --timeout, or again later')
  } else {
    talk.line('why:   not all who may have such a file were heard, so there may be one')
    talk.line('try:   again, with a larger --timeout')
  }
  return exitOf('not-found')
}
