/** Maximum flow against the simplest algorithm that is surely right, on small graphs of every kind. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FlowQuestion, maxFlow } from '../../src/credit/max-flow.ts'

interface Edge {
  readonly from: string
  readonly to: string
  readonly bytes: number
}

/** Ford and Fulkerson, one byte of the narrowest edge at a time, over any path. */
function naive(edges: readonly Edge[], from: string, to: string): number {
  const left = new Map<string, number>()
  const nodes = new Set(edges.flatMap(edge => [edge.from, edge.to]))
  const key = (a: string, b: string) => `${a}>${b}`
  for (const edge of edges) left.set(key(edge.from, edge.to), edge.bytes)
  const path = (at: string, seen: Set<string>): string[] | undefined => {
    if (at === to) return [at]
    for (const next of nodes) {
      if (seen.has(next) || (left.get(key(at, next)) ?? 0) === 0) continue
      const rest = path(next, seen.add(next))
      if (rest !== undefined) return [at, ...rest]
    }
    return undefined
  }
  for (let flow = 0; ; ) {
    const found = path(from, new Set([from]))
    if (found === undefined) return flow
    const steps = found.slice(1).map((next, index) => [found[index]!, next] as const)
    const bytes = Math.min(...steps.map(([a, b]) => left.get(key(a, b))!))
    for (const [a, b] of steps) {
      left.set(key(a, b), left.get(key(a, b))! - bytes)
      left.set(key(b, a), (left.get(key(b, a)) ?? 0) + bytes)
    }
    flow += bytes
  }
}

function question(edges: readonly Edge[], limits: Partial<FlowQuestion<Edge>> = {}): FlowQuestion<Edge> {
  const arcOf = (edge: Edge) => ({ edge, to: edge.to, bytes: edge.bytes })
  return {
    from: 's',
    to: 't',
    last: peer => edges.filter(({ from, to }) => from === peer && to === 't').map(arcOf)[0],
    onward: peer => edges.filter(({ from, to }) => from === peer && to !== 't').map(arcOf),
    hopsMax: 100,
    arcsMax: 1000,
    wantedBytes: Infinity,
    ...limits
  }
}

const NODES = ['s', 'a', 'b', 'c', 'd', 'e', 't']
const graphs = fc
  .uniqueArray(
    fc.record({ from: fc.constantFrom(...NODES), to: fc.constantFrom(...NODES), bytes: fc.nat(20) }),
    { selector: ({ from, to }) => `${from}${to}`, maxLength: 24 }
  )
  .map(edges => edges.filter(({ from, to }) => from !== to))

function checkIsFlow(onEdges: ReadonlyMap<Edge, number>, bytes: number): void {
  const balance = new Map<string, number>()
  for (const [edge, carried] of onEdges) {
    expect(carried).toBeLessThanOrEqual(edge.bytes)
    balance.set(edge.from, (balance.get(edge.from) ?? 0) - carried)
    balance.set(edge.to, (balance.get(edge.to) ?? 0) + carried)
  }
  for (const node of NODES) {
    const expected = node === 's' ? -bytes : node === 't' ? bytes : 0
    expect(balance.get(node) ?? 0).toBe(expected === 0 ? 0 : expected)
  }
}

describe('the flow', () => {
  test('is the maximum where paths may be as long as they like', () => {
    fc.assert(
      fc.property(graphs, edges => {
        const flow = maxFlow(question(edges))
        expect(flow.bytes).toBe(naive(edges, 's', 't'))
        checkIsFlow(flow.onEdges, flow.bytes)
      }),
      { numRuns: 500 }
    )
  })

  test('over two hops is what each neighbour carries, no more and no less', () => {
    fc.assert(
      fc.property(graphs, edges => {
        const bytes = (from: string, to: string) =>
          edges.find(edge => edge.from === from && edge.to === to)?.bytes ?? 0
        const over = NODES.filter(node => node !== 's' && node !== 't')
        const expected = over.reduce(
          (sum, node) => sum + Math.min(bytes('s', node), bytes(node, 't')),
          bytes('s', 't')
        )
        expect(maxFlow(question(edges, { hopsMax: 2 })).bytes).toBe(expected)
      })
    )
  })

  test('over three and four hops is a flow, at least that of fewer and at most the maximum', () => {
    fc.assert(
      fc.property(graphs, edges => {
        const [two, three, four] = [2, 3, 4].map(hopsMax => maxFlow(question(edges, { hopsMax })))
        for (const { bytes, onEdges } of [three!, four!]) {
          checkIsFlow(onEdges, bytes)
          expect(bytes).toBeGreaterThanOrEqual(two!.bytes)
          expect(bytes).toBeLessThanOrEqual(naive(edges, 's', 't'))
        }
      })
    )
  })

  test('goes over a path of three hops, and not over one of four, where three are allowed', () => {
    const chain = (...nodes: string[]) =>
      nodes.slice(1).map((to, index) => ({ from: nodes[index]!, to, bytes: 7 }))
    expect(maxFlow(question(chain('s', 'a', 'b', 't'), { hopsMax: 3 })).bytes).toBe(7)
    expect(maxFlow(question(chain('s', 'a', 'b', 'c', 't'), { hopsMax: 3 })).bytes).toBe(0)
  })

  test('takes back what went a worse way', () => {
    // The first path s-a-b-t closes the two that together carry twice as much.
    const edges = ['sa', 'ab', 'bt', 'sb', 'at'].map(([from, to]) => ({ from: from!, to: to!, bytes: 1 }))
    expect(maxFlow(question([...edges].reverse(), { hopsMax: 3 })).bytes).toBe(2)
  })

  test('is no more than what is wanted', () => {
    fc.assert(
      fc.property(graphs, fc.nat(30), (edges, wantedBytes) => {
        const flow = maxFlow(question(edges, { wantedBytes }))
        expect(flow.bytes).toBe(Math.min(wantedBytes, naive(edges, 's', 't')))
        checkIsFlow(flow.onEdges, flow.bytes)
      })
    )
  })

  test('looks at `arcsMax` edges, and at none past them', () => {
    const fan = Array.from({ length: 10 }, (_, index) => [
      { from: 's', to: `n${index}`, bytes: 1 },
      { from: `n${index}`, to: 't', bytes: 1 }
    ]).flat()
    expect(maxFlow(question(fan, { hopsMax: 2, arcsMax: 10 })).bytes).toBe(10)
    expect(maxFlow(question(fan, { hopsMax: 2, arcsMax: 9 })).bytes).toBe(9)
  })
})
