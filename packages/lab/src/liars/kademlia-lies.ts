/** Lies of Kademlia's peers: nobody says who the root of a key is, but whom it knows that is nearer. */
import type { KademliaMessage, KademliaTypes } from '@servent/kademlia/machine'
import { PRIORITY_LOOKUP } from '@servent/key-routing/machine'
import { compareKeys } from '@servent/overlay/machine'
import type { LyingRules } from './lying.ts'

/** Of an answer. */
const NAMED = 20

export const KADEMLIA_LIES: LyingRules<KademliaTypes> = {
  onMessage(liar, link, message) {
    if (!isQuestion(message)) return false
    const { id, key, purpose } = message
    const lie = compareKeys(key, liar.key) === 0 ? undefined : liar.lieAbout(purpose)
    if (lie === 'wrong-owner') {
      const { group } = liar
      const nodes = purpose === 'table' ? group.namedByXor(key, NAMED) : group.nearestByXor(key, NAMED)
      const closer = liar.contacts(nodes.filter(node => node !== liar.node))
      const answer = answerTo(message.type)
      liar.say(link, { ...answer, id, closer }, PRIORITY_LOOKUP)
    }
    return lie !== undefined
  },
  // Whom it knows it says in answers alone.
  poison: (_, message) => message
}

type Question = Extract<KademliaMessage, { readonly type: 'find-node' | 'get-providers' | 'get-value' }>

function isQuestion(message: KademliaMessage): message is Question {
  return message.type === 'find-node' || message.type === 'get-providers' || message.type === 'get-value'
}

function answerTo(type: Question['type']) {
  if (type === 'find-node') return { type: 'closer-peers' } as const
  return type === 'get-value'
    ? ({ type: 'value-found' } as const)
    : ({ type: 'providers', providers: [] } as const)
}
