/** An introducer over real HTTP, with real libp2p peers that it calls back. */
import { describe, expect, test } from 'vitest'
import { openAnnouncement } from '../src/announcement.ts'
import { bytesOf, checkPeers, openAnswer, type PeersAnswer } from '../src/answer.ts'
import { ANNOUNCE_AGAIN_MS } from '../src/limits.ts'
import { announce, announcementOf, introducer, openTestDatabase, peer, say } from './support/introducers.ts'

describe('a peer that announces itself', () => {
  test('is called back, listed with its own statement, and found by overlay and role', async () => {
    const server = await introducer()
    const one = await peer()
    const said = await announce(server, await announcementOf(one))
    expect(said.status).toBe(200)
    expect(said.answer).toMatchObject({
      introducer: server.peerId,
      seen: '/ip4/127.0.0.1',
      peerId: one.id,
      addresses: [one.address],
      againMs: ANNOUNCE_AGAIN_MS
    })
    expect(one.calls()).toBe(1)
    expect(server.size()).toBe(1)

    const found = await say(server, {
      path: '/v1/peers?overlay=chord&overlay=gnutella&role=peer&limit=5&nonce=x'
    })
    const answer = await openAnswer<PeersAnswer>(found.body, Date.now())
    expect(answer.introducer).toBe(server.peerId)
    const asked = { overlays: ['chord', 'gnutella'], role: 'peer', limit: 5, nonce: 'x' }
    const [listed] = checkPeers(answer, asked)
    expect(listed!.addresses).toEqual([one.address])
    expect(await openAnnouncement(bytesOf(listed!.announcement))).toMatchObject({
      peerId: one.id,
      addresses: [one.address]
    })
    expect((await say(server, { path: '/v1/peers?overlay=chord' })).answer.peers).toEqual([])
    expect((await say(server, { path: '/v1/peers?role=leaf' })).answer.peers).toEqual([])
  })

  test('renews itself without another call, and leaves by a statement without overlays', async () => {
    const server = await introducer()
    const one = await peer()
    const nowMs = Date.now()
    await announce(server, await announcementOf(one, { issuedMs: nowMs }))
    expect((await announce(server, await announcementOf(one, { issuedMs: nowMs + 1 }))).status).toBe(200)
    expect(one.calls()).toBe(1)
    const left = await announce(server, await announcementOf(one, { overlays: [], issuedMs: nowMs + 2 }))
    expect(left.answer).toMatchObject({ peerId: one.id, addresses: [] })
    expect(server.size()).toBe(0)
  })

  test('has to answer at the address, with its own key', async () => {
    const server = await introducer({ serverLimits: { proofMs: 2_000 } })
    const [one, other] = [await peer(), await peer()]
    // Another peer answers there: who has no key for the name proves nothing.
    const posed = await announce(server, await announcementOf(one, { addresses: [other.address] }))
    expect(posed).toMatchObject({ status: 422, json: { error: { code: 'unreachable' } } })
    await one.libp2p.stop()
    const gone = await announce(server, await announcementOf(one))
    expect(gone).toMatchObject({ status: 422, json: { error: { code: 'unreachable' } } })
    expect(Number(gone.headers['retry-after'])).toBeGreaterThan(0)
    expect(server.size()).toBe(0)
  })

  test('has those of its addresses listed at which it answered, each by a call of its own', async () => {
    const server = await introducer()
    const [one, other] = [await peer(), await peer()]
    const announced = await announcementOf(one, { addresses: [other.address, one.address] })
    expect((await announce(server, announced)).answer.addresses).toEqual([one.address])
    expect(other.calls()).toBe(0)
    // It answers still where it was called before, and says that it is elsewhere.
    const moved = await announcementOf(one, { addresses: [other.address], issuedMs: Date.now() + 1 })
    expect((await announce(server, moved)).status).toBe(422)
    expect(one.calls()).toBe(1)
    expect(server.size()).toBe(0)
  })

  test('is forgotten when it is called again and does not answer', async () => {
    const server = await introducer()
    const one = await peer()
    const other = await peer('127.0.0.1', one.key)
    await announce(server, await announcementOf(one))
    expect(server.size()).toBe(1)
    await one.libp2p.stop()
    await other.libp2p.stop()
    // It says that it has moved to another port.
    const moved = await announce(server, await announcementOf(other, { issuedMs: Date.now() + 1 }))
    expect(moved.status).toBe(422)
    expect(server.size()).toBe(0)
  })
})

test('the list is there after a new start, of those that were seen of late', async () => {
  const database = await openTestDatabase()
  const first = await introducer({ database })
  const [one, two] = [await peer(), await peer('127.0.0.2')]
  await announce(first, await announcementOf(one))
  await announce(first, await announcementOf(two), '127.0.0.2')
  await first.stop()
  database.sql
    .prepare('UPDATE introducer_peers SET seen_ms = seen_ms - 1800000 WHERE peer_id = ?')
    .run(two.id)
  const second = await introducer({ database })
  const { peers } = (await say(second, { path: '/v1/peers' })).answer
  expect(peers).toMatchObject([{ addresses: [one.address] }])
  expect(database.sql.prepare('SELECT peer_id FROM introducer_peers').all()).toMatchObject([
    { peer_id: one.id }
  ])
})

describe('HTTP', () => {
  test('a sentence for people, and health', async () => {
    const server = await introducer()
    const page = await say(server)
    expect(page.status).toBe(200)
    expect(page.body).toContain('servent start --introducer')
    expect(page.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'",
      'cache-control': 'no-store'
    })
    expect(page.headers['access-control-allow-origin']).toBeUndefined()
    expect((await say(server, { path: '/health' })).json).toEqual({ status: 'ok', peers: 0 })
  })

  test.each([
    ['GET', '/v2/peers', 404, 'not-found'],
    ['GET', '/__proto__', 404, 'not-found'],
    ['GET', '/v1/announce', 405, 'method'],
    ['OPTIONS', '/v1/peers', 405, 'method'],
    ['POST', '/v1/peers', 405, 'method'],
    ['POST', '/v1/announce', 415, 'no-json'],
    ['GET', '/v1/peers?limit=0', 400, 'usage'],
    ['GET', '/v1/peers?limit=21', 400, 'usage'],
    ['GET', '/v1/peers?limit=1&limit=2', 400, 'usage'],
    ['GET', '/v1/peers?overlay=Gnutella', 400, 'usage'],
    ['GET', '/v1/peers?role=%0a', 400, 'usage'],
    ['GET', '/v1/peers?nonce=a%20b', 400, 'usage'],
    ['GET', '/v1/peers?peers=1', 400, 'usage']
  ])('%s %s is %i %s', async (method, path, status, code) => {
    const said = await say(await introducer(), { method, path })
    expect(said.status).toBe(status)
    expect(said.json.error).toMatchObject({ code, message: expect.any(String), try: expect.any(String) })
  })
})
