/**
 * Which host to fetch from (lecture notes: the client pings each host in the list to find transfer rates, and
 * fetches from the best): first the rates that transfers measured, then round trips of pings, then what the
 * sharers say of their links, which is nobody's proof.
 */

export interface HostMeasure {
  readonly peerId: string
  /** Bytes a second of earlier transfers from this host. */
  readonly rate?: number
  /** Of its answer to a ping; nothing where none came. */
  readonly rttMs?: number
  /** What it says: 0 (unknown) to 10. */
  readonly linkSpeed?: number
}

/** The best first. Hosts that gave no sign of life come last, whatever they once were. */
export function orderHosts<Host extends HostMeasure>(hosts: readonly Host[]): Host[] {
  return [...hosts].sort(
    (a, b) =>
      Number(isAlive(b)) - Number(isAlive(a)) ||
      (b.rate ?? 0) - (a.rate ?? 0) ||
      (a.rttMs ?? Number.MAX_SAFE_INTEGER) - (b.rttMs ?? Number.MAX_SAFE_INTEGER) ||
      (b.linkSpeed ?? 0) - (a.linkSpeed ?? 0) ||
      (a.peerId < b.peerId ? -1 : Number(a.peerId > b.peerId))
  )
}

const isAlive = ({ rttMs }: HostMeasure): boolean => rttMs !== undefined
