/** A fake node behind the real API in a temporary folder, and command lines run against it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readOrMakeToken } from '../src/api/secret.ts'
import type { Io } from '../src/cli/context.ts'
import { run } from '../src/cli/run.ts'
import { type Listening, listen } from '../src/daemon/listen.ts'
import { writeNotice } from '../src/daemon/notice.ts'
import { FakeNode, FILE_ID, fakeConfig } from './fake-node.ts'

/** Every verb that asks a running node. */
export const CLIENT_VERBS = [
  'stop',
  'status',
  'share song.mp3',
  'unshare song.mp3',
  'library',
  `ticket ${FILE_ID}`,
  'search banjo',
  'get 1',
  'browse miles',
  'whois miles',
  'hotlist',
  'hotlist add miles',
  'hotlist remove miles',
  'put greeting hello',
  'value greeting',
  'downloads',
  'uploads',
  'wish banjo',
  'wishes',
  'wishes 2',
  'unwish 2',
  'peers',
  'overlay',
  'overlay gnutella'
]

/** A folder in which no node ever ran, with one file to share. */
export async function emptyFolder(): Promise<{ empty: string; music: string }> {
  const empty = await mkdtemp(join(tmpdir(), 'servent-none-'))
  const music = join(empty, 'song.mp3')
  await writeFile(music, 'la')
  return { empty, music }
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  /** Lines of stdout as JSON. */
  readonly json: Record<string, never>[]
}

export class Fixture implements AsyncDisposable {
  readonly dataDir: string
  readonly node: FakeNode
  readonly token: string
  readonly api: Listening
  stops = 0
  readonly #events: Pick<FakeNode, 'shareEvents' | 'getEvents'>

  private constructor(dataDir: string, node: FakeNode, token: string, api: Listening) {
    this.dataDir = dataDir
    this.node = node
    this.#events = { shareEvents: node.shareEvents, getEvents: node.getEvents }
    this.token = token
    this.api = api
  }

  static async open(): Promise<Fixture> {
    const dataDir = await mkdtemp(join(tmpdir(), 'servent-app-'))
    const node = new FakeNode(await fakeConfig(dataDir))
    const token = await readOrMakeToken(dataDir)
    let fixture: Fixture | undefined
    const api = await listen({ node, version: '0.1.0', token, onStop: () => fixture!.stops++ })
    fixture = new Fixture(dataDir, node, token, api)
    await writeNotice(dataDir, {
      pid: process.pid,
      version: '0.1.0',
      url: api.url,
      startedMs: 0,
      ...(api.socket === undefined ? {} : { socket: api.socket })
    })
    return fixture
  }

  run(line: string | readonly string[], options: Parameters<typeof runLine>[1] = {}): Promise<Ran> {
    return runLine(['--data-dir', this.dataDir, ...words(line)], options)
  }

  /** Forgets what a test did with the node. */
  reset(): void {
    Object.assign(this.node, this.#events)
    this.node.failure = undefined
    this.node.waits = false
    this.node.calls.length = 0
    this.node.signals.length = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api.close()
    await rm(this.dataDir, { recursive: true, force: true })
  }
}

const words = (line: string | readonly string[]) =>
  typeof line === 'string' ? line.split(' ').filter(word => word !== '') : line

/** Runs a command line in this process. `columns` makes both streams a terminal of that width. */
export async function runLine(
  line: string | readonly string[],
  options: { columns?: number; env?: Record<string, string>; signal?: AbortSignal; cwd?: string } = {}
): Promise<Ran> {
  let out = ''
  let err = ''
  const terminal = options.columns === undefined ? {} : { isTTY: true, columns: options.columns }
  const io: Io = {
    stdout: {
      write(text) {
        out += text
      },
      ...terminal
    },
    stderr: {
      write(text) {
        err += text
      },
      ...terminal
    },
    env: options.env ?? {},
    cwd: options.cwd ?? '/',
    signal: options.signal ?? new AbortController().signal
  }
  const code = await run(words(line), io)
  return {
    code,
    out,
    err,
    get json() {
      return out
        .trimEnd()
        .split('\n')
        .map(text => JSON.parse(text))
    }
  }
}
