/** Graphs of links that studies leave: valid GraphML, and the same links that the results count. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DOMParser, type Element } from '@xmldom/xmldom'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AnySimulation } from '../src/deployment.ts'
import { fingerprintOf } from '../src/fingerprint.ts'
import { GRAPH_EDGES_MAX, GRAPH_NODES_MAX, graphOf } from '../src/graph.ts'
import { resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import { graphmlLines, writeGraphml } from '../src/study/graphml.ts'
import { planStudy } from '../src/study/plan-study.ts'
import { runStudy } from '../src/study/run-study.ts'
import { resolveStudy } from '../src/study/study.ts'
import { prepareStudy, runInFolder, writeSums } from '../src/study/study-folder.ts'
import type { StudyResults } from '../src/study/study-results.ts'

const TEXT = `title: Graphs
common: { warmup: 60, duration: 60, nodes: 24 }
parts:
  - { name: all, overlays: [napster, gnutella, fasttrack, chord, pastry, kelips, kademlia], lookups: 20 }
  - { name: churn, overlays: [chord, kademlia], lookups: 20, churn: ["exp:1m", "exp:2m"], duration: 300 }
  - name: tiers
    overlays: [gnutella]
    nodes: 60
    lookups: 5
    warmup: 180
    set: { gnutella.role: auto }
`

interface Graph {
  readonly about: Readonly<Record<string, string>>
  readonly nodes: ReadonlyMap<string, Readonly<Record<string, string>>>
  readonly edges: readonly { source: string; target: string; ends: string }[]
}

/** By a parser that refuses what is no XML; each attribute by the name and the kind that its key declares. */
function parse(text: string): Graph {
  const document = new DOMParser({
    onError: (level, message) => {
      throw new Error(`${level}: ${message}`)
    }
  }).parseFromString(text, 'text/xml')
  const all = (of: { getElementsByTagName: Element['getElementsByTagName'] }, name: string) => [
    ...of.getElementsByTagName(name)
  ]
  const root = document.documentElement!
  expect([root.tagName, root.namespaceURI]).toEqual(['graphml', 'http://graphml.graphdrawing.org/xmlns'])
  const keys = new Map(all(root, 'key').map(key => [key.getAttribute('id')!, key]))
  const dataOf = (of: Element) =>
    Object.fromEntries(
      [...of.childNodes].flatMap(child => {
        const data = child as Element
        if (data.tagName !== 'data') return []
        const key = keys.get(data.getAttribute('key')!)!
        expect(key.getAttribute('for')).toBe(of.tagName)
        if (key.getAttribute('attr.type') === 'boolean') expect(data.textContent).toMatch(/^(true|false)$/)
        return [[key.getAttribute('attr.name')!, data.textContent!]]
      })
    )
  const [graph] = all(root, 'graph')
  expect(graph!.getAttribute('edgedefault')).toBe('undirected')
  return {
    about: dataOf(graph!),
    nodes: new Map(all(graph!, 'node').map(node => [node.getAttribute('id')!, dataOf(node)])),
    edges: all(graph!, 'edge').map(edge => ({
      source: edge.getAttribute('source')!,
      target: edge.getAttribute('target')!,
      ends: dataOf(edge).ends!
    }))
  }
}

/** How many live nodes have so many links that are up on their side. */
function degreesOf({ nodes, edges }: Graph): [number, number][] {
  const degrees = new Map([...nodes].filter(([, { alive }]) => alive === 'true').map(([id]) => [id, 0]))
  const count = (id: string) => {
    expect(degrees.has(id)).toBe(true)
    degrees.set(id, degrees.get(id)! + 1)
  }
  for (const { source, target, ends } of edges) {
    if (ends !== 'target') count(source)
    if (ends !== 'source') count(target)
  }
  const counts = Map.groupBy(degrees.values(), degree => degree)
  return [...counts].map(([degree, of]): [number, number] => [degree, of.length]).sort(([a], [b]) => a - b)
}

let folder: string
let results: StudyResults
const study = (set: string[] = []) => resolveStudy(TEXT, 'graphs.yaml', { workers: 1, set })
const read = (name: string) => readFile(join(folder, 'one', name), 'utf8')
const pointOf = (part: string, overlay: string) =>
  results.parts.find(({ name }) => name === part)!.points.find(point => point.overlay === overlay)!
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-graphs-'))
  const planned = await planStudy(study())
  await prepareStudy(planned, join(folder, 'one'))
  results = await runInFolder(planned, { folder: join(folder, 'one') })
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the graphs of a study', () => {
  it('are a file for each point, with the links that its results count', async () => {
    const points = results.parts.flatMap(({ points }) => points)
    const files = points.map(({ graphml }) => graphml!.replace('topology/', ''))
    expect((await readdir(join(folder, 'one', 'topology'))).sort()).toEqual(files.toSorted())
    expect(new Set(files).size).toBe(12)
    for (const { graphml, results: own } of points) {
      const graph = parse(await read(graphml!))
      expect(degreesOf(graph), graphml!).toEqual(own.topology!.degrees)
      expect(graph.edges.length, graphml!).toBeGreaterThan(10)
      const pairs = graph.edges.map(({ source, target }) => `${source} ${target}`)
      expect(new Set(pairs).size).toBe(pairs.length)
    }
  })

  it('say whose they are, and what each node is', async () => {
    const of = async (part: string, overlay: string) => parse(await read(pointOf(part, overlay).graphml!))
    const rolesOf = ({ nodes }: Graph) => [...new Set([...nodes.values()].map(({ role }) => role))].sort()
    const churned = await of('churn', 'kademlia')
    expect(churned.about).toEqual({
      part: 'churn',
      overlay: 'kademlia',
      at: '{"churn":"exp:1m"}',
      settings: '{}',
      seed: '1'
    })
    expect(rolesOf(await of('all', 'chord'))).toEqual(['peer'])
    expect(rolesOf(await of('all', 'gnutella'))).toEqual(['peer'])
    expect(rolesOf(await of('all', 'napster'))).toEqual(['server', 'user'])
    expect(rolesOf(await of('all', 'fasttrack'))).toEqual(['ordinary', 'supernode'])
    expect(rolesOf(await of('tiers', 'gnutella'))).toEqual(['leaf', 'ultrapeer'])
  })

  it('have the dead to whom links are still up, which say nothing of themselves', async () => {
    const graphs = await Promise.all(
      results.parts[1]!.points.map(async ({ graphml }) => parse(await read(graphml!)))
    )
    const dead = graphs.flatMap(({ nodes }) => [...nodes].filter(([, { alive }]) => alive === 'false'))
    expect(dead.length).toBeGreaterThan(0)
    for (const [, data] of dead) expect(data).toEqual({ alive: 'false' })
    const half = graphs.flatMap(({ edges }) => edges).filter(({ ends }) => ends !== 'both')
    expect(half.length).toBeGreaterThanOrEqual(dead.length)
  })

  it('are the same each time, and among the sums', async () => {
    const again = join(folder, 'again')
    const planned = await planStudy(study())
    await prepareStudy(planned, again)
    await runInFolder(planned, { folder: again })
    const names = results.parts.flatMap(({ points }) => points.flatMap(({ graphml }) => graphml ?? []))
    for (const name of names) expect(await readFile(join(again, name), 'utf8')).toBe(await read(name))
    await writeSums(again, results, [])
    const sums = await readFile(join(again, 'SHA256SUMS'), 'utf8')
    expect(names.filter(name => !sums.includes(`  ${name}\n`))).toEqual([])
  }, 60_000)

  it('are of the first run: one that was kept without is run again where it is first', async () => {
    const own = join(folder, 'seeds')
    const begun: number[] = []
    const onBegin = ({ there, all }: { there: number; all: number }) => begun.push(there, all)
    const some = (seed: string) =>
      resolveStudy(TEXT.slice(0, TEXT.indexOf('  - { name: churn')), 'x.yaml', {
        workers: 1,
        set: ['all.overlays=[chord]', seed]
      })
    await runStudy(some('seeds=2'), { folder: own, onBegin })
    await runStudy(some('seed=2'), { folder: own, onBegin })
    await runStudy(some('seed=2'), { folder: own, onBegin })
    expect(begun).toEqual([0, 2, 0, 1, 1, 1])
  })

  it('are there where points share a run, and only one of them begins with it', async () => {
    const shared = resolveStudy(
      `title: Shared
common: { warmup: 5, duration: 5, nodes: 12, lookups: 5, overlays: [chord] }
parts:
  - { name: axis, seed: [2, 1], seeds: 2 }
  - { name: more, seed: 1, seeds: 3 }
`,
      'shared.yaml',
      { workers: 1 }
    )
    const begun: unknown[] = []
    let ran = 0
    const { parts } = await runStudy(shared, {
      folder: join(folder, 'shared'),
      onBegin: runs => begun.push(runs),
      onProgress: ({ runsDone }) => {
        ran = runsDone
      }
    })
    // Of seven runs of points: seeds 1 to 3.
    expect([begun, ran]).toEqual([[{ there: 0, all: 3 }], 3])
    expect(parts.flatMap(({ points }) => points.map(({ graphml }) => graphml))).toEqual([
      'topology/axis-chord-0.graphml',
      'topology/axis-chord-1.graphml',
      'topology/more-chord-0.graphml'
    ])
  })
})

// A disk that takes nothing, which not every system has.
it.skipIf(!existsSync('/dev/full'))(
  'one that cannot be written leaves the earlier one, and no more',
  async () => {
    const [point] = study().parts[0]!.points
    const plan = resolvePlan({ nodes: 12, lookups: 5, warmup: 5, duration: 5 })
    const run = runOnce(plan, {}, { overlay: 'chord', seed: 1, graph: true })
    writeGraphml(folder, 'full/one.graphml', 'all', point!, run)
    const earlier = await readFile(join(folder, 'full/one.graphml'), 'utf8')
    await symlink('/dev/full', join(folder, 'full/one.graphml.part'))
    expect(() => writeGraphml(folder, 'full/one.graphml', 'all', point!, run)).toThrow('ENOSPC')
    expect(await readdir(join(folder, 'full'))).toEqual(['one.graphml'])
    expect(await readFile(join(folder, 'full/one.graphml'), 'utf8')).toBe(earlier)
    const open = readdirSync('/proc/self/fd').map(fd => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`)
      } catch {
        // The one of the listing itself.
        return ''
      }
    })
    expect(open).not.toContain('/dev/full')
  }
)

it('a graph changes no fingerprint, and is there where it is asked for', () => {
  const plan = resolvePlan({ nodes: 12, lookups: 5, warmup: 5, duration: 5 })
  const without = runOnce(plan, {}, { overlay: 'chord', seed: 1 })
  const run = runOnce(plan, {}, { overlay: 'chord', seed: 1, graph: true })
  expect(without).not.toHaveProperty('graph')
  expect(run.graph!.nodes).toHaveLength(12)
  expect(fingerprintOf([run])).toBe(fingerprintOf([without]))
})

describe('the bounds', () => {
  /** Nodes that have these links on their side. */
  const linked = (linkedTo: (node: number) => number[]) => ({
    simulation: { linkedTo } as unknown as AnySimulation
  })
  const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index)

  it('GRAPH_NODES_MAX nodes, the dead among them', () => {
    const ring = (count: number) =>
      graphOf(
        linked(node => [(node + 1) % count]),
        upTo(count)
      )
    expect(ring(GRAPH_NODES_MAX)!.nodes).toHaveLength(10_000)
    expect(ring(GRAPH_NODES_MAX + 1)).toBeNull()
    const dead = (count: number) =>
      graphOf(
        linked(() => upTo(count - 2, 2)),
        [0, 1]
      )
    expect(dead(GRAPH_NODES_MAX)!.from).toHaveLength(2 * 9998)
    expect(dead(GRAPH_NODES_MAX + 1)).toBeNull()
  })

  it('GRAPH_EDGES_MAX links', () => {
    const side = Math.sqrt(GRAPH_EDGES_MAX)
    const far = upTo(side, side)
    const graph = graphOf(
      linked(() => far),
      upTo(side)
    )
    expect(graph!.ends).toHaveLength(1_000_000)
    const more = linked(node => (node === 0 ? [...far, 2 * side] : far))
    expect(graphOf(more, upTo(side))).toBeNull()
  })
})

it('texts that others chose are texts in it', () => {
  const numbers = Uint32Array.of()
  const graph = {
    nodes: numbers,
    from: numbers,
    to: numbers,
    alive: Uint8Array.of(),
    roles: Uint8Array.of(),
    ends: Uint8Array.of()
  }
  const at = '{"churn":"trace:<a & \\"b\\">]]>"}'
  expect(parse([...graphmlLines(graph, { at })].join('\n')).about).toEqual({ at })
})
