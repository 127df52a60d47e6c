/**
 * Napster servers and their users as real processes: they search, look at what one shares, fetch, and move to another
 * server with all that they share when theirs is killed with kill -9.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Daemon, eventually } from './harness.ts'

const SERVER = ['--overlays', 'napster,napster-server']
const CONTENT = randomBytes(1_500_000)
const NAMES = ['All Blues.mp3', 'Freddie Freeloader.mp3', 'So What.mp3']
/** A user whose server is gone tries the next within seconds, and announces there. */
const MOVE_MS_MAX = 30_000

let server: Daemon
let second: Daemon
let sharer: Daemon
let seeker: Daemon

async function tables(daemon: Daemon): Promise<Record<string, unknown>> {
  return (await (await daemon.api('/v1/overlays/napster')).json()) as Record<string, unknown>
}

/** Logged in there, and all that it shares is known there. */
function isAt(daemon: Daemon, home: Daemon, files: number): Promise<true> {
  return eventually(
    async () => {
      const { server: peerId, announced } = await tables(daemon)
      return peerId === home.ready.peerId && (announced as { files: number }).files === files
    },
    `${daemon.ready.peerId} is at ${home.ready.peerId} with ${files} files`,
    MOVE_MS_MAX
  )
}

const startUser = (nick: string) => {
  const servers = [server, second].map(({ address }) => address).join(',')
  const set = [`napster.servers=${servers}`, `napster.nick=${nick}`, 'napster.link-speed=8']
  return Daemon.start({ flags: ['--overlays', 'napster', ...set.flatMap(setting => ['--set', setting])] })
}

describe('a server and its users', () => {
  beforeAll(async () => {
    server = await Daemon.start({ flags: [...SERVER, '--set', 'napster.motd=Be kind.'] })
    // Its address is known to all, and nobody is there yet: everybody meets at the first.
    second = await Daemon.start({ flags: SERVER })
    await second.end()
    sharer = await startUser('miles')
    seeker = await startUser('trane')
    const music = join(sharer.home, 'Music')
    await mkdir(music)
    for (const [index, name] of NAMES.entries()) await writeFile(join(music, name), CONTENT.subarray(index))
    await sharer.json(['share', music])
    await isAt(sharer, server, NAMES.length)
    await isAt(seeker, server, 0)
  }, 60_000)

  afterAll(async () => {
    for (const daemon of [seeker, sharer, second, server]) await daemon?.[Symbol.asyncDispose]()
  }, 60_000)

  it('find and fetch', async () => {
    const found = await seeker.run(['search', 'blues', '--overlay', 'napster'])
    expect(found.code).toBe(0)
    expect(found.out).toMatch(/^1 +All Blues\.mp3 .* napster /m)
    const done = await seeker.json(['get', '1'])
    expect(done).toMatchObject({ event: 'done', bytes: CONTENT.length, sources: 1 })
    expect(Buffer.compare(await readFile(done.path), CONTENT)).toBe(0)
    const none = await seeker.run(['search', 'xylophone', '--overlay', 'napster'])
    expect(none.code).toBe(3)
    expect(none.err).toContain('why:   no peer that napster reached has a file with all these words')
  }, 30_000)

  it('look at what one of them shares, and fetch a row of it', async () => {
    const shown = await seeker.run(['browse', 'miles'])
    expect(shown.code).toBe(0)
    for (const name of NAMES) expect(shown.out).toContain(name)
    expect(shown.err).toContain('miles shares 3 files.')
    const events = (await seeker.run(['--json', 'browse', sharer.ready.peerId])).json as never as {
      row: number
      name: string
    }[]
    const row = events.find(({ name }) => name === 'So What.mp3')!.row
    const done = await seeker.json(['get', String(row)])
    expect(Buffer.compare(await readFile(done.path), CONTENT.subarray(2))).toBe(0)
    const nobody = await seeker.run(['browse', 'nobody'])
    expect(nobody).toMatchObject({ code: 3, out: '' })
    expect(nobody.err).toMatch(/^error: User nobody is not currently online\.\ntry: {3}/)
  }, 30_000)

  it('ask who somebody is, and watch them come and go', async () => {
    const who = await seeker.run(['whois', 'miles'])
    expect(who.code).toBe(0)
    expect(who.out).toMatch(/^Shares +3 files$/m)
    expect(who.out).toMatch(/^Link +DSL, as they say$/m)
    expect((await seeker.run(['whois', 'nobody'])).code).toBe(3)
    expect((await seeker.run(['hotlist', 'add', 'miles'])).code).toBe(0)
    await eventually(
      async () => /^miles +online/m.test((await seeker.run(['hotlist'])).out),
      'miles is online'
    )
    expect((await seeker.run(['status'])).out).toMatch(/^Hotlist +miles online for/m)
    expect((await seeker.run(['hotlist', 'add', 'two words'])).code).toBe(2)
  }, 30_000)

  it('show their tables', async () => {
    const shown = await seeker.run(['overlay', 'napster'])
    expect(shown.out).toMatch(/^napster: running, 1 neighbour, announced 0 of 0 files$/m)
    expect(shown.out).toMatch(/^motd +Be kind\.$/m)
    expect(shown.out).toMatch(/^nick +trane$/m)
    const served = await server.run(['overlay', 'napster'])
    expect(served.out).toMatch(/^role +server$/m)
    expect(served.out).toMatch(/^files +3$/m)
  })

  it('move to another server when theirs is killed, with all that they share', async () => {
    const { home, address } = second
    const listen = address.replace(/\/p2p\/.*$/, '')
    second = await Daemon.start({ home, flags: [...SERVER, '--listen', listen] })
    await server.end('SIGKILL')
    await isAt(sharer, second, NAMES.length)
    await isAt(seeker, second, 0)
    const found = await seeker.json(['search', 'freddie', '--overlay', 'napster'])
    expect(found).toMatchObject({ event: 'done', hits: 1 })
    const done = await seeker.json(['get', '1'])
    expect(Buffer.compare(await readFile(done.path), CONTENT.subarray(1))).toBe(0)
    // The hotlist went with its user.
    await eventually(
      async () => /^miles +online/m.test((await seeker.run(['hotlist'])).out),
      'miles is online'
    )
    await sharer.end()
    await eventually(
      async () => /^miles +offline/m.test((await seeker.run(['hotlist'])).out),
      'miles is gone'
    )
    expect((await seeker.run(['search', 'freddie', '--overlay', 'napster'])).code).toBe(3)
  }, 90_000)
})

it('a user without a server is told what to try', async () => {
  await using alone = await Daemon.start({ flags: ['--overlays', 'napster'] })
  const [searched, browsed, asked] = await Promise.all([
    alone.run(['search', 'banjo']),
    alone.run(['browse', 'miles']),
    alone.run(['whois', 'miles'])
  ])
  expect(searched).toMatchObject({ code: 3, out: '' })
  expect(searched.err).toContain(
    'why:   No server is known: name one in the settings.\ntry:   servent peers, servent doctor'
  )
  for (const ran of [browsed, asked]) {
    expect(ran).toMatchObject({ code: 4, out: '' })
    expect(ran.err).toContain(
      'name one by --set napster.servers=MULTIADDR, or run one: servent start --overlays napster,napster-server'
    )
  }
  const { checks } = (await alone.run(['doctor', '--json'])).json[0]
  expect(checks).toContainEqual({
    name: 'overlay napster',
    ok: true,
    message: expect.stringContaining('name a server by --set napster.servers=MULTIADDR')
  })
}, 60_000)

it('a server whose database cannot be reached says so, and the rest of the node runs', async () => {
  const set = ['napster.index=postgres', 'napster.database=postgres://nobody@127.0.0.1:1/none']
  const flags = ['--overlays', 'gnutella,napster,napster-server', ...set.flatMap(one => ['--set', one])]
  await using node = await Daemon.start({ flags })
  const { overlays } = await node.json(['status'])
  expect(overlays).toMatchObject([
    { name: 'gnutella', state: 'running' },
    { name: 'napster', state: 'running', reason: expect.stringMatching(/^The index is away: .*PostgreSQL/) }
  ])
  expect((await node.run(['search', 'banjo', '--timeout', '0.2'])).code).toBe(3)
}, 60_000)
