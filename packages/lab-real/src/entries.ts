/** Entries of an overlay's tables, counted as the lab's adapter of its machine counts them. */
import type { OverlaySnapshot } from '@servent/overlay'

type Of = (tables: Readonly<Record<string, unknown>>) => number

const length = (table: unknown) => (table as readonly unknown[]).length

const ENTRIES: Readonly<Record<string, Of>> = {
  chord: ({ predecessors, successors, fingers }) =>
    length(predecessors) + length(successors) + length(fingers),
  gnutella: ({ neighbours, hostCache, pongs, routes, queryCache }) => {
    const { queries, pushes } = routes as { queries: number; pushes: number }
    const { hits } = queryCache as { hits: number }
    return length(neighbours) + Number(hostCache) + Number(pongs) + queries + pushes + hits
  }
}

/** Nothing where the tables that it shows are not those that the simulator counts. */
export function entriesOf(snapshot: OverlaySnapshot): number | undefined {
  return ENTRIES[snapshot.name]?.(snapshot)
}
