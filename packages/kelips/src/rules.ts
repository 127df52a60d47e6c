/**
 * The rules that the invariants K1 to K6 hold by. A machine has the right ones; tests put in others, to see that the
 * observer finds what is wrong with them.
 */
import type { Key, Peer } from '@servent/overlay/machine'
import { type OneWay, SHA_CHAIN } from './chain.ts'
import { FRESH_TOLD_MAX } from './constants.ts'
import { expire } from './expiry.ts'
import { introduce } from './join.ts'
import { isLater, type Kelips } from './kelips.ts'
import type { Life } from './life-table.ts'
import type { PeerLife } from './messages.ts'
import type { Fx } from './types.ts'

/** IPTPS section 2.2. */
export interface Retries {
  /** Another contact of the key's group, of one's own or of those whom others name. */
  readonly contact: boolean
  /** A walk inside the key's group, by a contact that has no tuple itself. */
  readonly walk: boolean
  /** A member of one's own group, whose contacts are others. */
  readonly member: boolean
}

export interface KelipsRules {
  /** The one-way function of heartbeats. A simulation of many takes one that costs less and can be turned round. */
  readonly oneWay: OneWay
  /** K1: whether a peer with this key goes into the view. */
  belongs(kelips: Kelips, key: Key): boolean
  /** K2: whether what is heard of a peer is newer than what is known. */
  isNewer(heard: Pick<Life, 'startS' | 'beat'>, known: Pick<Life, 'startS' | 'beat'>): boolean
  /** K2: whether a peer that is not known may be alive. */
  isRisen(kelips: Kelips, peer: Peer, life: Life): boolean
  /** K2: whether it counts, by whether a signature was good or a heartbeat was the chain's. */
  believes(isProven: boolean): boolean
  /** K3: whether so many bytes of gossip may go now. */
  mayGo(kelips: Kelips, bytes: number): boolean
  /** K3: the same of what members nearest to a key are told beside gossip. */
  mayTell(kelips: Kelips, bytes: number): boolean
  /** K3: how many entries of a sort one message has, of so many by the settings. */
  ration(entries: number): number
  /** K4: forgets what nobody has heard of for too long. */
  expire(kelips: Kelips): void
  /** K5: how a lookup tries again. */
  readonly retries: Retries
  /** K6: tells a joiner's group of it. */
  introduce(kelips: Kelips, life: PeerLife, fx: Fx): void
  /** K6: whether this peer's chain is told to members as news, beside the heartbeats of those who know it. */
  isNews(kelips: Kelips): boolean
}

/** Kelips as it should be. */
export const CORRECT_KELIPS: KelipsRules = {
  oneWay: SHA_CHAIN,
  belongs: (kelips, key) => kelips.isMember(key),
  isNewer: isLater,
  isRisen: (kelips, peer, life) => kelips.isRisen(peer, life),
  believes: isProven => isProven,
  mayGo: (kelips, bytes) => kelips.gossipBudget.take(bytes, kelips.nowMs),
  mayTell: (kelips, bytes) => kelips.rendezvousBudget.take(bytes, kelips.nowMs),
  ration: entries => entries,
  expire,
  retries: { contact: true, walk: true, member: true },
  introduce,
  isNews: kelips => kelips.chainTold < FRESH_TOLD_MAX
}
