/**
 * Maximum flow over paths of a few edges, by Dinic's algorithm: shortest paths first, each length whole before the next.
 * Pure, and its work is bounded by the edges that it takes in.
 *
 * With two hops the answer is the exact maximum, since no two paths share an edge, and with as many hops as there are
 * peers it is the maximum of Ford and Fulkerson. Between them it is a flow that is valid and at least that of two hops:
 * the true maximum over paths of bounded length is another, harder problem.
 */

/** An edge as the flow sees it. `edge` is the caller's own, and is what the answer speaks of. */
export interface FlowArc<Edge> {
  readonly edge: Edge
  readonly to: string
  readonly bytes: number
}

export interface FlowQuestion<Edge> {
  readonly from: string
  readonly to: string
  /** The edge from a peer to `to`, where there is one. */
  readonly last: (peer: string) => FlowArc<Edge> | undefined
  /** The other edges from a peer. */
  readonly onward: (peer: string) => Iterable<FlowArc<Edge>>
  /** Edges of a path. */
  readonly hopsMax: number
  /** Edges that are taken in. */
  readonly arcsMax: number
  /** More is not looked for. */
  readonly wantedBytes: number
}

export interface Flow<Edge> {
  readonly bytes: number
  readonly onEdges: ReadonlyMap<Edge, number>
}

/** Arcs by number, in pairs: the one after an even number leads back, and what it could carry is what flows forth. */
interface Network<Edge> {
  /** Of each arc: the node that it leads to, and what it carries yet. */
  readonly targets: number[]
  readonly leftBytes: number[]
  /** Of each pair. */
  readonly edges: Edge[]
  /** The arcs out of each node. */
  readonly out: number[][]
  readonly sink: number
}

const SOURCE = 0

export function maxFlow<Edge>(question: FlowQuestion<Edge>): Flow<Edge> {
  const { hopsMax, wantedBytes } = question
  const network = takeIn(question)
  let bytes = 0
  while (bytes < wantedBytes) {
    const levels = levelsOf(network, hopsMax)
    if (levels === undefined) break
    const turns = network.out.map(() => 0)
    let pushed: number
    do {
      pushed = push(network, levels, turns, SOURCE, wantedBytes - bytes)
      bytes += pushed
    } while (pushed > 0)
  }
  const onEdges = new Map<Edge, number>()
  for (const [pair, edge] of network.edges.entries()) {
    const carried = network.leftBytes[2 * pair + 1]!
    if (carried > 0) onEdges.set(edge, carried)
  }
  return { bytes, onEdges }
}

/** The edges that a path of `hopsMax` can use, nearest first: a peer one hop from the end is worth only its way out. */
function takeIn<Edge>({ from, to, last, onward, hopsMax, arcsMax }: FlowQuestion<Edge>): Network<Edge> {
  const nodes = new Map([
    [from, SOURCE],
    [to, SOURCE + 1]
  ])
  const network: Network<Edge> = { targets: [], leftBytes: [], edges: [], out: [[], []], sink: SOURCE + 1 }
  const join = (node: number, { edge, to: peer, bytes }: FlowArc<Edge>) => {
    const target = nodes.get(peer)!
    network.edges.push(edge)
    network.out[node]!.push(network.targets.push(target) - 1)
    network.out[target]!.push(network.targets.push(node) - 1)
    network.leftBytes.push(bytes, 0)
  }
  // Edges that lead nowhere count too: looking at them is the work.
  let looked = 0
  let reached = [from]
  for (let hop = 1; hop <= hopsMax; hop += 1) {
    const next: string[] = []
    for (const peer of reached) {
      const node = nodes.get(peer)!
      const out = last(peer)
      if (out !== undefined && out.bytes > 0) join(node, out)
      if (hop === hopsMax) continue
      for (const arc of onward(peer)) {
        looked += 1
        if (looked > arcsMax) break
        if (arc.bytes <= 0 || arc.to === to || arc.to === from) continue
        if (hop === hopsMax - 1 && !((last(arc.to)?.bytes ?? 0) > 0)) continue
        if (!nodes.has(arc.to)) {
          nodes.set(arc.to, network.out.push([]) - 1)
          next.push(arc.to)
        }
        join(node, arc)
      }
    }
    reached = next
  }
  return network
}

/** How far each node is from the source; nothing where the sink is out of reach. */
function levelsOf<Edge>(network: Network<Edge>, hopsMax: number): Int8Array | undefined {
  const { targets, leftBytes, out, sink } = network
  const levels = new Int8Array(out.length).fill(-1)
  levels[SOURCE] = 0
  let reached = [SOURCE]
  for (let level = 1; level <= hopsMax && reached.length > 0; level += 1) {
    const next: number[] = []
    for (const node of reached) {
      for (const arc of out[node]!) {
        const target = targets[arc]!
        if (leftBytes[arc]! <= 0 || levels[target] !== -1) continue
        levels[target] = level
        next.push(target)
      }
    }
    if (levels[sink] !== -1) return levels
    reached = next
  }
  return undefined
}

/** Sends up to `bytes` from a node along arcs that lead one level on. `turns` remembers which of them are used up. */
function push<Edge>(
  network: Network<Edge>,
  levels: Int8Array,
  turns: number[],
  node: number,
  bytes: number
): number {
  if (node === network.sink) return bytes
  const { targets, leftBytes, out } = network
  const arcs = out[node]!
  for (; turns[node]! < arcs.length; turns[node]! += 1) {
    const arc = arcs[turns[node]!]!
    const target = targets[arc]!
    if (leftBytes[arc]! <= 0 || levels[target] !== levels[node]! + 1) continue
    const pushed = push(network, levels, turns, target, Math.min(bytes, leftBytes[arc]!))
    if (pushed === 0) continue
    leftBytes[arc]! -= pushed
    leftBytes[arc ^ 1]! += pushed
    return pushed
  }
  return 0
}
