/**
 * Rings of real peers: libp2p nodes on loopback in processes of their own, and what an observer who knows them all
 * expects of their tables and of the records that each keeps.
 */
import { ContentId, compareKeys, type Key, keyFromHex, keyOfContent, keyToHex } from '@servent/overlay'
import { Network } from '../../../bench/lookup/network.ts'
import type { PeerState } from '../../../bench/lookup/peers.ts'
import { contentOf } from '../../../bench/lookup/plan.ts'
import { inRingOrder, isRing } from '../../../bench/lookup/ring.ts'

export interface RealRingInit {
  readonly seed: string
  /** Peers of each process. */
  readonly processes: readonly number[]
  readonly settings?: Readonly<Record<string, unknown>>
}

export function startRing({ seed, processes, settings = {} }: RealRingInit): Promise<Network> {
  return Network.start({
    side: 'chord',
    seed,
    processes,
    settings,
    introductions: 3,
    connectionsMax: 300,
    execArgv: ['--conditions=source']
  })
}

export function keysOf(seed: string, contents: number): Key[] {
  return Array.from({ length: contents }, (_, content) =>
    keyOfContent(ContentId.parse(`${contentOf(seed, content)}`))
  )
}

/** Everybody's list is right to its end. */
export function isWholeRing(states: readonly PeerState[], listLength: number): boolean {
  return isRing(states, listLength)
}

/** Each key has its record at its root, which knows that it is that, and at the next `copies - 1` peers. */
export function hasReplicas(states: readonly PeerState[], keys: readonly Key[], copies: number): boolean {
  const ring = inRingOrder(states)
  const held = ring.map(({ heldKeys }) => new Set(heldKeys))
  const rootRecords = ring.map(() => 0)
  for (const key of keys) {
    const after = ring.findIndex(peer => compareKeys(keyFromHex(peer.key), key) >= 0)
    const root = after === -1 ? 0 : after
    rootRecords[root]! += 1
    for (let step = 0; step < Math.min(copies, ring.length); step++)
      if (!held[(root + step) % ring.length]!.has(keyToHex(key))) return false
  }
  return ring.every((peer, place) => peer.rootRecords === rootRecords[place])
}
