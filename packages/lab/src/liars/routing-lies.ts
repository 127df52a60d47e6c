/** Lies about lookups that are `key-routing`'s, and Chord's and Pastry's about their tables. */
import { type ChordMessage, type ChordTypes, keyBefore } from '@servent/chord/machine'
import { PRIORITY_LOOKUP, PRIORITY_URGENT, type RoutingMessage } from '@servent/key-routing/machine'
import { type Contact, clockwiseDistance, compareKeys, type Key, type Link } from '@servent/overlay/machine'
import type { PastryMessage, PastryTypes } from '@servent/pastry/machine'
import type { NodeIndex } from '@servent/simulator'
import type { Liar, LyingRules } from './lying.ts'

/** Holders of copies that an answer names. */
const REPLICAS = 3
/** Microseconds: whoever says that it is so near takes the place of others. */
const NEARBY_US = 1

type RoutingLiar = Liar<ChordTypes> | Liar<PastryTypes>

/** A key, and the liar that is to be its root. */
interface Claim {
  readonly root: NodeIndex
  readonly from: Key
  readonly to: Key
}

/**
 * Who has a lookup says that it takes it on, and then drops it, or says who the root is. The answer goes back along the
 * path, where nobody can see whether the named one sent it.
 */
function onRouting(
  liar: RoutingLiar,
  link: Link,
  message: RoutingMessage,
  claimOf: (key: Key) => Claim
): boolean {
  const say = (answer: RoutingMessage, priority: number): void => liar.effects.send(link, answer, priority)
  if (message.type === 'lookup') {
    const lie = liar.lieAbout(message.purpose)
    if (lie === undefined) return false
    const { id, origin, key, hops, timeouts } = message
    say({ type: 'hop-ack', origin: origin.id, id }, PRIORITY_URGENT)
    if (lie === 'drop') return true
    const { root, from, to } = claimOf(key)
    const replicas = liar.contacts(liar.group.around(to, REPLICAS).slice(0, REPLICAS))
    const found = {
      type: 'found',
      origin: origin.id,
      id,
      root: liar.group.contactOf(root),
      from,
      to
    } as const
    say({ ...found, replicas, hops, timeouts }, PRIORITY_LOOKUP)
    return true
  }
  if (message.type !== 'next-hops-request') return false
  const { id, key, purpose } = message
  // Whether it is a member at all it says as it is.
  const lie = compareKeys(key, liar.key) === 0 ? undefined : liar.lieAbout(purpose)
  if (lie === undefined) return false
  if (lie === 'drop') return true
  const { root, from, to } = claimOf(key)
  const isOwn = root === liar.node
  const hops = isOwn ? [] : [{ contact: liar.group.contactOf(root), root: true }]
  say(
    { type: 'next-hops-answer', id, ...(isOwn && { range: { from, to } }), replicas: [], hops },
    PRIORITY_URGENT
  )
  return true
}

export const CHORD_LIES: LyingRules<ChordTypes> = {
  onMessage: (liar, link, message) =>
    onRouting(liar, link, message as RoutingMessage, key => {
      const root = liar.group.successorOf(key)
      return { root, from: keyBefore(key), to: liar.group.keyOf(root) }
    }),
  poison: (liar, message): ChordMessage => {
    const nodeOf = (node: NodeIndex) => ({ contact: liar.group.contactOf(node), index: 0 })
    switch (message.type) {
      case 'neighbours':
        if (message.unchanged || message.standing !== 'ring') return message
        return {
          ...message,
          predecessor: nodeOf(liar.group.before(liar.key)),
          successors: liar.group.behind(liar.key, message.successors.length).map(nodeOf)
        }
      case 'fingers': {
        const keys = message.fingers.map(({ contact }) => liar.group.keyOfContact(contact))
        return { ...message, fingers: keys.flatMap(key => liar.group.behind(key, 1).map(nodeOf)) }
      }
      default:
        return message
    }
  }
}

export const PASTRY_LIES: LyingRules<PastryTypes> = {
  onMessage: (liar, link, message) =>
    onRouting(liar, link, message as RoutingMessage, key => {
      const root = liar.group.nearestTo(key)
      const own = liar.group.keyOf(root)
      const isBehind = compareKeys(clockwiseDistance(key, own), clockwiseDistance(own, key)) <= 0
      return { root, from: isBehind ? keyBefore(key) : own, to: isBehind ? own : key }
    }),
  poison: (liar, message): PastryMessage => {
    const inPlaceOf = (contacts: readonly Contact[]) => liar.group.inPlaceOf(contacts)
    const around = (count: number) => liar.contacts(liar.group.around(liar.key, count / 2)).slice(0, count)
    switch (message.type) {
      case 'leaf-probe':
      case 'leaf-probe-answer':
        return { ...message, leaves: around(message.leaves.length) }
      case 'row':
      case 'announce':
        return { ...message, entries: inPlaceOf(message.entries) }
      case 'neighbours':
        return { ...message, neighbours: inPlaceOf(message.neighbours) }
      case 'join-answer': {
        const { entries, neighbours, leaves, hops } = message
        return {
          ...message,
          entries: inPlaceOf(entries),
          neighbours: inPlaceOf(neighbours),
          leaves: around(leaves.length),
          hops: inPlaceOf(hops)
        }
      }
      case 'distance':
        return { ...message, distanceUs: NEARBY_US }
      default:
        return message
    }
  }
}
