/** What is to be seen of a network around a lookup when its answer comes: peers, where each stands, and their links. */
import { type Key, toHex } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import type { Deployment } from '../deployment.ts'
import type { GraphRole } from '../graph.ts'
import type { LookupAsk } from '../world.ts'
import { PATH_PEERS_MAX } from './path-limits.ts'
import type { LookupTrace } from './trace.ts'

/** What was looked up, as far as the overlay has any of it. */
export interface Target {
  /** The first 64 bits, 16 hexadecimal digits. */
  readonly key: string | null
  readonly file: string | null
  /** Groups that there are, and the one that it is of. */
  readonly groups: number | null
  readonly group: number | null
}

export interface PeerInPicture {
  /** Null: all have one and the same. */
  readonly role: Exclude<GraphRole, 'peer'> | null
  /** Where it stands among keys, as `Target.key`. */
  readonly id: string | null
  readonly group: number | null
  /** Peers to which links are to be seen. */
  readonly links: readonly NodeIndex[]
}

/** In the order in which they are wanted: those of the lookup first. */
export type Picture = ReadonlyMap<NodeIndex, PeerInPicture>

const ID_BYTES = 8

export const textOfId = (key: Key): string => toHex(key.subarray(0, ID_BYTES))

/** Of more peers than there is room for: `first` ones, those of the lookup, whom they are linked with, and others evenly. */
export function pictureOf(
  deployment: Deployment,
  ask: LookupAsk,
  trace: LookupTrace,
  first: readonly NodeIndex[]
): Picture {
  const picture = new Map<NodeIndex, PeerInPicture>()
  const see = (node: NodeIndex): void => {
    if (picture.has(node) || picture.size >= PATH_PEERS_MAX) return
    picture.set(node, deployment.inPicture(node, ask))
  }
  see(trace.origin)
  first.forEach(see)
  for (const { from, to } of trace.messages) {
    see(from)
    see(to)
  }
  // Of each in turn, so that none has all the room.
  for (let place = 0, most = 1; place < most && picture.size < PATH_PEERS_MAX; place += 1)
    for (const { links } of [...picture.values()]) {
      most = Math.max(most, links.length)
      if (place < links.length) see(links[place]!)
    }
  const others = deployment.simulation.aliveNodes().filter(node => !picture.has(node))
  const count = Math.min(others.length, PATH_PEERS_MAX - picture.size)
  for (let at = 0; at < count; at += 1) see(others[Math.floor((at * others.length) / count)]!)
  return picture
}
