/** `browse`, `whois` and `hotlist`: people, as Napster servers know them. */
import type { BrowseEvent, HotlistView, SearchRow, WhoisView } from '@servent/node'
import { Argument, type Command } from 'commander'
import { ProblemError } from '../../problem.ts'
import { formatDuration, plural, shortPeer } from '../../terminal/format.ts'
import { safe } from '../../terminal/safe.ts'
import { facts, table } from '../../terminal/table.ts'
import { type Act, type Context, exitOf } from '../context.ts'
import { verb } from '../program.ts'
import { showRows } from './search.ts'

const ACTIONS = ['add', 'remove'] as const

/** Message 2 of Napster numbers them. */
const LINKS = [
  'not known',
  '14.4 kbit/s modem',
  '28.8 kbit/s modem',
  '33.6 kbit/s modem',
  '56.7 kbit/s modem',
  '64 kbit/s ISDN',
  '128 kbit/s ISDN',
  'cable',
  'DSL',
  'T1',
  'T3 or more'
]

export function peopleVerbs(program: Command, act: Act): void {
  verb(program, 'browse <USER>', 'List what a user of the Napster server shares', [
    'servent browse miles',
    'servent browse 12D3KooWGcSLWbZRhPV9pVtCTLxxuS3w3gpUYMTVzGrsQiWiJ6Qs --json'
  ]).action(act(runBrowse))
  verb(program, 'whois <NICK>', 'Show what the Napster server says of a nick', [
    'servent whois miles'
  ]).action(act(runWhois))
  verb(program, 'hotlist', 'List nicks and who of them is online, or change the list', [
    'servent hotlist',
    'servent hotlist add miles',
    'servent hotlist remove miles'
  ])
    .addArgument(new Argument('[ACTION]', 'Changes the list').choices(ACTIONS))
    .argument('[NICK]')
    .action(act(runHotlist))
}

async function runBrowse(context: Context, [user]: string[]): Promise<number | undefined> {
  const client = await context.client()
  let files = 0
  let more = false
  context.progress.show('Asking the server …')
  try {
    for await (const event of client.events<BrowseEvent>({
      method: 'POST',
      path: '/v1/browses',
      body: { user },
      signal: context.signal
    })) {
      if (context.json) context.emit(event)
      if (event.event === 'done') more = event.more === true
      else files = Math.max(files, event.row)
      context.progress.show(`Asking the server …  ${plural(files, 'file')}`)
    }
  } catch (error) {
    if (!context.signal.aborted) throw error
  }
  context.progress.clear()
  const interrupted = context.signal.aborted ? exitOf('interrupted') : undefined
  if (context.json) return interrupted ?? (files === 0 ? exitOf('not-found') : undefined)
  if (files === 0) {
    if (interrupted === undefined) context.talk.line(`${safe(user!)} shares nothing.`)
    return interrupted ?? exitOf('not-found')
  }
  const { rows } = await client.call<{ rows: SearchRow[] }>({ method: 'GET', path: '/v1/searches/last' })
  showRows(context, rows)
  context.talk.line()
  const atLeast = more || interrupted !== undefined ? 'at least ' : ''
  context.talk.line(`${safe(user!)} shares ${atLeast}${plural(files, 'file')}.`)
  context.next(`servent get ${rows[0]?.row ?? 1}`)
  return interrupted
}

async function runWhois(context: Context, [nick]: string[]): Promise<undefined> {
  const client = await context.client()
  const found = await client.call<WhoisView>({
    method: 'GET',
    path: `/v1/whois?${new URLSearchParams({ nick: nick! })}`,
    signal: context.signal
  })
  if (context.json) {
    context.emit(found)
    return
  }
  context.out.lines(facts(whoisRows(found), context.out.columnsMax))
  context.next(
    ...(found.online ? [`servent browse ${safe(found.nick)}`] : []),
    `servent hotlist add ${safe(found.nick)}`
  )
}

function whoisRows(found: WhoisView): (readonly [string, string | undefined])[] {
  const { nick, online, seconds, shared, downloads, uploads, linkSpeed, client, seenAt, server } = found
  const ago = seenAt === undefined ? undefined : formatDuration(Math.max(0, Date.now() - seenAt * 1000))
  return [
    ['Nick', nick],
    ['Online', online ? `for ${formatDuration((seconds ?? 0) * 1000)}` : 'no'],
    ['Seen', ago === undefined ? undefined : `${ago} ago`],
    ['Shares', shared === undefined ? undefined : plural(shared, 'file')],
    [
      'Transfers',
      online ? `${plural(downloads ?? 0, 'download')}, ${plural(uploads ?? 0, 'upload')} now` : undefined
    ],
    ['Link', linkSpeed === undefined ? undefined : `${linkText(linkSpeed)}, as they say`],
    ['Program', client],
    ['Server', shortPeer(server)]
  ]
}

async function runHotlist(context: Context, [action, nick]: string[]): Promise<undefined> {
  const client = await context.client()
  if (action === undefined) {
    const answer = await client.call<{ nicks: HotlistView[] }>({
      method: 'GET',
      path: '/v1/hotlist',
      signal: context.signal
    })
    return showHotlist(context, answer)
  }
  if (nick === undefined) {
    throw new ProblemError({
      code: 'usage',
      message: `Whom to ${action} is not said.`,
      try: `servent hotlist ${action} NICK`
    })
  }
  const { signal } = context
  if (action === 'add') {
    const added = await client.call<HotlistView>({
      method: 'POST',
      path: '/v1/hotlist',
      body: { nick },
      signal
    })
    if (context.json) context.emit(added)
    else {
      context.out.line(`On the hotlist  ${safe(added.nick)}`)
      context.next('servent hotlist')
    }
    return
  }
  const path = `/v1/hotlist?${new URLSearchParams({ nick })}`
  const removed = await client.call<{ nick: string }>({ method: 'DELETE', path, signal })
  if (context.json) context.emit(removed)
  else {
    context.out.line(`Off the hotlist  ${safe(removed.nick)}`)
    context.next('servent hotlist')
  }
}

function showHotlist(context: Context, answer: { nicks: HotlistView[] }): undefined {
  const { nicks } = answer
  if (context.json) {
    context.emit(answer)
    return
  }
  if (nicks.length === 0) {
    context.talk.line('Nobody is on the hotlist.')
    context.next('servent hotlist add NICK')
    return
  }
  const nowMs = Date.now()
  context.out.lines(
    table(
      [{ title: 'NICK' }, { title: 'STATE' }, { title: 'SINCE', align: 'right' }, { title: 'LINK' }],
      nicks.map(({ nick, state, sinceMs, linkSpeed }) => [
        nick,
        state,
        sinceMs === undefined ? '' : formatDuration(Math.max(0, nowMs - sinceMs)),
        linkSpeed === undefined ? '' : linkText(linkSpeed)
      ]),
      context.out.columnsMax
    )
  )
  const online = nicks.find(({ state }) => state === 'online') ?? nicks[0]!
  context.next(`servent ${online.state === 'online' ? 'browse' : 'whois'} ${safe(online.nick)}`)
}

const linkText = (speed: number): string => LINKS[speed] ?? `class ${speed}`
