/** The machine's tables for people and scripts: peers by their PeerIds, one row for each entry. */
import type { Peer } from '@servent/overlay'
import type { PastryMode, PastryTables } from './types.ts'

/** A leaf. The sides are counter-clockwise (`smaller`) and clockwise (`larger`), the nearest at rank 1. */
export interface LeafEntry {
  readonly side: 'smaller' | 'larger'
  readonly rank: number
  readonly peerId: string
}

/** An entry of the routing table: it shares `row` digits with this node, and `column` is its next one. */
export interface RouteEntry {
  readonly row: number
  readonly column: number
  readonly peerId: string
  /** Milliseconds of a round trip; 0: not measured. */
  readonly distanceMs: number
}

export interface NeighbourEntry {
  readonly peerId: string
  readonly distanceMs: number
}

/** What Pastry adds to an overlay's snapshot. */
export interface PastryView {
  readonly mode: PastryMode
  /** What the mode means, in a sentence. */
  readonly meaning: string
  /** Hexadecimal. */
  readonly nodeId: string
  /** |L|, the same at all peers of a network. */
  readonly leafSetSize: number
  /** b, the same at all peers of a network. */
  readonly digitBits: number
  readonly leafSet: readonly LeafEntry[]
  readonly routingTable: readonly RouteEntry[]
  /** The nearest first. */
  readonly neighbourhoodSet: readonly NeighbourEntry[]
  /** Nodes of the network, by how dense the leaf set is. */
  readonly sizeEstimate: number
  /** How often entries are probed of which nothing is heard, as it was tuned, in milliseconds. */
  readonly tableProbeMs: number
  /** PeerIds of peers by whom a ring is joined again, or a foreign one is found. */
  readonly remembered: readonly string[]
}

export function pastryView(tables: PastryTables, nameOf: (peer: Peer) => string): PastryView {
  const { mode, key, leafSet, digitBits, smaller, larger, table, neighbours, remembered } = tables
  const leaves = (side: LeafEntry['side'], peers: readonly Peer[]): LeafEntry[] =>
    peers.map((peer, at) => ({ side, rank: at + 1, peerId: nameOf(peer) }))
  return {
    mode,
    meaning: meaningOf(tables),
    nodeId: key,
    leafSetSize: leafSet,
    digitBits,
    leafSet: [...leaves('smaller', smaller), ...leaves('larger', larger)],
    routingTable: table.map(({ peer, ...entry }) => ({ ...entry, peerId: nameOf(peer) })),
    neighbourhoodSet: neighbours.map(({ peer, distanceMs }) => ({ peerId: nameOf(peer), distanceMs })),
    sizeEstimate: tables.sizeEstimate,
    tableProbeMs: tables.tableProbeMs,
    remembered: remembered.map(nameOf)
  }
}

function meaningOf({ mode, leafSet, smaller, larger }: PastryTables): string {
  switch (mode) {
    case 'idle':
      return 'Not begun, or left.'
    case 'joining':
      return 'Looking for a ring to join, or waiting until its whole leaf set has answered; what is sent to it meanwhile it keeps.'
    case 'member':
      if (smaller.length + larger.length === 0)
        return 'A ring of its own: nobody else is known. It serves what it has, and looks for others.'
      return `Active: every key between its leaves is found, as long as no ${leafSet / 2} neighbours in a row fail between two rounds.`
  }
}

/** What each peer is to this one, for the table of neighbours. */
export function rolesOf({ smaller, larger, table, neighbours }: PastryTables): ReadonlyMap<Peer, string> {
  const roles = new Map<Peer, string>()
  const add = (peer: Peer, role: string): void => {
    const known = roles.get(peer)
    if (known === undefined) roles.set(peer, role)
    else if (!known.includes(role)) roles.set(peer, `${known} ${role}`)
  }
  for (const peer of [...smaller, ...larger]) add(peer, 'leaf')
  for (const { peer } of table) add(peer, 'entry')
  for (const { peer } of neighbours) add(peer, 'neighbour')
  return roles
}
