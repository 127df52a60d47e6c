/** Lies of Kelips's peers about lookups, and about whom they know. */
import type { KelipsMessage, KelipsTypes } from '@servent/kelips/machine'
import { PRIORITY_LOOKUP } from '@servent/key-routing/machine'
import type { LyingRules } from './lying.ts'

/** Contacts that an answer names. */
const NAMED = 4

/** Lives are signed, and heartbeats prove themselves: nobody can make one up, but leave out those of others. */
export const KELIPS_LIES: LyingRules<KelipsTypes> = {
  onMessage(liar, link, message) {
    if (message.type !== 'find') return false
    const lie = liar.lieAbout('user')
    if (lie === 'wrong-owner') {
      const { id, key } = message
      const nearest = liar.contacts(liar.group.nearestByXor(key, NAMED))
      const none = { hops: 0, timeouts: 0, total: 0, tuples: [] }
      liar.say(link, { type: 'providers', id, covers: true, ...none, nearest }, PRIORITY_LOOKUP)
    }
    return lie !== undefined
  },
  poison({ group }, message): KelipsMessage {
    switch (message.type) {
      case 'gossip': {
        const lives = message.lives.filter(({ contact }) => group.isFellow(contact))
        const beats = message.beats.filter(({ peer }) => group.hasPrefix(peer))
        return {
          ...message,
          lives,
          beats,
          tuples: message.tuples.filter(one => group.isFellow(one.provider))
        }
      }
      case 'welcome':
        return { ...message, lives: message.lives.filter(({ contact }) => group.isFellow(contact)) }
      case 'state':
        return {
          ...message,
          lives: message.lives.filter(({ contact }) => group.isFellow(contact)),
          tuples: message.tuples.filter(one => group.isFellow(one.provider))
        }
      case 'providers': {
        // What it made up itself has nobody but liars in it.
        if (message.nearest.every(contact => group.isFellow(contact))) return message
        return { ...message, nearest: group.inPlaceOf(message.nearest) }
      }
      default:
        return message
    }
  }
}
