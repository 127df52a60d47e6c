/** The path of one lookup of a run, as results keep it. */
import type { NodeIndex } from '@servent/simulator'
import { percentile } from '../statistics.ts'
import { PATH_EVENTS_MAX, PATH_LINKS_MAX } from './path-limits.ts'
import type { Path } from './path-schema.ts'
import type { Picture } from './picture.ts'
import { type LookupTrace, NO_ANSWER, type Traced } from './trace.ts'
import { namedBy, type Way } from './way.ts'

/** A lookup that was looked at, had a right answer from another peer, and went a way that is known. */
export interface Followed {
  readonly trace: LookupTrace
  readonly picture: Picture
  readonly way: Way
  readonly found: NodeIndex
  readonly hops: number
  readonly tookUs: number
}

/** Of the first lookups the first one whose path is as long as the middle one of all, or else nearest to it. */
export function pathOf(followed: readonly Followed[], hops: Float64Array): Path | undefined {
  if (hops.length === 0) return undefined
  const middle = percentile(hops.toSorted(), 50)
  const off = (one: Followed) => Math.abs(one.hops - middle)
  const [nearest] = followed.toSorted((a, b) => off(a) - off(b))
  return nearest && written(nearest)
}

/** Of more messages than there is room for, the way itself and the first of the others. */
function written({ trace, picture, way, found, hops, tookUs }: Followed): Path {
  const { origin, messages, leftOut, target } = trace
  const there = new Set(way.there)
  const back = new Set(way.back)
  const isOfWay = (one: Traced) => there.has(one) || back.has(one)
  const isSeen = ({ from, to }: Traced) => picture.has(from) && picture.has(to)
  let room = PATH_EVENTS_MAX - there.size - back.size
  const kept = messages.filter(one => {
    if (isOfWay(one)) return true
    room -= isSeen(one) ? 1 : 0
    return isSeen(one) && room >= 0
  })
  // Nothing was sent where somebody waits no longer.
  const sentOf = (all: readonly Traced[]) => all.filter(({ message }) => message !== NO_ANSWER).length
  const peers = [...picture.keys()].sort((a, b) => a - b)
  return {
    target,
    origin,
    answered_by: way.answeredBy,
    found,
    hops,
    latency_us: tookUs,
    peers: peers.map(peer => {
      const { role, id, group } = picture.get(peer)!
      return { peer, role, id, group }
    }),
    links: linksIn(picture, peers),
    events: kept.map(one => ({
      at_us: one.atUs,
      arrived_us: one.arrivedUs ?? null,
      from: one.from,
      to: one.to,
      message: one.message,
      ttl: one.ttl ?? null,
      hops: one.hops ?? null,
      named: one.names.length,
      named_by: namedBy(trace, one) ?? null,
      way: there.has(one) ? 'there' : back.has(one) ? 'back' : null
    })),
    left_out: leftOut + sentOf(messages) - sentOf(kept)
  }
}

function linksIn(picture: Picture, peers: readonly NodeIndex[]): [NodeIndex, NodeIndex][] {
  const links: [NodeIndex, NodeIndex][] = []
  for (const peer of peers)
    for (const other of [...picture.get(peer)!.links].sort((a, b) => a - b)) {
      // Both may show it.
      const isTwice = other < peer && picture.get(other)?.links.includes(peer) === true
      if (picture.has(other) && !isTwice && links.length < PATH_LINKS_MAX) links.push([peer, other])
    }
  return links
}
