/**
 * Gnutella as its service runs it, on fakes and in virtual time: five nodes in a line, a query that floods from
 * one end, and a hit that comes back from the other. What every machine was told and said is compared between
 * two runs, and with the transcript in `test/scenarios`, which `UPDATE_SCENARIOS=1` writes anew.
 */

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { gnutella } from '@servent/gnutella'
import type { GnutellaTypes } from '@servent/gnutella/machine'
import { MemoryStore } from '@servent/libp2p-host'
import { FakeNetwork, type FakeNode, Transcript } from '@servent/libp2p-host/testing'
import { type Catalogue, ContentId, type Hit, matches, parseQuery, type SharedFile } from '@servent/overlay'
import { expect, test } from 'vitest'
import { describeGnutella } from './describe-gnutella.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const
const SCENARIO = new URL('../scenarios/gnutella-line-of-five.txt', import.meta.url)

type Service = ReturnType<ReturnType<typeof gnutella>>

/** One small file, and what asks for it. */
function catalogueOf(name: string, content: string): Catalogue {
  const bytes = Buffer.from(content)
  const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest()
  const id = ContentId.fromRoot(digest('sha256'), bytes.length)
  const file: SharedFile = {
    index: 1,
    id,
    size: bytes.length,
    name,
    type: 'text/plain',
    tags: {},
    sha1: digest('sha1')
  }
  return {
    totals: { files: 1, bytes: bytes.length },
    match: async query => (matches(query, file) ? [file] : []),
    get: async wanted => (wanted.equals(id) ? file : undefined),
    byIndex: async index => (index === 1 ? file : undefined),
    bySha1: async sha1 => (Buffer.compare(sha1, file.sha1) === 0 ? file : undefined),
    files: async function* () {
      yield file
    },
    subscribe: () => () => {}
  }
}

interface Run {
  readonly hits: readonly Hit[]
  readonly logs: ReadonlyMap<string, string>
  readonly transcript: string
  readonly services: ReadonlyMap<string, Service>
}

async function lineOfFive(ttl: number): Promise<Run> {
  const network = new FakeNetwork({ delayMs: 20 })
  const nodes: FakeNode[] = []
  for (const [place, name] of NAMES.entries()) nodes.push(await network.addNode({ name, seed: place + 1 }))
  // Only neighbours in the line reach each other: it stays a line, whatever pongs tell.
  for (const [place, node] of nodes.entries()) {
    for (const far of nodes.slice(place + 2)) network.cut(node, far)
  }
  const names = new Map(nodes.map(({ peerId, name }) => [peerId.toString(), name]))
  const guids = new Map<string, string>()
  const transcript = new Transcript<GnutellaTypes>({
    nameOf: peerId => names.get(peerId),
    describe: describeGnutella(names, guids)
  })
  const services = new Map<string, Service>()
  for (const node of nodes) {
    const service = gnutella({
      privateKey: node.privateKey,
      neighbours: 2,
      store: new MemoryStore(),
      clock: network.clock,
      random: node.random,
      trace: transcript.tap(node.name)
    })(node.components)
    services.set(node.name, service)
    await network.finish(service.start())
  }
  services.get('e')!.attach(catalogueOf('Lecture notes on overlays.txt', 'flooding, rings, and trees'))
  for (const [place, node] of nodes.slice(1).entries()) {
    network.discover(node, nodes[place]!)
    await network.runUntil(() => services.get(nodes[place]!.name)!.snapshot().neighbours.length > 0)
  }
  await network.runUntil(() =>
    NAMES.every(
      name => services.get(name)!.snapshot().neighbours.length === (name === 'a' || name === 'e' ? 1 : 2)
    )
  )
  // Between two rounds of pings, so that the transcript tells of the query alone.
  await network.runFor(4_500)

  transcript.clear()
  guids.clear()
  const hits: Hit[] = []
  const searching = (async () => {
    const query = parseQuery('overlays lecture', { limit: 10 })
    for await (const hit of services.get('a')!.search(query, { ttl, timeoutMs: 800 })) hits.push(hit)
  })()
  await network.finish(searching)
  const text = transcript.text()
  const logs = new Map(NAMES.map(name => [name, transcript.text(name)]))
  for (const service of services.values()) {
    await network.finish(service.beforeStop())
    await network.finish(service.stop())
  }
  return { hits, logs, transcript: text, services }
}

test('a query floods down the line and its hit comes back, the same in every run and as it was written down', async () => {
  const [one, other] = [await lineOfFive(7), await lineOfFive(7)]
  expect(one.hits.map(({ record, hops }) => [record.name, hops])).toEqual([
    ['Lecture notes on overlays.txt', 4]
  ])
  for (const name of NAMES) expect(other.logs.get(name), name).toBe(one.logs.get(name))

  if (process.env.UPDATE_SCENARIOS === '1') writeFileSync(SCENARIO, one.transcript)
  expect(one.transcript).toBe(readFileSync(SCENARIO, 'utf8'))
})

test('each node hands the query on once, and never back', async () => {
  const { services } = await lineOfFive(7)
  const forwarded = NAMES.map(name => {
    const { queries } = services.get(name)!.snapshot() as unknown as {
      queries: { from: string | null; forwardedTo: string[]; ttl: number }[]
    }
    expect(queries).toHaveLength(1)
    const [query] = queries
    expect(query!.forwardedTo).not.toContain(query!.from)
    return query!.forwardedTo.length
  })
  expect(forwarded).toEqual([1, 1, 1, 1, 0])
})

test.each([
  [4, 1],
  [3, 0]
])('with a TTL of %i the search finds %i files four links away', async (ttl, files) => {
  const { hits } = await lineOfFive(ttl)
  expect(hits).toHaveLength(files)
})
