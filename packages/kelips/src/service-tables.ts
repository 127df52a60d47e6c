/** The machine's tables for people and scripts: peers by their PeerIds, one row for each entry. */
import type { Peer } from '@servent/overlay'
import type { KelipsEntry, KelipsMode, KelipsTables } from './types.ts'

/** An entry of a view or a contact. */
export interface PeerRow {
  readonly peerId: string
  /** Milliseconds since its heartbeat last went forward. */
  readonly heardMsAgo: number
  /** Nothing: not measured. */
  readonly rttMs?: number
}

/** What Kelips adds to an overlay's snapshot. */
export interface KelipsView {
  readonly mode: KelipsMode
  /** What the mode means, in a sentence. */
  readonly meaning: string
  /** k, and which of them is this peer's. */
  readonly groups: number
  readonly group: number
  readonly estimatedPeers: number
  /** Other members of the own group. */
  readonly members: readonly PeerRow[]
  readonly contacts: readonly (PeerRow & { readonly group: number })[]
  /** Tuples of the own group, and how many providers they are of. */
  readonly tuples: number
  readonly providers: number
  /** PeerIds of peers by whom a network is joined again, or a foreign one is found. */
  readonly remembered: readonly string[]
}

export function kelipsView(tables: KelipsTables, nameOf: (peer: Peer) => string): KelipsView {
  const { mode, groups, group, estimatedPeers, members, contacts, tuples, origins, remembered } = tables
  const row = ({ peer, heardMsAgo, rttMs }: KelipsEntry): PeerRow => ({
    peerId: nameOf(peer),
    heardMsAgo,
    ...(rttMs > 0 && { rttMs })
  })
  return {
    mode,
    meaning: meaningOf(tables),
    groups,
    group,
    estimatedPeers,
    members: members.map(row),
    contacts: contacts.map(contact => ({ ...row(contact), group: contact.group })),
    tuples,
    providers: origins,
    remembered: remembered.map(nameOf)
  }
}

function meaningOf({ mode, groups, members, contacts }: KelipsTables): string {
  switch (mode) {
    case 'idle':
      return 'Not begun, or left.'
    case 'joining':
      return 'Looking for a network to join; until there is one, lookups fail at once.'
    case 'member': {
      if (groups === 1)
        return `One group: this peer knows ${members.length} others, and each of them knows all tuples.`
      const reached = new Set(contacts.map(({ group }) => group)).size
      return `A member of one of ${groups} groups, which knows ${members.length} others there and contacts in ${reached} of the ${groups - 1} others: a key of these is one hop away.`
    }
  }
}

/** What each peer is to this one, for the table of neighbours. */
export function rolesOf({ members, contacts }: KelipsTables): ReadonlyMap<Peer, string> {
  return new Map([
    ...contacts.map(({ peer }) => [peer, 'contact'] as const),
    ...members.map(({ peer }) => [peer, 'member'] as const)
  ])
}
