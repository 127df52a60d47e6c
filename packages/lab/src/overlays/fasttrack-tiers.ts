/**
 * Who is whose supernode in a FastTrack network that has been there for a while, put down without its messages. Supernodes are
 * any peers: merit is the length of a session, and whoever is in one for long was once as new as the others. Each other
 * peer is put where the machine's rule would bring it: of five supernodes to the one with the least round trip and load,
 * and the next best is its spare (Liang).
 */
import {
  PEERINGS_MAX,
  PEERINGS_SOUGHT,
  PROBES,
  sample,
  score,
  USERS_SOFT_PART
} from '@servent/fasttrack/machine'
import type { Random } from '@servent/simulator'

/**
 * Users of a supernode, of the target, in a network to which peers came and from which they went: one is made where the average
 * is over 1.15 of it, and then the average is less. Five networks that joined, of 1,000 and 2,000 peers, had 0.99 to 1.10.
 */
const SETTLED_PART = 1.04

export interface Tiers {
  readonly supernodes: readonly number[]
  /** Pairs of them, by number of the supernode. */
  readonly peerings: readonly (readonly [number, number])[]
  readonly ordinaries: readonly {
    readonly place: number
    /** Numbers of supernodes. */
    readonly home: number
    readonly spare: number | undefined
  }[]
}

export interface TiersInit {
  readonly count: number
  /** Ordinary nodes to a supernode that the network aims at. */
  readonly target: number
  readonly roundTripMs: (from: number, to: number) => number
  readonly random: Random
}

/** Supernodes of so many peers. */
export function supernodesOf(count: number, target: number): number {
  return Math.max(1, Math.round(count / (1 + SETTLED_PART * target)))
}

/** Places are numbers from 0 to `count` - 1. */
export function settledTiers({ count, target, roundTripMs, random }: TiersInit): Tiers {
  const draw = () => random.u32()
  const places = Array.from({ length: count }, (_, place) => place)
  const supernodes = sample([...places], supernodesOf(count, target), draw)
  const users = supernodes.map(() => 0)
  const usersMax = Math.ceil(USERS_SOFT_PART * target)
  const chosen = new Set(supernodes)
  const ordinaries = places
    .filter(place => !chosen.has(place))
    .map(place => {
      const open = supernodes.flatMap((_, number) => (users[number]! < usersMax ? [number] : []))
      const probed = sample(open, PROBES, draw)
        .map(number => ({
          number,
          score: score({
            rttMs: roundTripMs(place, supernodes[number]!),
            users: users[number]!,
            usersMax
          })
        }))
        .sort((a, b) => a.score - b.score)
      const [home, spare] = probed
      users[home!.number]! += 1
      return { place, home: home!.number, spare: spare?.number }
    })
  return { supernodes, peerings: peeringsOf(supernodes.length, random), ordinaries }
}

/** Each looks for so many, and takes some more that look for it. */
function peeringsOf(count: number, random: Random): [number, number][] {
  const linked = Array.from({ length: count }, () => new Set<number>())
  const pairs: [number, number][] = []
  for (const [one, own] of linked.entries()) {
    const open = linked.flatMap((others, other) =>
      other !== one && !own.has(other) && others.size < PEERINGS_MAX ? [other] : []
    )
    for (const other of sample(open, PEERINGS_SOUGHT - own.size, () => random.u32())) {
      own.add(other)
      linked[other]!.add(one)
      pairs.push([one, other])
    }
  }
  return pairs
}
