/**
 * Real processes: an introducer, and three nodes that know nothing but its URL. The third finds a file of the first.
 * The introducer is killed and nobody minds; a new one on its folder knows them still.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Daemon, eventually, neighbours, SERVENT } from './harness.ts'

interface Listening {
  readonly event: string
  readonly peerId: string
  readonly port: number
  readonly url: string
  readonly peers: number
}

interface Introducer {
  readonly process: ChildProcess
  readonly listening: Listening
  /** Lines of JSON so far. */
  events(): Record<string, unknown>[]
}

const CONTENT = randomBytes(345_678)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

let home: string
let introducer: Introducer
const nodes: Daemon[] = []

async function startIntroducer(port = 0): Promise<Introducer> {
  const [program, ...given] = SERVENT
  const flags = ['--data-dir', join(home, 'introducer'), '--host', '127.0.0.1', '--port', `${port}`, '--json']
  const child = spawn(program!, [...given, 'introducer', ...flags], {
    env: { HOME: home, PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  let text = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  const events = () =>
    text
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line) as Record<string, unknown>)
  const listening = await eventually(async () => events()[0], 'the introducer listens', 30_000)
  return { process: child, listening: listening as unknown as Listening, events }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const ended = once(child, 'exit') as Promise<[number | null]>
  child.kill(signal)
  return (await ended)[0]
}

/** With nothing but the URL: the harness keeps it from asking the local network. */
async function newcomer(): Promise<Daemon> {
  const daemon = await Daemon.start({ flags: ['--introducer', introducer.listening.url] })
  nodes.push(daemon)
  return daemon
}

const listed = async (): Promise<number> => {
  const answer = await fetch(`http://127.0.0.1:${introducer.listening.port}/health`)
  return ((await answer.json()) as { peers: number }).peers
}

describe('an introducer', () => {
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'servent-e2e-introducer-'))
    introducer = await startIntroducer()
  }, 40_000)

  afterAll(async () => {
    for (const daemon of nodes) await daemon[Symbol.asyncDispose]()
    await end(introducer.process, 'SIGKILL')
    await rm(home, { recursive: true, force: true })
  }, 60_000)

  it('is all that three newcomers need: the third finds and fetches a file of the first', async () => {
    expect(introducer.listening.url).toBe(
      `http://127.0.0.1:${introducer.listening.port}/#${introducer.listening.peerId}`
    )
    const first = await newcomer()
    const path = join(first.home, 'hurdy gurdy on the pier.bin')
    await writeFile(path, CONTENT)
    const shared = await first.json(['share', path])
    await eventually(async () => (await listed()) === 1, 'the first is listed', 20_000)
    await newcomer()
    const third = await newcomer()
    for (const daemon of nodes) {
      await neighbours(daemon, 1)
      await neighbours(daemon, 1, 'chord')
    }
    const hits = (await third.run(['--json', 'search', 'hurdy', 'gurdy', '--limit', '1'])).json
    expect(hits[0]).toMatchObject({ event: 'hit', id: shared.ids[0], provider: first.ready.peerId })
    const done = await third.json(['get', '1'])
    expect(sha256(await readFile(done.path))).toBe(sha256(CONTENT))

    await eventually(async () => (await listed()) === 3, 'all three are listed', 20_000)
    const announced = introducer.events().filter(({ event }) => event === 'announced')
    expect(new Set(announced.map(({ peerId }) => peerId))).toEqual(
      new Set(nodes.map(({ ready }) => ready.peerId))
    )
    const { introducers } = await third.json(['status'])
    expect(introducers).toMatchObject([{ listed: [third.address.split('/p2p/')[0]] }])
    expect((await third.run(['status'])).out).toMatch(/Introducers {2}http:\/\/127.*lists this node/)
  }, 90_000)

  it('is killed: the nodes go on, and one that starts again meets them none the less', async () => {
    const { port, peerId } = introducer.listening
    await end(introducer.process, 'SIGKILL')
    const [first, second, third] = nodes as [Daemon, Daemon, Daemon]
    expect((await second.run(['--json', 'search', 'hurdy', 'gurdy', '--limit', '1'])).json[0]).toMatchObject({
      event: 'hit',
      provider: first.ready.peerId
    })
    await third.end()
    const back = await Daemon.start({ home: third.home, flags: ['--introducer', introducer.listening.url] })
    nodes.push(back)
    await neighbours(back, 1)
    expect((await back.json(['status'])).introducers[0].why).toContain('ECONNREFUSED')

    introducer = await startIntroducer(port)
    expect(introducer.listening).toMatchObject({ peerId })
    // The third said goodbye before it stopped: nobody was there to hear it.
    expect(introducer.listening.peers).toBe(3)
  }, 90_000)

  it('ends in order at SIGTERM', async () => {
    expect(await end(introducer.process, 'SIGTERM')).toBe(0)
    expect(introducer.events().at(-1)).toEqual({ event: 'done' })
  })
})
