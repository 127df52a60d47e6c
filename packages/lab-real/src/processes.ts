/**
 * Peers in processes of their own: `servent start` each, with its data folder, its local API, and TCP on loopback. A peer
 * dies by SIGKILL. None outlives the lab: each ends when its channel closes, and all that are left are killed at the end.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Job,
  type OverlayId,
  overlaySettings,
  PlanError,
  REAL_SETTINGS,
  type Settings
} from '@servent/lab/backend'
import { loadConfig } from '@servent/node'
import type { Asks, FromPeer, ToPeer } from './channel.ts'
import { KernelSockets } from './kernel-sockets.ts'
import type {
  LookOptions,
  LookupAnswer,
  PeerLook,
  PeerSpec,
  RealNetwork,
  RealNetworkInit,
  RealPeer,
  SearchAnswer,
  Wanted
} from './types.ts'

/** From the start of a process until it listens: a busy machine takes several times the second that it takes. */
const READY_MS_MAX = 60_000
/** For an answer of a process that runs; longer than the longest question. */
export const ANSWER_MS_MAX = 60_000
/** Of what a process says on stderr, the end. */
const SAID_CHARACTERS_MAX = 2_000
/** How long a network takes to take a peer in, no clock knows. */
const UNTIMED: ReadonlySet<keyof Asks> = new Set(['joined', 'settled'])
const FOLDER_MODE = 0o700
const KEY_MODE = 0o600
/** Empty, in the place of the one that this user has for nodes of their own. */
const CONFIG_FILE = 'config.toml'
const HIDDEN_FLAGS = ['--report-to-parent', '--lab-peer']

export interface ProcessesInit extends RealNetworkInit {
  /** Runs the program, without arguments. */
  readonly command: readonly string[]
}

/** @throws PlanError  a plan sets what a node does not take */
export async function checkSettings(jobs: readonly Job[]): Promise<void> {
  const folder = await makeFolder()
  try {
    for (const { plan, overlay } of jobs) await settingFlags(overlay, overlaySettings(plan, overlay), folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** With a configuration in it that sets nothing. */
async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'servent-lab-'))
  await writeFile(join(folder, CONFIG_FILE), '')
  return folder
}

/**
 * The flags of the configuration that the lab's settings stand for.
 *
 * @throws PlanError  a value that a node does not take
 */
async function settingFlags(overlay: OverlayId, settings: Settings, folder: string): Promise<string[]> {
  const set = Object.entries(REAL_SETTINGS[overlay]).flatMap(([key, name]) =>
    isLeftOut(overlay, name, settings) ? [] : [`${overlay}.${kebab(name)}=${settings[key]}`]
  )
  if (overlay === 'napster') set.push(`napster.users-per-address=${settings['users-per-server']}`)
  try {
    await loadConfig({ dataDir: folder, configFile: join(folder, CONFIG_FILE), env: {}, set })
  } catch (error) {
    throw new PlanError(`A node does not take what the plan sets: ${(error as Error).message}`)
  }
  return set.flatMap(one => ['--set', one])
}

/** Of Napster how many servers there are, which no peer decides; of Gnutella's tiers what the configuration has one word for. */
function isLeftOut(overlay: OverlayId, name: string, { role }: Settings): boolean {
  return (
    (overlay === 'napster' && name === 'servers') ||
    (overlay === 'gnutella' && name === 'neighbours' && role !== 'flat')
  )
}

const kebab = (name: string) => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)

export class ProcessesNetwork implements RealNetwork {
  readonly #init: ProcessesInit
  readonly #peers = new Map<string, ProcessPeer>()
  readonly #numbers = new Map<string, number>()
  readonly #sockets = new KernelSockets()
  #folder: Promise<string> | undefined
  #isClosed = false
  readonly #onExit = () => {
    for (const peer of this.#peers.values()) peer.killNow()
  }

  constructor(init: ProcessesInit) {
    this.#init = init
    process.once('exit', this.#onExit)
  }

  async start(spec: PeerSpec): Promise<RealPeer> {
    const { overlay, settings, command } = this.#init
    const { node, peerId, isServer, contacts, files, conditions } = spec
    this.#throwIfClosed()
    this.#folder ??= makeFolder()
    const folder = await this.#folder
    const home = join(folder, `${node}`)
    const dataDir = join(home, 'data')
    await mkdir(dataDir, { recursive: true, mode: FOLDER_MODE })
    await writeFile(join(dataDir, 'identity.key'), spec.privateKey, { mode: KEY_MODE })
    for (const { index, name, bytes } of files) {
      // Two files may have one name.
      await mkdir(join(home, 'shared', `${index}`), { recursive: true })
      await writeFile(join(home, 'shared', `${index}`, name), bytes)
    }
    const byServers = overlay === 'napster'
    const given = [
      ...['--data-dir', dataDir, 'start', '--foreground', ...HIDDEN_FLAGS],
      ...['--listen', '/ip4/127.0.0.1/tcp/0', '--api', '127.0.0.1:0', '--discovery', 'bootstrap'],
      ...['--relay', 'off', '--port-mapping', 'off', '--log-level', 'warn'],
      ...['--overlays', isServer ? 'napster,napster-server' : overlay],
      ...(byServers || contacts.length === 0 ? [] : ['--bootstrap', contacts.join(',')]),
      ...(byServers && contacts.length > 0 ? ['--set', `napster.servers=${contacts.join(',')}`] : []),
      ...(await settingFlags(overlay, settings, folder))
    ]
    // From here on `close` knows of it.
    this.#throwIfClosed()
    this.#numbers.set(peerId, node)
    const tellOthers = (other: ProcessPeer) =>
      other.tell({ type: 'round-trips', roundTrips: [[peerId, this.#roundTripMs(other.peerId, peerId)]] })
    for (const other of this.#peers.values()) tellOthers(other)
    const peer = new ProcessPeer(
      peerId,
      [...command, ...given],
      home,
      join(folder, CONFIG_FILE),
      this.#sockets
    )
    this.#peers.set(peerId, peer)
    peer.onEnd = () => this.#peers.delete(peerId)
    peer.tell({
      type: 'begin',
      overlay,
      peerId,
      roundTrips: [...this.#numbers.keys()].map(other => [other, this.#roundTripMs(peerId, other)]),
      conditions
    })
    await peer.ready()
    if (files.length > 0) await peer.share(join(home, 'shared'))
    return peer
  }

  async close(): Promise<void> {
    this.#isClosed = true
    try {
      await Promise.all([...this.#peers.values()].map(peer => peer.kill()))
    } finally {
      process.off('exit', this.#onExit)
      if (this.#folder !== undefined) await rm(await this.#folder, { recursive: true, force: true })
    }
  }

  #throwIfClosed(): void {
    if (this.#isClosed) throw new Error('The network was closed while it started.')
  }

  #roundTripMs(peerId: string, other: string): number {
    return this.#init.roundTripMs(this.#numbers.get(peerId)!, this.#numbers.get(other)!)
  }
}

interface Waiting {
  resolve(value: never): void
  reject(error: Error): void
  readonly late: NodeJS.Timeout | undefined
}

class ProcessPeer implements RealPeer {
  readonly peerId: string
  address = ''
  onEnd: () => void = () => {}
  readonly #child: ChildProcess
  readonly #sockets: KernelSockets
  readonly #home: string
  readonly #ready = Promise.withResolvers<void>()
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0
  #said = ''
  #isOver = false

  constructor(
    peerId: string,
    [program, ...given]: readonly string[],
    home: string,
    configFile: string,
    sockets: KernelSockets
  ) {
    this.peerId = peerId
    this.#sockets = sockets
    this.#home = home
    // What this user has set for nodes of their own is for those.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(SERVENT|XDG)_/.test(name))
    )
    this.#child = spawn(program!, given, {
      cwd: home,
      env: { ...env, HOME: home, SERVENT_CONFIG: configFile },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Keys are bytes.
      serialization: 'advanced'
    })
    this.#ready.promise.catch(() => {})
    this.#child.stderr!.setEncoding('utf8').on('data', text => {
      this.#said = (this.#said + text).slice(-SAID_CHARACTERS_MAX)
    })
    this.#child.on('message', message => this.#hear(message as FromPeer))
    this.#child.once('error', error => this.#end(error))
    this.#child.once('exit', (code, signal) =>
      this.#end(new Error(`Its process ended (${signal ?? code}). ${this.#said.trim()}`))
    )
  }

  async ready(): Promise<void> {
    const late = setTimeout(
      () => this.#ready.reject(new Error(`It was not ready within ${READY_MS_MAX} ms.`)),
      READY_MS_MAX
    )
    try {
      await this.#ready.promise
    } finally {
      clearTimeout(late)
    }
  }

  tell(message: ToPeer): void {
    // Who dies meanwhile has nothing to learn.
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  share(folder: string): Promise<void> {
    return this.#ask('share', folder)
  }

  joined(): Promise<void> {
    return this.#ask('joined')
  }

  settled(): Promise<void> {
    return this.#ask('settled')
  }

  lookup(wanted: Wanted): Promise<LookupAnswer> {
    return this.#ask('lookup', wanted)
  }

  search(words: readonly string[], enough: number | null): Promise<SearchAnswer> {
    return this.#ask('search', words, enough)
  }

  async look({ withKernel = false }: LookOptions = {}): Promise<PeerLook> {
    const look = await this.#ask('look')
    return withKernel ? { ...look, kernelBytes: await this.#kernelBytes(look) } : look
  }

  cutOff(peerIds: readonly string[]): Promise<void> {
    return this.#ask('cutOff', peerIds)
  }

  killNow(): void {
    this.#child.kill('SIGKILL')
  }

  async kill(): Promise<void> {
    if (this.#isOver) return
    const gone = once(this.#child, 'exit')
    this.killNow()
    await gone
    await rm(this.#home, { recursive: true, force: true })
  }

  /** Who is not named has sent nothing, or has connections that are not seen: then nobody knows how much. */
  async #kernelBytes({ wire }: PeerLook): Promise<number | undefined> {
    const sent = await this.#sockets.sent()
    return sent && (sent.get(this.#child.pid!) ?? (wire?.openBytes === 0 ? 0 : undefined))
  }

  #ask<Act extends keyof Asks>(act: Act, ...given: Parameters<Asks[Act]>): ReturnType<Asks[Act]> {
    return new Promise((resolve, reject) => {
      const id = ++this.#asked
      if (this.#isOver) {
        reject(new Error('Its process has ended.'))
        return
      }
      const late = UNTIMED.has(act) ? undefined : setTimeout(() => this.#miss(id, act), ANSWER_MS_MAX)
      this.#waiting.set(id, { resolve, reject, late })
      this.tell({ type: 'ask', id, act, given })
    }) as ReturnType<Asks[Act]>
  }

  #take(id: number): Waiting | undefined {
    const asked = this.#waiting.get(id)
    clearTimeout(asked?.late)
    this.#waiting.delete(id)
    return asked
  }

  #miss(id: number, act: keyof Asks): void {
    this.#take(id)?.reject(
      new Error(`Its process gave no answer to "${act}" within ${ANSWER_MS_MAX} ms: it may be stopped.`)
    )
  }

  #hear(told: FromPeer): void {
    if (told.event === 'ready') {
      this.address = told.addresses[0]!
      this.#ready.resolve()
    } else if (told.event === 'error') this.#ready.reject(new Error(told.message))
    else {
      const asked = this.#take(told.id)
      if (told.event === 'answer') asked?.resolve(told.value as never)
      else asked?.reject(new Error(told.message))
    }
  }

  #end(error: Error): void {
    this.#isOver = true
    this.#ready.reject(error)
    for (const id of [...this.#waiting.keys()]) this.#take(id)!.reject(error)
    this.onEnd()
  }
}
