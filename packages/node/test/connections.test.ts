/** How many connections a node may have: what its overlays need where nobody says, and a warning where somebody says less. */
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { boundedYamux } from '@servent/libp2p-host'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, test } from 'vitest'
import * as fasttrack from '../../fasttrack/src/constants.ts'
import * as napster from '../../napster/src/constants.ts'
import { CONNECTIONS_MAX } from '../src/config-parts.ts'
import { CONNECTIONS_DEFAULT, connectionNeeds, tooFewConnections } from '../src/connection-needs.ts'
import { type ConfigInput, loadConfig, type ServentNode } from '../src/index.ts'
import { INBOUND_PER_HOST_PER_SECOND_MAX } from '../src/network-limits.ts'
import { startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

const load = (overlays: string, set: string[] = [], flags: ConfigInput['flags'] = {}) =>
  loadConfig({ env: {}, flags: { overlays, ...flags }, set })
const SERVER = 'napster,napster-server'

describe('where nobody sets a limit', () => {
  test.each<[string, string[], number]>([
    ['gnutella,chord', [], 200],
    // Users of servers need one connection.
    ['gnutella,napster', [], 200],
    [SERVER, [], 200 + 1_032],
    [SERVER, ['napster.users=1'], 200 + 33],
    ['gnutella,fasttrack', [], 200 + 524],
    ['fasttrack', ['fasttrack.role=supernode', 'fasttrack.ordinaries-per-supernode=2'], 200 + 132],
    ['fasttrack', ['fasttrack.role=ordinary'], 200],
    [`fasttrack,${SERVER}`, [], 200 + 1_032 + 524]
  ])('%s %j has %d', async (overlays, set, connections) => {
    const { config, warnings, sources } = await load(overlays, set)
    expect(config.maxConnections).toBe(connections)
    expect([warnings, sources.get('max-connections')]).toEqual([[], 'default'])
  })

  test('the largest that can be asked for is allowed, and one more is not', async () => {
    const set = [`napster.users=${napster.USERS_MAX}`, 'fasttrack.ordinaries-per-supernode=1000']
    const { config } = await load(`fasttrack,${SERVER}`, set)
    expect(config.maxConnections).toBe(200 + 20_032 + 4_124)
    expect(config.maxConnections).toBeLessThanOrEqual(CONNECTIONS_MAX)
    const most = await load('gnutella', [], { maxConnections: CONNECTIONS_MAX })
    expect(most.config.maxConnections).toBe(CONNECTIONS_MAX)
    await expect(load('gnutella', [], { maxConnections: CONNECTIONS_MAX + 1 })).rejects.toThrow(
      'a whole number from 1 to 25000'
    )
  })

  test('it is what the overlays themselves have places for', async () => {
    const { config } = await load(`fasttrack,${SERVER}`)
    const [server, supernode] = connectionNeeds(config)
    const { USERS_DEFAULT, MESH_LINKS_MAX, LINKS_SPARE } = napster
    expect(server!.connections).toBe(USERS_DEFAULT + MESH_LINKS_MAX + LINKS_SPARE)
    const { USERS_HARD_PART, STANDBYS_PART, ORDINARIES_PER_SUPERNODE, PEERINGS_MAX, GUESTS_MAX } = fasttrack
    expect(supernode!.connections).toBe(
      (USERS_HARD_PART + STANDBYS_PART) * ORDINARIES_PER_SUPERNODE + PEERINGS_MAX + GUESTS_MAX
    )
  })
})

describe('a limit that somebody sets', () => {
  const said = /^At most (\d+) connections are taken \(max-connections\), and (.*) may need (\d+): /
  const told = async (maxConnections: number, overlays: string, set: string[] = []) => {
    const { config, warnings } = await load(overlays, set, { maxConnections })
    expect(config.maxConnections).toBe(maxConnections)
    return warnings.map(warning => said.exec(warning)?.slice(1, 4) ?? warning)
  }

  test('is taken, with a warning where it is lower than what a server or a supernode needs', async () => {
    const server = 'a Napster server of 50 users (napster.users) and its links to other servers'
    expect(await told(81, SERVER, ['napster.users=50'])).toEqual([['81', server, '82']])
    expect(await told(82, SERVER, ['napster.users=50'])).toEqual([])
    const supernode = 'a FastTrack supernode that aims at 10 users (fasttrack.ordinaries-per-supernode)'
    const set = ['fasttrack.role=supernode', 'fasttrack.ordinaries-per-supernode=10']
    expect(await told(163, 'fasttrack', set)).toEqual([['163', supernode, '164']])
    expect(await told(164, 'fasttrack', set)).toEqual([])
    expect(await told(1, 'gnutella,chord,napster')).toEqual([])
    // Each has its places, and both have not.
    const both = ['napster.users=50', ...set]
    const together = `${server} and ${supernode} together`
    expect(await told(245, `fasttrack,${SERVER}`, both)).toEqual([['245', together, '246']])
    expect(await told(246, `fasttrack,${SERVER}`, both)).toEqual([])
  })

  test('is too low for who may become a supernode once it is one', async () => {
    const { config, warnings } = await load('fasttrack', [], { maxConnections: 200 })
    expect(warnings).toEqual([])
    expect(tooFewConnections(config, false)).toEqual([])
    expect(tooFewConnections(config, true)).toMatchObject([{ overlay: 'fasttrack' }])
  })

  test('is told of by doctor, with what to try', async () => {
    const check = async (node: ServentNode) =>
      (await node.doctor()).filter(({ name }) => name.startsWith('connections of'))
    const low = await startNode({ flags: { overlays: `fasttrack,${SERVER}`, maxConnections: 200 } })
    expect(await check(low)).toEqual([
      {
        name: 'connections of napster',
        ok: false,
        message: expect.stringMatching(said),
        try: 'leave max-connections out, or set napster.users lower'
      }
    ])
    const enough = await startNode({ flags: { overlays: `fasttrack,${SERVER}` } })
    expect(await check(enough)).toEqual([])
  })
})

describe('a Napster server', () => {
  const table = (node: ServentNode) => node.overlay('napster') as unknown as Record<string, unknown>

  async function startUser(server: ServentNode) {
    const heard: string[] = []
    const trace = (_: string, { input }: { input: { type: string; message?: unknown } }) => {
      const message = input.message as { type: string; text: string } | undefined
      if (input.type === 'message' && message?.type === 'login-error') heard.push(message.text)
    }
    const node = await startNode({
      flags: { overlays: 'napster' },
      set: [`napster.servers=${server.addresses()[0]}`],
      deps: { trace: trace as never }
    })
    return { node, heard }
  }

  test('tells whoever is one too many that it is full, also where its connections are few', {
    timeout: 60_000
  }, async () => {
    const server = await startNode({
      flags: { overlays: SERVER, maxConnections: 6 },
      set: ['napster.users=3']
    })
    // Its own user is one of the three.
    const users = [await startUser(server), await startUser(server)]
    for (const { node } of users)
      await expect.poll(() => table(node).server, { timeout: 15_000 }).toBe(server.peerId)
    for (const { heard } of [await startUser(server), await startUser(server)])
      await expect.poll(() => heard, { timeout: 15_000 }).toContain('This server is full: it has 3 users.')
    for (const { node } of users) expect(table(node).server).toBe(server.peerId)
    expect(table(server).users).toBe(3)
  })

  test('lets a user in who comes after more than 200 others', { timeout: 180_000 }, async () => {
    const server = await startNode({ flags: { overlays: SERVER } })
    const address = multiaddr(server.addresses()[0]!)
    const crowd = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [boundedYamux()]
    })
    try {
      // One host may open so many a second.
      const paceMs = 1_100 / INBOUND_PER_HOST_PER_SECOND_MAX
      while (server.status().connections <= CONNECTIONS_DEFAULT) {
        const pause = new Promise(resolve => setTimeout(resolve, paceMs))
        await Promise.all([crowd.dial(address, { force: true }), pause])
      }
      const { node } = await startUser(server)
      await expect.poll(() => table(node).server, { timeout: 15_000 }).toBe(server.peerId)
      expect(server.status().connections).toBeGreaterThan(CONNECTIONS_DEFAULT + 1)
    } finally {
      await crowd.stop()
    }
  })
})
