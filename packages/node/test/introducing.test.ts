/** Nodes that know nothing but an introducer: it is all that a newcomer needs. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { openDatabase, type ServentDatabase } from '@servent/database'
import { type RunningIntroducer, startIntroducer } from '@servent/introducer'
import { boundedYamux } from '@servent/libp2p-host'
import { createLibp2p } from 'libp2p'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ServentNode } from '../src/index.ts'
import { all, neighbours, startNode, stopNodes } from './support/nodes.ts'

let introducer: RunningIntroducer
let database: ServentDatabase
let url: string
beforeEach(async () => {
  database = openDatabase(':memory:')
  const privateKey = await generateKeyPair('Ed25519')
  introducer = await startIntroducer({ privateKey, database, port: 0, host: '127.0.0.1' })
  url = `http://127.0.0.1:${introducer.port}/`
})
afterEach(async () => {
  await stopNodes()
  await introducer.stop()
  database.close()
})

const newcomer = (overlays = 'gnutella') =>
  startNode({ flags: { introducer: `${url}#${introducer.peerId}`, overlays } })
const soon = <T>(look: () => T) => expect.poll(look, { timeout: 15_000 })

test('three nodes meet, are listed with their overlays, and leave the list when they stop', async () => {
  const first = await newcomer('gnutella,chord')
  await soon(() => introducer.size()).toBe(1)
  const nodes = [first, await newcomer('gnutella,chord'), await newcomer()]
  for (const node of nodes) await soon(() => neighbours(node)).toBeGreaterThan(0)
  await soon(() => introducer.size()).toBe(3)
  await soon(() => nodes[1]!.overlay('chord')!.neighbours.length).toBeGreaterThan(0)

  await soon(() => nodes[2]!.status().introducers).toMatchObject([
    { url, peers: expect.any(Number), listed: [expect.stringContaining('127.0.0.1')] }
  ])
  const check = (await nodes[2]!.doctor()).find(({ name }) => name === `introducer ${url}`)
  expect(check).toMatchObject({
    ok: true,
    message: expect.stringMatching(/^It named \d peers?\. It sends others/)
  })

  const { peers } = (await (await fetch(`${url}v1/peers?overlay=chord&role=peer`)).json().then(read)) as {
    peers: unknown[]
  }
  expect(peers).toHaveLength(2)
  await nodes[2]!.stop()
  expect(introducer.size()).toBe(2)
}, 40_000)

test('peers of Gnutella are listed by their tier', async () => {
  const tiers = { ultrapeer: 'ultrapeer', leaf: 'leaf', flat: 'peer' }
  const flags = { introducer: url, overlays: 'gnutella' }
  for (const role of Object.keys(tiers)) await startNode({ flags, set: [`gnutella.role=${role}`] })
  await soon(() => introducer.size()).toBe(3)
  for (const role of Object.values(tiers)) {
    const answer = (await (
      await fetch(`${url}v1/peers?overlay=gnutella&role=${role}&limit=20`)
    )
      .json()
      .then(read)) as { peers: unknown[] }
    expect(answer.peers, role).toHaveLength(1)
  }
}, 40_000)

test('a user of Napster who has connections enough is led to a server none the less, and by no other user', async () => {
  const user = await newcomer('napster')
  const other = await newcomer('napster')
  await soon(() => introducer.size()).toBe(2)
  const crowd = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()]
  })
  try {
    for (let opened = 0; opened < 8; opened++)
      await crowd.dial(multiaddr(user.addresses()[0]!), { force: true })
    await soon(() => user.status().connections).toBe(8)
    const server = await newcomer('napster,napster-server')
    await soon(() => introducer.size()).toBe(3)
    const home = (node: ServentNode) => (node.overlay('napster') as unknown as { server: string }).server
    await expect.poll(() => home(user), { timeout: 40_000 }).toBe(server.peerId)
    await expect.poll(() => home(other), { timeout: 40_000 }).toBe(server.peerId)
    expect(user.peers().some(({ peerId }) => peerId === other.peerId)).toBe(false)
  } finally {
    await crowd.stop()
  }
}, 120_000)

test('a node that takes no calls meets others and is not listed', async () => {
  await newcomer()
  await soon(() => introducer.size()).toBe(1)
  const closed = await startNode({ flags: { introducer: url, noInbound: true } })
  await soon(() => neighbours(closed)).toBe(1)
  await soon(() => closed.status().introducers?.[0]?.unlisted).toContain('takes no calls')
  expect(introducer.size()).toBe(1)
}, 30_000)

test('without its introducer a node runs none the less, says what is wrong, and asks again', async () => {
  await introducer.stop()
  const node = await newcomer()
  await soon(() => node.status().introducers?.[0]?.why).toContain('ECONNREFUSED')
  expect((await node.doctor()).find(({ name }) => name.startsWith('introducer'))).toMatchObject({
    ok: false,
    try: expect.stringContaining('--introducer')
  })
  expect((await all(node.search({ text: 'banjo', timeoutMs: 50 }))).at(-1)).toMatchObject({ hits: 0 })
}, 30_000)

const read = (body: unknown) => JSON.parse((body as { answer: string }).answer)
