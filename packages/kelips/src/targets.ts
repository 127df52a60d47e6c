/**
 * Whom gossip tells. A libp2p node has connections for a part of the peers that its tables know. Were targets drawn from
 * all of them, each round and each piece of news would open links that push out others, which the next ones open again.
 * So a peer that holds as many links as it should draws from those that it is linked with: the links of all peers
 * together are a graph over which news get everywhere. Now and then a round draws from all, lest a part of the members
 * be linked with each other alone.
 */
import type { Peer } from '@servent/overlay/machine'
import { LINKED_TARGETS_MIN, STRANGERS_EVERY_ROUNDS } from './constants.ts'
import type { Kelips } from './kelips.ts'
import type { LifeTable } from './life-table.ts'
import { chooseTargets } from './spatial.ts'
import type { Fx } from './types.ts'

/** For a round: by measured distance, unless proximity is off. */
export function roundTargets(kelips: Kelips, table: LifeTable, count: number, fx: Fx): Peer[] {
  const isOpen = kelips.counters.rounds % STRANGERS_EVERY_ROUNDS === 0
  const rows = isOpen ? undefined : linkedRows(kelips, table, count)
  const isMeasured = kelips.settings.proximity === 'on'
  return choose(table, rows, count, isMeasured, fx)
}

/** For what is fresh: drawn evenly, for near ones would tell each other. */
export function newsTargets(kelips: Kelips, table: LifeTable, count: number, fx: Fx): Peer[] {
  return choose(table, linkedRows(kelips, table, count), count, false, fx)
}

function choose(
  table: LifeTable,
  rows: readonly number[] | undefined,
  count: number,
  isMeasured: boolean,
  fx: Fx
): Peer[] {
  const rowAt = (place: number): number => (rows === undefined ? place : rows[place]!)
  const size = rows?.length ?? table.size
  const rttMs = (place: number): number => (isMeasured ? table.rttMs(rowAt(place)) : 1)
  return chooseTargets({ size, rttMs }, count, fx).map(place => table.peerAt(rowAt(place)))
}

/** Nothing where all may be told: there is room for more links, or too few of the table have one. */
function linkedRows({ calls }: Kelips, table: LifeTable, count: number): number[] | undefined {
  if (!calls.holdsEnough) return undefined
  const rows: number[] = []
  for (let row = 0; row < table.size; row += 1)
    if (calls.linkOf(table.peerAt(row)) !== undefined) rows.push(row)
  return rows.length < LINKED_TARGETS_MIN * count ? undefined : rows
}
