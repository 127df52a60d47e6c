/**
 * Eight real processes in a line: what a query reaches, what comes back, and how files are fetched from a
 * peer that is far away, that cannot be dialled, or that is the only one ever met.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Daemon, eventually, neighbours } from './harness.ts'

const LENGTH = 8
/**
 * Other overlays link peers that are far away in this one, and find and fetch by ways of their own; two tiers make no line
 * of equals.
 */
const GNUTELLA = ['--overlays', 'gnutella', '--set', 'gnutella.role=flat']
const CONTENT = randomBytes(3 * 1024 * 1024 + 12_345)
const SHA256 = createHash('sha256').update(CONTENT).digest('hex')
const NAME = 'Überlandleitung am Fluss.bin'

interface SeenQuery {
  readonly queryId: string
  readonly ttl: number
  readonly hops: number
  readonly from: string | null
  readonly forwardedTo: readonly string[]
}

let line: Daemon[] = []

async function queriesOf(daemon: Daemon): Promise<SeenQuery[]> {
  return (await daemon.json(['overlay', 'gnutella'])).queries
}

async function shareIn(daemon: Daemon, name: string, content: Uint8Array) {
  const folder = join(daemon.home, 'shared')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, name), content)
  return await daemon.json(['share', folder])
}

async function sha256Of(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}

describe('a line of eight', () => {
  beforeAll(async () => {
    for (let place = 0; place < LENGTH; place += 1) {
      const bootstrap = place === 0 ? [] : ['--bootstrap', line[place - 1]!.address]
      line.push(await Daemon.start({ flags: [...GNUTELLA, '--set', 'gnutella.neighbours=2', ...bootstrap] }))
      if (place > 0) await neighbours(line[place]!, 1)
    }
    for (const [place, daemon] of line.entries()) {
      await neighbours(daemon, place === 0 || place === LENGTH - 1 ? 1 : 2)
    }
    await shareIn(line.at(-1)!, NAME, CONTENT)
  }, 120_000)

  afterAll(async () => {
    for (const daemon of line) await daemon[Symbol.asyncDispose]()
    line = []
  }, 60_000)

  it('is a line: two neighbours each, one at the ends', async () => {
    for (const [place, daemon] of line.entries()) {
      const { neighbours: near } = await daemon.json(['overlay', 'gnutella'])
      const expected = [line[place - 1], line[place + 1]]
        .filter(peer => peer !== undefined)
        .map(peer => peer.ready.peerId)
      expect(near.map(({ peerId }: { peerId: string }) => peerId).sort()).toEqual(expected.sort())
    }
  })

  it('with TTL 7 a search finds the file seven links away; each query is forwarded once and never back', async () => {
    const ran = await line[0]!.run([
      '--json',
      'search',
      'uberlandleitung',
      'fluss',
      '--ttl',
      '7',
      '--timeout',
      '5',
      '--limit',
      '1'
    ])
    expect(ran.code, ran.err).toBe(0)
    const [hit] = ran.json
    expect(hit).toMatchObject({
      event: 'hit',
      name: NAME,
      size: CONTENT.length,
      overlay: 'gnutella',
      hops: 7,
      provider: line.at(-1)!.ready.peerId
    })
    const [own] = (await queriesOf(line[0]!)).filter(({ from }) => from === null).slice(-1)
    for (const [place, daemon] of line.entries()) {
      const seen = (await queriesOf(daemon)).filter(({ queryId }) => queryId === own!.queryId)
      expect(seen).toEqual([
        {
          queryId: own!.queryId,
          ttl: place === 0 ? 7 : 8 - place,
          hops: place === 0 ? 0 : place - 1,
          from: line[place - 1]?.ready.peerId ?? null,
          forwardedTo: place === LENGTH - 1 ? [] : [line[place + 1]!.ready.peerId]
        }
      ])
    }
  })

  it('with TTL 6 it does not', async () => {
    const ran = await line[0]!.run([
      '--json',
      'search',
      'uberlandleitung',
      'fluss',
      '--ttl',
      '6',
      '--timeout',
      '3'
    ])
    expect(ran.code).toBe(3)
    expect(ran.json.at(-1)).toMatchObject({ event: 'done', hits: 0, files: 0 })
  })

  it('get fetches it with the same bytes', async () => {
    await line[0]!.json(['search', 'uberlandleitung', '--timeout', '5', '--limit', '1'])
    const done = await line[0]!.json(['get', '1'])
    expect(done).toMatchObject({ event: 'done', bytes: CONTENT.length, sources: 1 })
    expect(await sha256Of(done.path)).toBe(SHA256)
  })
})

it('a sharer that nobody can dial is fetched from by Push', async () => {
  // One place each, so that the sharer and the fetcher have no link, and no connection, of their own.
  const end = [...GNUTELLA, '--set', 'gnutella.neighbours=1']
  await using middle = await Daemon.start({ flags: [...GNUTELLA, '--set', 'gnutella.neighbours=2'] })
  const meet = ['--bootstrap', middle.address, ...end]
  await using sharer = await Daemon.start({ flags: ['--no-inbound', ...meet] })
  await using fetcher = await Daemon.start({ flags: meet })
  await neighbours(middle, 2)
  await shareIn(sharer, 'behind the wall.bin', CONTENT)
  await fetcher.json(['search', 'behind', 'wall', '--timeout', '5', '--limit', '1'])
  const known = async () =>
    (await fetcher.json(['peers'])).peers.map(({ peerId }: { peerId: string }) => peerId)
  expect(await known()).toEqual([middle.ready.peerId])
  const done = await fetcher.json(['get', '1'])
  expect(await sha256Of(done.path)).toBe(SHA256)
  const calls = async (daemon: Daemon) => (await daemon.json(['overlay', 'gnutella'])).counters
  expect((await calls(sharer)).callsMade).toBeGreaterThan(0)
  expect((await calls(fetcher)).callsTaken).toBeGreaterThan(0)
  const { peers } = await sharer.json(['peers'])
  expect(peers.map(({ direction }: { direction: string }) => direction)).toEqual(['outbound', 'outbound'])
}, 60_000)

it('a ticket fetches from a machine that knows no other peer', async () => {
  await using sharer = await Daemon.start()
  await using stranger = await Daemon.start()
  const { ticket } = await shareIn(sharer, 'one file.bin', CONTENT)
  expect((await stranger.json(['peers'])).peers).toEqual([])
  const done = await stranger.json(['get', ticket])
  expect(await sha256Of(done.path)).toBe(SHA256)
  await eventually(
    async () => (await sharer.json(['uploads'])).uploads !== undefined,
    'the sharer tells of its uploads'
  )
}, 60_000)
