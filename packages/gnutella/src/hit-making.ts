/** QueryHits of this servent: results packed so that each hit is small (draft 0.6, 2.2.6). */
import { SELF, utf8Length } from '@servent/overlay/machine'
import type { MatchWork } from './answering.ts'
import { HIT_PAYLOAD_BYTES, HIT_RESULTS_MAX, TTL_MAX, VENDOR } from './constants.ts'
import type { HitResult, QueryHitMessage } from './messages.ts'
import type { Fx, GnutellaState } from './state.ts'
import { PUSH_PROXIES_MAX } from './tier-constants.ts'

/** Index, size, two NULs, separators, and what GGEP puts around a record. */
const RESULT_OVERHEAD_BYTES = 64
/** Of each push proxy: a hit is to stay small. */
const PROXY_ADDRESSES = 2

export function* hitsOf(
  state: GnutellaState,
  fx: Fx,
  { guid, hops }: MatchWork,
  results: readonly HitResult[]
): Generator<QueryHitMessage> {
  for (const some of packed(results)) {
    yield {
      type: 'query-hit',
      guid,
      // Enough for the way back, and a little more (draft 0.6, 2.2.6: the query's hops and 2). Of a query that
      // came further than a flood does, just enough.
      ttl: Math.max(Math.min(TTL_MAX, hops + 2), Math.min(255, hops + 1)),
      hops: 0,
      ipv4: 0,
      port: 0,
      speed: 0,
      results: some,
      vendor: VENDOR,
      flags: { push: state.sharing.firewalled },
      contact: fx.peers.contact(SELF),
      ...proxiesOf(state, fx),
      ggep: [],
      servent: state.servent
    }
  }
}

/** Of a leaf that cannot be dialled, its ultrapeers: they hand pushes on to it. */
function proxiesOf({ tiers, sharing, neighbours }: GnutellaState, fx: Fx): Pick<QueryHitMessage, 'proxies'> {
  if (tiers.tier !== 'leaf' || !sharing.firewalled || neighbours.peers.length === 0) return {}
  const proxies = neighbours.peers.slice(0, PUSH_PROXIES_MAX).map(({ peer }) => {
    // A copy: the table's own contact changes when more is heard of the peer.
    const { id, addresses } = fx.peers.contact(peer)
    return { id, addresses: addresses.slice(0, PROXY_ADDRESSES) }
  })
  return { proxies }
}

/** Results in their order, so many together as make a hit's payload. */
function* packed(results: readonly HitResult[]): Generator<readonly HitResult[]> {
  let some: HitResult[] = []
  let bytes = 0
  for (const result of results) {
    const next = resultBytes(result)
    if (some.length > 0 && (bytes + next > HIT_PAYLOAD_BYTES || some.length === HIT_RESULTS_MAX)) {
      yield some
      some = []
      bytes = 0
    }
    some.push(result)
    bytes += next
  }
  if (some.length > 0) yield some
}

/** Whether somebody signed for a result: in one form or the other. */
export function isSigned({ record, abridged }: HitResult): boolean {
  return record !== undefined || abridged !== undefined
}

/** At most so many bytes of a hit's payload; one in 254 is what COBS may add to a record. */
export function resultBytes({ name, urns, record, abridged }: HitResult): number {
  const recordBytes = (record?.length ?? 0) + (abridged?.length ?? 0)
  const urnBytes = urns.reduce((total, urn) => total + utf8Length(urn) + 1, 0)
  return RESULT_OVERHEAD_BYTES + utf8Length(name) + urnBytes + recordBytes + Math.ceil(recordBytes / 254)
}
