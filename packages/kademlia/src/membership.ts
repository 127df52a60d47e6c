/**
 * Joining, and how tables are kept (paper section 2.3). Whoever knows somebody looks up its own key, so that those
 * around it meet it, and then a key of every bucket that is further away than its nearest neighbour. Later it looks up
 * its own key, and a key of every bucket in which nothing was looked up meanwhile, every five minutes (js). Whom it lost
 * it asks again then, one a round, so that the halves of a network that was parted find each other.
 */
import { jittered } from '@servent/key-routing/machine'
import { type Peer, SELF } from '@servent/overlay/machine'
import { type Fx, type Kad, TABLE_LOOKUP_MS } from './kad.ts'
import { startLookup } from './lookup-run.ts'
import { JOIN_AGAIN_MS, REFRESHED_PREFIX_BITS_MAX } from './machine-constants.ts'
import { meet } from './table-care.ts'
import { randomKeyWithPrefix } from './xor.ts'

const SELF_TIMER = 'kad/self'
const REFRESH_TIMER = 'kad/refresh'
const JOIN_TIMER = 'kad/join'

/** Asks those that are remembered, as long as nobody answers. */
export function join(kad: Kad, fx: Fx): void {
  kad.setMode('joining', fx)
  if (kad.buckets.size > 0) {
    lookUpSelf(kad, fx)
    return
  }
  const { bootstrap, lost } = kad.cache
  for (const peer of [...bootstrap.peers, ...lost.peers]) meet(kad, peer, fx)
  if (kad.maintenance) fx.setTimer(JOIN_TIMER, jittered(fx, JOIN_AGAIN_MS))
}

/** The first peer has answered. */
export function onTableFilled(kad: Kad, fx: Fx): void {
  if (kad.mode === 'joining') lookUpSelf(kad, fx)
}

/** Everybody that was known is gone: only who is remembered can help. */
export function onTableEmpty(kad: Kad, fx: Fx): void {
  if (kad.mode === 'member' || kad.mode === 'client') join(kad, fx)
}

export function onContact(kad: Kad, peer: Peer, fx: Fx, isChosen = false): void {
  if (peer === SELF) return
  kad.cache.bootstrap.add(peer, isChosen)
  if (kad.mode !== 'idle') meet(kad, peer, fx)
}

/** True where the timer was one of these. */
export function onTableTimer(kad: Kad, timer: string | number, fx: Fx): boolean {
  if (timer === JOIN_TIMER) {
    if (kad.mode === 'joining') join(kad, fx)
  } else if (timer === SELF_TIMER) {
    if (kad.maintenance) {
      askLost(kad, fx)
      lookUpSelf(kad, fx)
    }
  } else if (timer === REFRESH_TIMER) {
    if (kad.maintenance) refresh(kad, false, fx)
  } else return false
  return true
}

/**
 * One of those that went silent, each round another: they may have been on the other side of a partition. js keeps them in
 * its buckets as long as there is room, and so asks them in every lookup.
 */
function askLost(kad: Kad, fx: Fx): void {
  const lost = kad.cache.lost.next()
  if (lost !== undefined) meet(kad, lost, fx)
}

export function setMaintenance(kad: Kad, on: boolean, fx: Fx): void {
  if (kad.maintenance === on) return
  kad.maintenance = on
  for (const timer of [SELF_TIMER, REFRESH_TIMER, JOIN_TIMER]) fx.cancelTimer(timer)
  if (!on || kad.mode === 'idle') return
  if (kad.mode === 'joining') join(kad, fx)
  else arm(kad, fx)
}

/** Takes these peers as if it had met them long ago. */
export function adopt(kad: Kad, peers: readonly Peer[], fx: Fx): void {
  kad.buckets.clear()
  for (const peer of peers)
    if (peer !== SELF) kad.buckets.add(peer, fx.peers.key(peer), fx.nowMs(), kad.rules)
  fx.cancelTimer(JOIN_TIMER)
  kad.setMode(kad.serves ? 'member' : 'client', fx)
  arm(kad, fx)
}

function arm(kad: Kad, fx: Fx): void {
  if (!kad.maintenance) return
  fx.setTimer(SELF_TIMER, jittered(fx, kad.settings.selfLookupMs))
  fx.setTimer(REFRESH_TIMER, jittered(fx, kad.settings.refreshMs))
}

function lookUpSelf(kad: Kad, fx: Fx): void {
  if (kad.lookingForSelf) return
  kad.lookingForSelf = true
  startLookup(
    kad,
    {
      key: kad.self,
      purpose: 'table',
      budgetMs: TABLE_LOOKUP_MS,
      done: ({ closest }, later) => {
        kad.lookingForSelf = false
        if (kad.stopped) return
        if (kad.mode !== 'joining') {
          if (kad.maintenance) later.setTimer(SELF_TIMER, jittered(later, kad.settings.selfLookupMs))
        } else if (closest.length === 0) {
          if (kad.maintenance) later.setTimer(JOIN_TIMER, jittered(later, JOIN_AGAIN_MS))
        } else {
          later.cancelTimer(JOIN_TIMER)
          kad.setMode(kad.serves ? 'member' : 'client', later)
          arm(kad, later)
          refresh(kad, true, later)
        }
      }
    },
    fx
  )
}

/** Looks up a random key of each bucket that is due, one after the other. `all`: whenever it was looked into. */
function refresh(kad: Kad, all: boolean, fx: Fx): void {
  const { refreshMs } = kad.settings
  const next = (prefixBits: number, later: Fx): void => {
    const last = Math.min(kad.buckets.length - 1, REFRESHED_PREFIX_BITS_MAX)
    if (prefixBits > last || !kad.maintenance || kad.stopped) {
      if (kad.maintenance && !kad.stopped) later.setTimer(REFRESH_TIMER, jittered(later, refreshMs))
      return
    }
    const refreshed = kad.refreshedMs[prefixBits]
    if (!all && refreshed !== undefined && later.nowMs() - refreshed < refreshMs / 2) {
      next(prefixBits + 1, later)
      return
    }
    startLookup(
      kad,
      {
        key: randomKeyWithPrefix(kad.self, prefixBits, later),
        purpose: 'table',
        budgetMs: TABLE_LOOKUP_MS,
        done: (_, after) => next(prefixBits + 1, after)
      },
      later
    )
  }
  next(0, fx)
}
