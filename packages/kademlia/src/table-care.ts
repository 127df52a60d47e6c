/**
 * Who enters a bucket, and who leaves it. Only whoever has answered enters: a peer that asks is asked in its turn, so a
 * client that answers nobody stays out, whatever it says. A full bucket keeps who is in it (paper section 2.2: who has
 * been there long will most probably stay): the one that was heard of longest ago is asked whether it lives, and makes
 * room only where it does not answer.
 */
import { requestTwice } from '@servent/key-routing/machine'
import { type Peer, SELF } from '@servent/overlay/machine'
import type { Fx, Kad } from './kad.ts'
import { NEWCOMERS_MAX, SILENCES_MAX } from './machine-constants.ts'

/** A peer that is no client has asked something. */
export function asked(kad: Kad, peer: Peer, isClient: boolean, fx: Fx): void {
  const { buckets, rules } = kad
  const key = fx.peers.key(peer)
  const entry = buckets.find(peer, key)
  if (entry !== undefined) {
    buckets.heard(entry, fx.nowMs())
    return
  }
  if (rules.trustsAskers) enter(kad, peer, fx)
  else if (!isClient) meet(kad, peer, fx)
}

/** Asks a peer whether it answers, where there is or might be room for it. */
export function meet(kad: Kad, peer: Peer, fx: Fx): void {
  if (peer === SELF || kad.pinged.has(peer) || kad.pinged.size >= NEWCOMERS_MAX || !kad.maintenance) return
  const key = fx.peers.key(peer)
  const { buckets } = kad
  if (buckets.find(peer, key) !== undefined) return
  if (buckets.isFull(key) && toAsk(kad, peer, fx) === undefined) return
  kad.pinged.set(peer, peer)
  ping(kad, peer, fx, (isAlive, later) => {
    if (isAlive === true) answered(kad, peer, later)
  })
}

/** A peer has answered a request. */
export function answered(kad: Kad, peer: Peer, fx: Fx): void {
  const { buckets } = kad
  const key = fx.peers.key(peer)
  const entry = buckets.find(peer, key)
  const network = kad.networks.of(peer)
  if (entry !== undefined) {
    entry.network = network ?? entry.network
    buckets.heard(entry, fx.nowMs())
  } else if (kad.maintenance && !buckets.isCrowded(key, network, kad.peersPerNetwork)) enter(kad, peer, fx)
}

/** A request to a peer was not answered. Where nothing could be sent to it, it goes at once. */
export function fellSilent(kad: Kad, peer: Peer, why: string, fx: Fx): void {
  if (!kad.maintenance) return
  const entry = kad.buckets.find(peer, fx.peers.key(peer))
  if (entry === undefined) return
  entry.silences += 1
  if (why !== 'unreachable' && entry.silences < SILENCES_MAX) return
  kad.buckets.remove(entry)
  kad.cache.lost.add(peer)
  kad.counters.left += 1
  if (kad.buckets.size === 0) kad.events.onEmpty(fx)
}

function enter(kad: Kad, peer: Peer, fx: Fx): void {
  const { buckets, rules } = kad
  const key = fx.peers.key(peer)
  if (buckets.isFull(key) && !rules.overfills) {
    const oldest = toAsk(kad, peer, fx)
    if (oldest === undefined || kad.pinged.size >= NEWCOMERS_MAX) return
    kad.pinged.set(oldest, peer)
    ping(kad, oldest, fx, (isAlive, later) => {
      if (isAlive === true) answered(kad, oldest, later)
      if (isAlive !== false) return
      fellSilent(kad, oldest, 'unreachable', later)
      const isCrowded = buckets.isCrowded(key, kad.networks.of(peer), kad.peersPerNetwork)
      if (buckets.find(peer, key) === undefined && !buckets.isFull(key) && !isCrowded) put(kad, peer, later)
    })
    return
  }
  put(kad, peer, fx)
}

function put(kad: Kad, peer: Peer, fx: Fx): void {
  const wasEmpty = kad.buckets.size === 0
  kad.buckets.add(peer, fx.peers.key(peer), fx.nowMs(), kad.rules, kad.networks.of(peer))
  kad.cache.lost.remove(peer)
  kad.counters.entered += 1
  if (wasEmpty) kad.events.onFilled(fx)
}

/** Of a full bucket the one that was heard of longest ago, where that is long enough ago and it is not asked yet. */
function toAsk(kad: Kad, newcomer: Peer, fx: Fx): Peer | undefined {
  const { buckets, settings, pinged } = kad
  const [oldest] = buckets.at(buckets.prefixOf(fx.peers.key(newcomer)))
  if (oldest === undefined || fx.nowMs() - oldest.heardMs < settings.pingAgainMs) return undefined
  return pinged.has(oldest.peer) ? undefined : oldest.peer
}

function ping(kad: Kad, peer: Peer, fx: Fx, done: (isAlive: boolean | 'later', fx: Fx) => void): void {
  requestTwice(
    kad.calls,
    peer,
    id => ({ type: 'ping' as const, id, ...kad.mark }),
    fx,
    (heard, later) => {
      kad.pinged.delete(peer)
      if (!kad.stopped) done(heard === 'later' ? 'later' : heard?.type === 'pong', later)
    }
  )
}
