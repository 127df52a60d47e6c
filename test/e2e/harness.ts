/**
 * Real daemons for end-to-end tests: each a process of the built program with a temporary folder of its own,
 * on free ports of loopback, meeting others by bootstrap addresses alone. They are ended by their pid.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const LAUNCHER = join(ROOT, 'apps/servent/bin/servent.mjs')
/** A loaded machine starts a node in several times the second that it takes. */
const READY_MS_MAX = 30_000
const END_MS_MAX = 20_000

/** The built program, as a command. */
export const SERVENT: readonly string[] = [process.execPath, LAUNCHER]

/** The first line of `start --foreground --json`. */
export interface Ready {
  readonly event: 'ready'
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly api: { readonly url: string; readonly tokenFile: string; readonly socket?: string }
  readonly overlays: readonly string[]
  readonly pid: number
  readonly log: string
}

export interface Ran {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
  /** Every line of stdout as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever shape the verb promises
  readonly json: any[]
}

export interface RunOptions {
  readonly command?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Called with the process, so that a test can send it signals. */
  readonly onProcess?: (child: ChildProcess) => void
}

/** An environment in which nothing of this user's is found. */
function environment(home: string, env: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { HOME: home, PATH: process.env.PATH ?? '', ...env }
}

/** Runs a command line to its end. */
export async function run(home: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [program, ...given] = options.command ?? SERVENT
  const child = spawn(program!, [...given, ...args], {
    env: environment(home, options.env),
    cwd: options.cwd ?? home,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  options.onProcess?.(child)
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    err += text
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return {
    code,
    signal,
    out,
    err,
    get json() {
      return out
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line))
    }
  }
}

export interface DaemonOptions {
  readonly command?: readonly string[]
  /** Flags of `start` beside those that keep it on loopback. */
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Folder of a daemon that ran before; it is kept at the end. */
  readonly home?: string
  /** Ends one that is not ready yet. */
  readonly signal?: AbortSignal
}

export class Daemon implements AsyncDisposable {
  /** Its HOME, and the place of everything that it writes. */
  readonly home: string
  readonly dataDir: string
  readonly ready: Ready
  readonly process: ChildProcess
  readonly #options: DaemonOptions

  private constructor(
    home: string,
    dataDir: string,
    ready: Ready,
    child: ChildProcess,
    options: DaemonOptions
  ) {
    this.home = home
    this.dataDir = dataDir
    this.ready = ready
    this.process = child
    this.#options = options
  }

  /** Starts one and waits until it says that it is ready. */
  static async start(options: DaemonOptions = {}): Promise<Daemon> {
    const home = options.home ?? (await mkdtemp(join(tmpdir(), 'servent-e2e-')))
    const dataDir = join(home, 'data')
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const [program, ...given] = options.command ?? SERVENT
    const args = ['--data-dir', dataDir, '--json', 'start', '--foreground', ...quiet(options.flags ?? [])]
    const child = spawn(program!, [...given, ...args], {
      env: environment(home, options.env),
      cwd: home,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      said += text
    })
    // Whatever ends this process, it leaves no daemon behind.
    const kill = () => void child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.off('exit', kill))
    options.signal?.addEventListener('abort', kill, { once: true })
    const closed = once(child, 'close')
    try {
      const ready = JSON.parse(await firstLine(child)) as Ready | { event: 'error'; message: string }
      if (ready.event === 'ready') return new Daemon(home, dataDir, ready, child, options)
      throw Object.assign(new Error(ready.message), { problem: ready })
    } catch (error) {
      kill()
      await closed
      const log = await readLog(join(dataDir, 'log', 'servent.log'))
      if (options.home === undefined) await rm(home, { recursive: true, force: true })
      throw Object.assign(error as Error, {
        message: `${(error as Error).message}\n${said}\n${log}`.trimEnd()
      })
    }
  }

  get pid(): number {
    return this.process.pid!
  }

  /** An address that others can be given by `--bootstrap`. */
  get address(): string {
    return this.ready.addresses[0]!
  }

  /** A command line against this daemon. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const { command, env } = this.#options
    return run(this.home, ['--data-dir', this.dataDir, ...args], {
      ...(command === undefined ? {} : { command }),
      ...(env === undefined ? {} : { env }),
      ...options
    })
  }

  /** The last object of a command line's JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever shape the verb promises
  async json(args: readonly string[]): Promise<any> {
    const ran = await this.run(['--json', ...args])
    if (ran.code !== 0) throw new Error(`servent ${args.join(' ')} gave ${ran.code}: ${ran.out}${ran.err}`)
    return ran.json.at(-1)
  }

  /** A request to the API, with the token. */
  async api(path: string, init: RequestInit = {}): Promise<Response> {
    const token = (await readFile(this.ready.api.tokenFile, 'utf8')).trim()
    return fetch(`${this.ready.api.url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, ...init.headers }
    })
  }

  log(): Promise<string> {
    return readLog(this.ready.log)
  }

  /** Sends a signal and waits for the end. Gives the exit code, nothing after a kill. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const { exitCode, signalCode } = this.process
    if (exitCode !== null || signalCode !== null) return exitCode
    const ended = once(this.process, 'exit') as Promise<[number | null]>
    this.process.kill(signal)
    const late = setTimeout(() => this.process.kill('SIGKILL'), END_MS_MAX)
    const [code] = await ended
    clearTimeout(late)
    return code
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
    if (this.#options.home === undefined) await rm(this.home, { recursive: true, force: true })
  }
}

/** Free ports, loopback, and no discovery but the addresses that are given; later flags of a kind win. */
function quiet(flags: readonly string[]): string[] {
  const defaults = { '--listen': '/ip4/127.0.0.1/tcp/0', '--discovery': 'bootstrap', '--api': '127.0.0.1:0' }
  const missing = Object.entries(defaults).filter(([flag]) => !flags.includes(flag))
  return [...missing.flat(), ...flags]
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const late = setTimeout(
      () => reject(new Error(`The daemon was not ready within ${READY_MS_MAX} ms.`)),
      READY_MS_MAX
    )
    child.stdout!.setEncoding('utf8').on('data', chunk => {
      text += chunk
      const end = text.indexOf('\n')
      if (end === -1) return
      clearTimeout(late)
      resolve(text.slice(0, end))
    })
    child.once('error', reject)
    child.once('close', code => {
      clearTimeout(late)
      reject(new Error(`The daemon ended with ${code} before it was ready.`))
    })
  })
}

async function readLog(path: string): Promise<string> {
  return existsSync(path) ? await readFile(path, 'utf8') : ''
}

/** Waits until `look` gives something that is not undefined or false. */
export async function eventually<T>(
  look: () => Promise<T | undefined | false>,
  what: string,
  withinMs = 15_000
): Promise<T> {
  const deadlineMs = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadlineMs)
      throw new Error(`It did not come about within ${withinMs} ms that ${what}.`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** The daemon has this many neighbours in its overlay at least. */
export function neighbours(daemon: Daemon, count: number, overlay = 'gnutella'): Promise<true> {
  return eventually(async () => {
    const snapshot = await (await daemon.api(`/v1/overlays/${overlay}`)).json()
    return (snapshot as { neighbours: unknown[] }).neighbours.length >= count || undefined
  }, `${daemon.ready.peerId} has ${count} neighbours on ${overlay}`)
}
