/** `introducer`: a well-known server that tells newcomers of recently seen peers, in this terminal until Ctrl-C. */
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { type RunningIntroducer, type ServerEvent, startIntroducer } from '@servent/node'
import { type Command, Option } from 'commander'
import { ProblemError } from '../../problem.ts'
import { plural } from '../../terminal/format.ts'
import { safe } from '../../terminal/safe.ts'
import { facts } from '../../terminal/table.ts'
import type { Act, Context } from '../context.ts'
import { wholeNumber } from '../options.ts'
import { verb } from '../program.ts'

const PORT = 6348
const PORT_MAX = 65_535
/** Beside the data of a node of this user, so that both run at the same time. */
const FOLDER = 'introducer'
const URLS_SHOWN = 4

interface Options {
  readonly port: number
  readonly host?: string
  readonly private?: boolean
}

export function introducerVerb(program: Command, act: Act): void {
  verb(program, 'introducer', 'Tell newcomers of recently seen peers, over HTTP', [
    'servent introducer',
    'servent introducer --private',
    'servent introducer --host 127.0.0.1 --port 0 --json'
  ])
    .addOption(
      new Option('--port <P>', 'Port of HTTP; 0 takes any that is free')
        .default(PORT)
        .argParser(wholeNumber(0, PORT_MAX))
    )
    .addOption(
      new Option('--host <ADDRESS>', 'Listen on this address of the machine alone; by default on all')
    )
    .addOption(
      new Option(
        '--private',
        'List peers with private addresses too: for a network at home, not for the Internet'
      )
    )
    .action(act((context, _, options) => runIntroducer(context, options as unknown as Options)))
}

async function runIntroducer(context: Context, options: Options): Promise<undefined> {
  const { port, host } = options
  let introducer: RunningIntroducer
  try {
    introducer = await startIntroducer({
      dataDir: await folderOf(context),
      port,
      ...(host === undefined ? {} : { host }),
      isPrivate: options.private === true,
      onEvent: event => tell(context, event)
    })
  } catch (error) {
    throw listenProblem(error, options)
  }
  try {
    show(context, introducer, host)
    await untilAborted(context.signal)
  } finally {
    await introducer.stop()
  }
  if (context.json) context.emit({ event: 'done' })
  return undefined
}

/** Where the user named no folder, one of its own: the node has locked its. */
async function folderOf(context: Context): Promise<string> {
  const { config } = await context.load()
  const isNamed = context.flags.dataDir !== undefined || Boolean(context.io.env.SERVENT_DATA_DIR)
  return isNamed ? config.dataDir : join(config.dataDir, FOLDER)
}

function show(context: Context, introducer: RunningIntroducer, host: string | undefined): void {
  const { peerId, port, isPrivate } = introducer
  const peers = introducer.size()
  const urls = hostsOf(host).map(name => urlOf(name, port, peerId))
  if (context.json) {
    context.emit({ event: 'listening', peerId, port, url: urls[0], urls, private: isPrivate, peers })
    return
  }
  const { out, talk } = context
  const shown = urls.slice(0, URLS_SHOWN)
  out.lines(
    facts([
      ['Introducer', peerId],
      ...shown.map((url, index) => [index === 0 ? 'For others' : ' ', url] as const),
      ['Lists', isPrivate ? 'peers with public and private addresses' : 'peers with public addresses'],
      ['Known', plural(peers, 'peer')]
    ])
  )
  talk.line()
  talk.line('Running until Ctrl-C. What follows is all that newcomers type, on their machines.')
  if (!isPrivate && host === undefined)
    talk.line(`Behind a router, forward TCP port ${port} to this machine, and give them its public address.`)
  context.next(`servent start --introducer ${urls[0]}`)
}

/** What strangers are refused is for scripts; a person is shown who comes and goes. */
function tell(context: Context, event: ServerEvent): void {
  if (context.json) context.emit(event)
  else if (event.event === 'announced')
    context.talk.line(safe(`listed     ${event.peerId}  ${event.addresses.join(' ')}`))
  else if (event.event === 'withdrawn') context.talk.line(safe(`withdrawn  ${event.peerId}`))
}

/** Addresses by which others may know this machine: those of IPv4 first. */
function hostsOf(host: string | undefined): string[] {
  if (host !== undefined && host !== '::' && host !== '0.0.0.0') return [host]
  const found = Object.values(networkInterfaces()).flatMap(addresses => addresses ?? [])
  const outside = found.filter(({ internal, scopeid }) => !internal && !scopeid)
  const v4first = outside.toSorted((a, b) => a.family.localeCompare(b.family))
  return v4first.length > 0 ? v4first.map(({ address }) => address) : ['127.0.0.1']
}

/** With the PeerId, so that who was given it believes nobody else. */
const urlOf = (host: string, port: number, peerId: string): string =>
  `http://${isIPv6(host) ? `[${host}]` : host}:${port}/#${peerId}`

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** The system's refusals, in a user's words; other errors pass. */
function listenProblem(error: unknown, { port, host }: Options): unknown {
  const { code } = error as NodeJS.ErrnoException
  const at = host === undefined ? `port ${port}` : `port ${port} of ${host}`
  if (code === 'EADDRINUSE') {
    return new ProblemError({
      code: 'failed',
      message: `The introducer cannot listen on ${at}.`,
      why: 'another program has that port, perhaps another introducer',
      try: 'servent introducer --port 0 takes any free port'
    })
  }
  if (code === 'EACCES') {
    return new ProblemError({
      code: 'not-allowed',
      message: `The system does not let you listen on ${at}.`,
      why: 'ports below 1024 are kept',
      try: `servent introducer --port ${PORT}`
    })
  }
  if (code !== 'EADDRNOTAVAIL' && code !== 'ENOTFOUND') return error
  return new ProblemError({
    code: 'usage',
    message: `This machine does not have the address ${host}.`,
    try: 'servent introducer listens on all that it has'
  })
}
