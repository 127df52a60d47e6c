/** `start`: runs the node, in the background unless asked otherwise. `stop`: ends it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LabPeer } from '@servent/lab-real/peer'
import { type Command, Option } from 'commander'
import { removeNotice } from '../../daemon/notice.ts'
import type { Ready } from '../../daemon/ready.ts'
import { problemOf } from '../../problem.ts'
import { formatCount } from '../../terminal/format.ts'
import { safe } from '../../terminal/safe.ts'
import { facts } from '../../terminal/table.ts'
import type { Act, Context } from '../context.ts'
import { addSettingFlags, settingFlags } from '../options.ts'
import { verb } from '../program.ts'

const IDENTITY_FILE = 'identity.key'
/** An orderly stop says goodbye to its neighbours and writes what it must keep. */
const STOP_WAIT_MS_MAX = 20_000
const STOP_LOOK_MS = 50
const ADDRESSES_SHOWN = 4

export function startVerb(program: Command, act: Act): void {
  const start = verb(program, 'start', 'Run your node', [
    'servent start',
    'servent start --foreground --overlays gnutella,chord --listen /ip4/0.0.0.0/tcp/6346',
    'servent start --bootstrap /ip4/192.0.2.7/tcp/6346/p2p/12D3Koo…',
    'servent start --introducer http://introducer.example:6348',
    'servent start --set gnutella.neighbours=8'
  ])
    .addOption(new Option('--foreground', 'Stay in this terminal until Ctrl-C'))
    .addOption(new Option('--report-to-parent').hideHelp())
    // Of the lab, whose processes these are: their messages go over a network that it makes, and it asks them questions.
    .addOption(new Option('--lab-peer').hideHelp())
  addSettingFlags(start)
  start.action(act(runStart))

  verb(program, 'stop', 'End the running node', ['servent stop']).action(act(runStop))
}

async function runStart(
  context: Context,
  _: string[],
  options: Record<string, unknown>
): Promise<number | undefined> {
  const loaded = await context.load(settingFlags(options))
  const { config } = loaded
  const firstRun = !existsSync(join(config.dataDir, IDENTITY_FILE))
  const parent = options.reportToParent === true
  if (options.foreground === true || parent) {
    // The node and all it stands on are loaded only by the process that runs it.
    const { runDaemon } = await import('../../daemon/run.ts')
    const peer = options.labPeer === true ? await labPeer() : undefined
    return runDaemon(loaded, {
      signal: context.signal,
      ...(peer && { deps: peer.deps, onNode: node => peer.serve(node) }),
      onReady: ready => {
        if (parent) process.send?.(ready)
        else show(context, ready, firstRun, true)
      },
      ...(parent ? { onProblem: problem => process.send?.({ event: 'error', ...problem }) } : {})
    })
  }
  const { startInBackground } = await import('../../daemon/background.ts')
  const ready = await startInBackground(config, context.io.env, context.signal)
  show(context, ready, firstRun, false)
  return undefined
}

async function labPeer(): Promise<LabPeer> {
  const { LabPeer } = await import('@servent/lab-real/peer')
  return LabPeer.begin(process)
}

function show(context: Context, ready: Ready, firstRun: boolean, foreground: boolean): void {
  if (context.json) {
    context.emit(ready)
    return
  }
  const { out, talk } = context
  for (const warning of ready.warnings ?? []) talk.line(`${talk.style('yellow', 'note:')} ${safe(warning)}`)
  if (ready.already === true) talk.line('A node runs on this data folder already.')
  const [shown, more] = [ready.addresses.slice(0, ADDRESSES_SHOWN), ready.addresses.length - ADDRESSES_SHOWN]
  const addresses = shown.length === 0 ? ['none: it accepts no connections'] : shown
  out.lines(
    facts([
      ['Node', `${ready.peerId}  (pid ${ready.pid})`],
      ['Overlays', ready.overlays.join(', ')],
      ...addresses.map((address, index) => [index === 0 ? 'Addresses' : ' ', address] as const),
      [' ', more > 0 ? `and ${formatCount(more)} more: servent status --json` : undefined],
      ['API', `${ready.api.url}  (token in ${ready.api.tokenFile})`],
      ['Log', ready.log]
    ])
  )
  if (firstRun) {
    talk.line()
    talk.line('First run: a new identity was made, and nothing is shared yet.')
    talk.line('Peers that connect can see your IP address and the names of the files you share.')
  }
  talk.line()
  const [share, search] = ['servent share ~/Music', 'servent search miles davis']
  if (foreground) {
    talk.line('Running until Ctrl-C. In another terminal:')
    context.next(share, search)
  } else {
    context.next(share, search, 'servent status', 'servent stop')
  }
}

async function runStop(context: Context): Promise<number | undefined> {
  const { config } = await context.load()
  let pid: number
  try {
    const client = await context.client()
    pid = client.notice.pid
    await client.call({ method: 'POST', path: '/v1/stop', signal: context.signal })
  } catch (error) {
    // What a crash left behind misleads nobody twice.
    if (problemOf(error).code === 'no-daemon') await removeNotice(config.dataDir)
    throw error
  }
  const deadlineMs = performance.now() + STOP_WAIT_MS_MAX
  while (alive(pid)) {
    context.signal.throwIfAborted()
    if (performance.now() > deadlineMs) {
      throw Object.assign(new Error(`The node (pid ${pid}) was asked to stop and has not yet.`), {
        name: 'TimeoutError'
      })
    }
    await new Promise(resolve => setTimeout(resolve, STOP_LOOK_MS))
  }
  if (context.json) context.emit({ event: 'done', pid })
  else {
    context.out.line(`Stopped the node (pid ${pid}).`)
    context.next('servent start')
  }
  return undefined
}

/** A signal of number 0 only asks. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** One that has ended, and that nobody buries: the first process of a container often does not. */
function isZombie(pid: number): boolean {
  try {
    // The name in brackets may hold anything; the state is the word after it (proc(5)).
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
  } catch {
    return false
  }
}
