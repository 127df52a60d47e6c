/** The graph of links at the end of a run's measured time, as it is kept: numbers in typed arrays. */
import type { NodeIndex } from '@servent/simulator'
import type { Deployment } from './deployment.ts'

/** Of a graph that is written down: larger ones are drawn by nobody. */
export const GRAPH_NODES_MAX = 10_000
export const GRAPH_EDGES_MAX = 1_000_000

/** Of nodes that live and of dead ones to which a link is still up. */
export const GRAPH_ROLES = ['peer', 'server', 'user', 'supernode', 'ordinary', 'ultrapeer', 'leaf'] as const
export type GraphRole = (typeof GRAPH_ROLES)[number]
/** At which ends an edge is up: at both, or at one, the other one being dead or not yet told. */
export const EDGE_ENDS = ['both', 'source', 'target'] as const
type EdgeEnds = (typeof EDGE_ENDS)[number]

export interface GraphSamples {
  /** Their numbers in the simulation, in rising order. */
  readonly nodes: Uint32Array
  /** 1: it lives. */
  readonly alive: Uint8Array
  /** Places in `GRAPH_ROLES`; of dead ones it says nothing. */
  readonly roles: Uint8Array
  /** Of each edge the places of its nodes in `nodes`, the lower one first; in rising order. */
  readonly from: Uint32Array
  readonly to: Uint32Array
  /** Places in `EDGE_ENDS`. */
  readonly ends: Uint8Array
}

/** `living`: whose links are counted. Null: it is larger than `GRAPH_NODES_MAX` or `GRAPH_EDGES_MAX`. */
export function graphOf(
  deployment: Pick<Deployment, 'simulation' | 'servers' | 'roleOf'>,
  living: readonly NodeIndex[]
): GraphSamples | null {
  const { simulation, servers = [] } = deployment
  if (living.length > GRAPH_NODES_MAX) return null
  const linked = new Map(living.map(node => [node, new Set(simulation.linkedTo(node))]))
  const isUp = (node: NodeIndex, other: NodeIndex) => linked.get(node)?.has(other) === true
  const all = new Set(living)
  // What is up at both ends is taken once, at the lower one.
  const links: (readonly [NodeIndex, NodeIndex])[] = []
  for (const [node, others] of linked)
    for (const other of others) {
      all.add(other)
      if (node < other || !isUp(other, node)) links.push([node, other])
      if (links.length > GRAPH_EDGES_MAX || all.size > GRAPH_NODES_MAX) return null
    }
  const nodes = Uint32Array.from(all).sort()
  const placeOf = new Map([...nodes].map((node, place) => [node, place]))
  const edges = links
    .map(([node, other]) => {
      const [own, far] = [placeOf.get(node)!, placeOf.get(other)!]
      const ends: EdgeEnds = isUp(other, node) ? 'both' : own < far ? 'source' : 'target'
      return { from: Math.min(own, far), to: Math.max(own, far), ends: EDGE_ENDS.indexOf(ends) }
    })
    .sort((a, b) => a.from - b.from || a.to - b.to)
  const roleNow = (node: NodeIndex): GraphRole => {
    if (servers.includes(node)) return 'server'
    return deployment.roleOf?.(node) ?? (servers.length > 0 ? 'user' : 'peer')
  }
  return {
    nodes,
    alive: Uint8Array.from(nodes, node => Number(linked.has(node))),
    roles: Uint8Array.from(nodes, node => (linked.has(node) ? GRAPH_ROLES.indexOf(roleNow(node)) : 0)),
    from: Uint32Array.from(edges, ({ from }) => from),
    to: Uint32Array.from(edges, ({ to }) => to),
    ends: Uint8Array.from(edges, ({ ends }) => ends)
  }
}
