/** A Napster server and its users as real nodes over TCP: what they ask of each other, and what they keep. */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { DatabaseProxy } from '../../keyword-index/test/database-proxy.ts'
import { PgliteServer } from '../../keyword-index/test/pglite-server.ts'
import type { ServentNode } from '../src/index.ts'
import { all, folder, last, noise, type StartOptions, sha256, startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

const startServer = (options: StartOptions = {}) =>
  startNode({ ...options, flags: { overlays: 'napster,napster-server', ...options.flags } })

function startUser(server: ServentNode, nick: string, options: StartOptions = {}): Promise<ServentNode> {
  const set = [`napster.servers=${server.addresses()[0]}`, `napster.nick=${nick}`, ...(options.set ?? [])]
  return startNode({ ...options, flags: { overlays: 'napster', ...options.flags }, set })
}

const table = (node: ServentNode) => node.overlay('napster')! as unknown as Record<string, unknown>

async function loggedIn(...nodes: readonly ServentNode[]): Promise<void> {
  await expect
    .poll(() => nodes.every(node => typeof table(node).server === 'string'), { timeout: 10_000 })
    .toBe(true)
}

/** Shares files of these names, each with a content of its own, and waits until the server has them. */
async function sharing(node: ServentNode, ...names: readonly string[]): Promise<string> {
  const music = join(await folder('music'), 'Music')
  await mkdir(music)
  for (const [index, name] of names.entries()) await writeFile(join(music, name), noise(90_000, index + 1))
  await last(node.share(music))
  await expect
    .poll(() => table(node).announced, { timeout: 10_000 })
    .toEqual({ files: names.length, of: names.length })
  return music
}

describe('users of one server', () => {
  test.each(['memory', 'sqlite'])('search and fetch, with the index in %s', async index => {
    const server = await startServer({ set: [`napster.index=${index}`, 'napster.motd=Be kind.'] })
    const [one, two] = [await startUser(server, 'miles'), await startUser(server, 'trane')]
    const music = await sharing(one, 'So What.mp3', 'Blue in Green.mp3')
    await loggedIn(two)
    const done = await last(two.search({ text: 'blue green', overlays: ['napster'] }))
    expect(done).toMatchObject({ hits: 1, files: 1, overlays: [{ name: 'napster', hits: 1 }] })
    expect(done.overlays[0]).not.toHaveProperty('unanswered')
    expect(done.overlays[0]).not.toHaveProperty('reason')
    const got = await last(two.get('1'))
    expect(await sha256(got.path)).toBe(await sha256(join(music, 'Blue in Green.mp3')))
    expect(table(two)).toMatchObject({ role: 'client', server: server.peerId, motd: ['Be kind.'] })
    expect(table(server)).toMatchObject({ role: 'server', users: 3, files: 2 })
  })

  test('find by the speed of the sharer’s link', async () => {
    const server = await startServer()
    const fast = await startUser(server, 'miles', { set: ['napster.link-speed=9'] })
    const slow = await startUser(server, 'bill', { set: ['napster.link-speed=2'] })
    await sharing(fast, 'So What.mp3')
    await sharing(slow, 'So What.mp3', 'What Is This Thing.mp3')
    const two = await startUser(server, 'trane')
    await loggedIn(two)
    const found = async (minLinkSpeed?: number) =>
      (await all(two.search({ text: 'what', ...(minLinkSpeed !== undefined && { minLinkSpeed }) }))).at(-1)
    expect(await found()).toMatchObject({ hits: 3, files: 2 })
    expect(await found(2)).toMatchObject({ hits: 3, files: 2 })
    expect(await found(3)).toMatchObject({ hits: 1, files: 1 })
    expect(await found(10)).toMatchObject({ hits: 0, files: 0 })
  })

  test('see what one of them shares, by nick and by PeerId, and fetch a row of it', async () => {
    const server = await startServer()
    const [one, two] = [await startUser(server, 'miles'), await startUser(server, 'trane')]
    const music = await sharing(one, 'So What.mp3', 'Blue in Green.mp3', 'Flamenco Sketches.mp3')
    await loggedIn(two)
    const events = await all(two.browse('Miles'))
    expect(events.at(-1)).toEqual({ event: 'done', user: 'Miles', files: 3, overlay: 'napster' })
    expect(events.slice(0, 3)).toMatchObject(
      [1, 2, 3].map(row => ({ event: 'hit', row, provider: one.peerId }))
    )
    expect(two.lastSearch().map(({ row }) => row)).toEqual([1, 2, 3])
    const third = two.lastSearch()[2]!
    const got = await last(two.get('3'))
    expect(await sha256(got.path)).toBe(await sha256(join(music, third.name)))
    expect(await last(two.browse(one.peerId))).toMatchObject({ files: 3 })
    // A server's own user shares nothing and is there.
    expect(await last(one.browse(server.peerId))).toMatchObject({ files: 0 })
    await expect(last(two.browse('nobody'))).rejects.toMatchObject({
      name: 'NobodyError',
      message: 'User nobody is not currently online.'
    })
  })

  test('ask who somebody is, and hear who comes and goes, over a restart, too', async () => {
    const server = await startServer()
    const dataDir = await folder()
    const before = await startUser(server, 'trane', { dataDir })
    await loggedIn(before)
    expect(before.hotlist.list()).toEqual([])
    expect(before.status()).not.toHaveProperty('hotlist')
    expect(before.hotlist.add('miles')).toEqual({ nick: 'miles', state: 'offline' })
    const one = await startUser(server, 'miles', { set: ['napster.link-speed=9'] })
    const online = { nick: 'miles', state: 'online', sinceMs: expect.any(Number), linkSpeed: 9 }
    await expect.poll(() => before.hotlist.list(), { timeout: 10_000 }).toEqual([online])
    expect(before.status().hotlist).toEqual([online])
    expect(await before.whois('MILES')).toMatchObject({
      nick: 'miles',
      online: true,
      linkSpeed: 9,
      shared: 0,
      server: server.peerId
    })
    await expect(before.whois('nobody')).rejects.toMatchObject({
      name: 'NobodyError',
      message: `The server ${server.peerId} knows nobody of the nick "nobody".`
    })
    await before.stop()
    expect(before.hotlist).toBeDefined()

    const after = await startUser(server, 'trane', { dataDir })
    await expect.poll(() => after.hotlist.list(), { timeout: 10_000 }).toEqual([online])
    await one.stop()
    await expect
      .poll(() => after.hotlist.list(), { timeout: 10_000 })
      .toEqual([{ nick: 'miles', state: 'offline', sinceMs: expect.any(Number) }])
    expect(await after.whois('miles')).toMatchObject({ online: false, seenAt: expect.any(Number) })
    after.hotlist.remove('Miles')
    expect(table(after).hotlist).toEqual([])
    expect(() => after.hotlist.remove('miles')).toThrow('miles is not on the hotlist.')
  })

  test('fetch from one who takes no calls, by asking for a call', async () => {
    const server = await startServer()
    const shut = await startUser(server, 'miles', {
      flags: { overlays: 'napster', noInbound: true, relay: 'off' }
    })
    const two = await startUser(server, 'trane')
    const music = await sharing(shut, 'So What.mp3')
    await loggedIn(two)
    await last(two.search({ text: 'what' }))
    expect(two.peers().some(({ peerId }) => peerId === shut.peerId)).toBe(false)
    const got = await last(two.get('1'))
    expect(await sha256(got.path)).toBe(await sha256(join(music, 'So What.mp3')))
    expect(two.peers().filter(({ peerId }) => peerId === shut.peerId)).toMatchObject([
      { direction: 'inbound' }
    ])
    expect(table(two).counters).toMatchObject({ callsTaken: 1 })
  })

  test('are counted by the server while they fetch and give', async () => {
    const server = await startServer()
    const slow = { overlays: 'napster', maxUploadRate: 512 * 1024 }
    const one = await startUser(server, 'miles', { flags: slow })
    const two = await startUser(server, 'trane')
    const path = join(await folder('music'), 'So What.mp3')
    await writeFile(path, noise(4 * 2 ** 20, 1))
    await last(one.share(path))
    await loggedIn(two)
    await expect.poll(() => table(one).announced, { timeout: 10_000 }).toEqual({ files: 1, of: 1 })
    await last(two.search({ text: 'what' }))
    const counted = async () => [
      (await server.whois('miles')).uploads,
      (await server.whois('trane')).downloads
    ]
    const fetched = last(two.get('1'))
    await expect.poll(counted, { timeout: 7_000, interval: 300 }).toEqual([1, 1])
    await fetched
    await expect.poll(counted, { timeout: 7_000, interval: 300 }).toEqual([0, 0])
  }, 40_000)

  test('ping those who have a file before one of them is asked for it', async () => {
    const server = await startServer()
    const sharers = [await startUser(server, 'miles'), await startUser(server, 'bill')]
    for (const sharer of sharers) await sharing(sharer, 'So What.mp3')
    const two = await startUser(server, 'trane')
    await loggedIn(two)
    await last(two.search({ text: 'what' }))
    expect(two.lastSearch()[0]!.providers).toHaveLength(2)
    const pings = () =>
      sharers.map(sharer => (table(sharer).counters as Record<string, number>).pingsAnswered ?? 0)
    expect(pings()).toEqual([0, 0])
    expect(await last(two.get('1'))).toMatchObject({ bytes: 90_000 })
    expect(pings()).toEqual([1, 1])
  })
})

test('a search says which servers did not answer', async () => {
  const one = await startServer()
  const two = await startServer({ set: [`napster.servers=${one.addresses()[0]}`] })
  const user = await startUser(two, 'trane')
  await loggedIn(user)
  const mesh = () => (table(two).neighbours as { role: string }[]).some(({ role }) => role === 'mesh')
  await expect.poll(mesh, { timeout: 10_000 }).toBe(true)
  await one.stop()
  const done = await last(user.search({ text: 'anything' }))
  expect(done.overlays).toMatchObject([{ name: 'napster', hits: 0, unanswered: [one.peerId] }])
})

describe('a node without a server', () => {
  test('says so, and what to try', async () => {
    const alone = await startNode({ flags: { overlays: 'napster,gnutella,fasttrack' } })
    const done = await last(alone.search({ text: 'banjo', timeoutMs: 200 }))
    expect(done.overlays).toMatchObject([
      { name: 'napster', status: 'nobody', reason: expect.stringContaining('No server is known') },
      { name: 'gnutella', status: 'nobody', hits: 0 },
      { name: 'fasttrack', status: 'nobody', hits: 0 }
    ])
    await expect(last(alone.browse('miles'))).rejects.toMatchObject({ name: 'ServerError' })
    await expect(alone.whois('miles')).rejects.toMatchObject({
      name: 'ServerError',
      message: 'This node is logged in at no server: no server is known.'
    })
    expect(alone.hotlist.add('miles')).toEqual({ nick: 'miles', state: 'unknown' })
  })

  test('or without Napster says that', async () => {
    const node = await startNode()
    const refusal = { name: 'NotFoundError', message: expect.stringContaining('takes no part in Napster') }
    await expect(last(node.browse('miles'))).rejects.toMatchObject(refusal)
    await expect(node.whois('miles')).rejects.toMatchObject(refusal)
    expect(() => node.hotlist.add('miles')).toThrow('takes no part in Napster')
    expect(node.hotlist.list()).toEqual([])
    await node.stop()
    await expect(node.whois('miles')).rejects.toMatchObject({ name: 'NotRunningError' })
  })
})

describe('an index in PostgreSQL that is away', () => {
  const startWith = (database: string) =>
    startServer({
      flags: { overlays: 'gnutella,napster,napster-server' },
      set: ['napster.index=postgres', `napster.database=${database}`]
    })

  test('keeps nobody out: shares are acknowledged once it is there, and until then status and doctor say so', async () => {
    const database = await PgliteServer.start()
    const proxy = await DatabaseProxy.start(database.url)
    try {
      await proxy.down()
      const server = await startWith(proxy.url)
      const why =
        /^The index is away: shares are acknowledged later, .* PostgreSQL\. .*ECONNREFUSED.* Check napster\.database/
      await expect
        .poll(() => server.status().overlays)
        .toMatchObject([
          { name: 'gnutella', state: 'running' },
          { name: 'napster', state: 'running', reason: expect.stringMatching(why) }
        ])
      expect(await server.doctor()).toContainEqual({
        name: 'overlay napster',
        ok: false,
        message: expect.stringMatching(/^It runs as a server\. The index is away: /),
        try: expect.stringContaining('it is tried again by itself')
      })
      const user = await startUser(server, 'trane')
      await loggedIn(user)
      expect(table(user).motd).toEqual([expect.stringContaining('acknowledged later')])
      const music = join(await folder('music'), 'Music')
      await mkdir(music)
      await writeFile(join(music, 'banjo.mp3'), noise(90_000, 1))
      await last(user.share(music))
      const refused = () => (table(user).counters as Record<string, number>).batchesRefused
      await expect.poll(refused, { timeout: 10_000 }).toBeGreaterThan(0)
      expect(table(user).announced).toEqual({ files: 0, of: 1 })
      await proxy.up()
      await expect.poll(() => table(user).announced, { timeout: 20_000 }).toEqual({ files: 1, of: 1 })
      expect(server.status().overlays[1]).not.toHaveProperty('reason')
      expect((await last(server.search({ text: 'banjo', timeoutMs: 2_000 }))).files).toBe(1)
      await server.stop()
    } finally {
      await proxy.stop()
      await database.stop()
    }
  }, 60_000)

  test('says nothing of where it is: a password may stand there', async () => {
    const server = await startWith('postgres://nobody:secret@127.0.0.1:1/none')
    const { reason } = server.status().overlays[1]!
    expect(reason).toContain('It cannot be opened in PostgreSQL.')
    expect(JSON.stringify([server.status(), await server.doctor()])).not.toContain('secret')
  })
})

test.each([
  ['leaf', 'leaf'],
  ['ultrapeer', 'ultrapeer'],
  ['flat', undefined]
])('gnutella.role=%s reaches the overlay', async (role, tier) => {
  const node = await startNode({ set: [`gnutella.role=${role}`] })
  const { tiers } = node.overlay('gnutella') as { tiers?: { tier: string } }
  expect(tiers?.tier).toBe(tier)
})

test.each([
  ['flat', 0, 6],
  ['flat', 9, 9],
  ['ultrapeer', 0, 32],
  ['ultrapeer', 9, 9],
  ['leaf', 9, 3]
])('gnutella.role=%s and gnutella.neighbours=%i make %i places', async (role, neighbours, places) => {
  const set = [`gnutella.role=${role}`, `gnutella.neighbours=${neighbours}`]
  expect((await startNode({ set })).overlay('gnutella')).toMatchObject({ places })
})

test.each(['ordinary', 'supernode'])('fasttrack.role=%s reaches the overlay', async role => {
  const node = await startNode({ flags: { overlays: 'fasttrack' }, set: [`fasttrack.role=${role}`] })
  expect(node.overlay('fasttrack')).toMatchObject({ role })
})
