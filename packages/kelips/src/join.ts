/**
 * Joining (IPTPS section 2). A joiner asks an introducer, who tells it of members of its group and *pushes* it there:
 * p2psim's Kelips pulled only, and left joiners that nobody ever heard of. Then the joiner pulls view, contacts and
 * tuples from a member, page by page, and answers for its group from then on.
 */
import { type Peer, randomBelow, SELF } from '@servent/overlay/machine'
import {
  CONTACTS_ASKED_MAX,
  ESTIMATE_PARTS,
  JOIN_ALONE_MS,
  JOIN_RETRY_MS,
  LONE_ROUNDS_MAX,
  PRIORITY_STATE,
  PULL_PAGES_MAX,
  PULL_TRIES,
  STATE_BYTES_MAX,
  STATE_LIVES_MAX,
  STATE_ROWS_MAX,
  STATE_TUPLES_MAX,
  WELCOME_LIVES_MAX
} from './constants.ts'
import { setLevel } from './epoch.ts'
import { anyMember, noteRtt, onFailed, tellLife } from './gossip.ts'
import { groupOf } from './group.ts'
import { takeIn } from './intake.ts'
import type { Kelips } from './kelips.ts'
import type { LifeTable } from './life-table.ts'
import type { Join, Part, PeerLife, PeerTuple, State, StateRequest, Welcome } from './messages.ts'
import { armRounds } from './timers.ts'
import type { Fx } from './types.ts'
import { lifeByteLength, tupleByteLength } from './wire-group.ts'

export const JOIN_TIMER = 'join'

/** Asks contacts, and is a network of its own where nobody answers, or nobody is known. */
export function seek(kelips: Kelips, fx: Fx): void {
  if (kelips.mode !== 'joining') return
  const { cache } = kelips
  const isAlone = cache.bootstrap.peers.length === 0 && cache.lost.peers.length === 0
  if (isAlone || kelips.nowMs - kelips.joiningMs >= JOIN_ALONE_MS) becomeMember(kelips, fx)
  for (let asked = 0; asked < CONTACTS_ASKED_MAX; asked += 1) {
    const peer = cache.next()
    if (peer !== undefined) askToJoin(kelips, peer, fx)
  }
  if (kelips.mode === 'joining' && kelips.maintenance) fx.setTimer(JOIN_TIMER, JOIN_RETRY_MS)
}

/**
 * A member that knows nobody of its group asks a contact of another one: all whom its introducer knew there may have been
 * dead. After one round, two, four and so on, up to `LONE_ROUNDS_MAX`, since it may be the only one that there is.
 */
export function seekMembers(kelips: Kelips, fx: Fx): void {
  const { table } = kelips.contacts
  if (kelips.view.size > 0 || table.size === 0) {
    kelips.loneRounds = 0
    return
  }
  kelips.loneRounds += 1
  const isPowerOfTwo = (kelips.loneRounds & (kelips.loneRounds - 1)) === 0
  if (!isPowerOfTwo) return
  if (kelips.loneRounds === LONE_ROUNDS_MAX) kelips.loneRounds /= 2
  askToJoin(kelips, table.peerAt(randomBelow(fx, table.size)), fx)
}

/** Says who one is, and hears of others. Members of two networks meet so, too. */
export function askToJoin(kelips: Kelips, peer: Peer, fx: Fx): void {
  const life = kelips.ownLife
  if (life === undefined || kelips.mode === 'idle') return
  if (peer === SELF || kelips.introducing.has(peer)) return
  kelips.introducing.add(peer)
  const { level, settings, calls, left } = kelips
  const message: Join = { type: 'join', id: calls.nextId(), level, heartbeatMs: settings.heartbeatMs, life }
  calls.request(
    peer,
    message,
    PRIORITY_STATE,
    (outcome, later) => {
      if (kelips.left !== left) return
      kelips.introducing.delete(peer)
      if ('answer' in outcome && outcome.answer.type === 'welcome')
        onWelcome(kelips, peer, outcome.answer, later)
      else onFailed(kelips, peer, outcome, later)
    },
    fx,
    // Its signatures are checked.
    JOIN_RETRY_MS
  )
}

export function onJoin(kelips: Kelips, from: Peer, { id, heartbeatMs, life }: Join, fx: Fx): void {
  const isSelf = kelips.intern(life.contact) === from
  if (heartbeatMs !== kelips.settings.heartbeatMs || !isSelf || kelips.mode === 'idle') {
    if (heartbeatMs !== kelips.settings.heartbeatMs) fx.notify({ type: 'mismatch', peer: from, heartbeatMs })
    reply(kelips, from, welcomeOf(kelips, id, []), fx)
    return
  }
  takeIn(
    kelips,
    { lives: [life], tuples: [] },
    fx,
    ({ peers }, later) => {
      const isGood = peers.includes(from)
      reply(kelips, from, welcomeOf(kelips, id, isGood ? livesFor(kelips, from, later) : []), later)
      if (!isGood) return
      kelips.metMs ??= kelips.nowMs
      kelips.rules.introduce(kelips, life, later)
    },
    true
  )
}

/**
 * K6: those of the joiner's group whom one knows hear of it at once, and gossip has it go round there. However often it
 * asks, they hear of it once a round.
 */
export function introduce(kelips: Kelips, life: PeerLife, fx: Fx): void {
  const joiner = kelips.intern(life.contact)!
  const key = kelips.peers.key(joiner)
  // Members hear of it as news.
  if (kelips.isMember(key) || kelips.introduced.has(joiner)) return
  const { contacts, level } = kelips
  const peers = contacts
    .of(groupOf(key, level))
    .map(row => contacts.table.peerAt(row))
    .filter(peer => peer !== joiner)
  if (tellLife(kelips, life, peers, fx) > 0) kelips.introduced.add(joiner)
}

function welcomeOf(kelips: Kelips, id: number, lives: readonly PeerLife[]): Welcome {
  const { level, estimate, settings } = kelips
  return {
    type: 'welcome',
    id,
    level,
    estimate: Math.max(0, Math.round(estimate * ESTIMATE_PARTS)),
    heartbeatMs: settings.heartbeatMs,
    lives
  }
}

/** Half of them of the joiner's group, as far as there are; then one of each other group, from a random one on. */
function livesFor(kelips: Kelips, joiner: Peer, fx: Fx): PeerLife[] {
  const { view, contacts, level } = kelips
  const key = kelips.peers.key(joiner)
  const own = kelips.ownLife
  const lives: PeerLife[] = own === undefined ? [] : [own]
  const add = (table: LifeTable, row: number): void => {
    if (lives.length < WELCOME_LIVES_MAX && table.peerAt(row) !== joiner)
      lives.push(kelips.lifeAt(table, row))
  }
  const group = groupOf(key, level)
  if (group === kelips.group) for (const row of someRows(view.size, WELCOME_LIVES_MAX / 2, fx)) add(view, row)
  else for (const row of contacts.of(group)) add(contacts.table, row)
  for (const row of someRows(contacts.table.size, WELCOME_LIVES_MAX, fx))
    if (groupOf(kelips.peers.key(contacts.table.peerAt(row)), level) !== group) add(contacts.table, row)
  for (const row of someRows(view.size, 2, fx)) if (group !== kelips.group) add(view, row)
  return lives
}

/** Neighbouring rows from a random one on: rows are in no order. */
function someRows(size: number, count: number, fx: Fx): number[] {
  if (size === 0) return []
  const first = randomBelow(fx, size)
  return Array.from({ length: Math.min(size, count) }, (_, step) => (first + step) % size)
}

function onWelcome(kelips: Kelips, peer: Peer, welcome: Welcome, fx: Fx): void {
  if (welcome.heartbeatMs !== kelips.settings.heartbeatMs) {
    fx.notify({ type: 'mismatch', peer, heartbeatMs: welcome.heartbeatMs })
    return
  }
  if (welcome.lives.length === 0) return
  const isNewcomer = kelips.mode === 'joining' || kelips.others === 0
  if (isNewcomer) {
    // By far the more know how many groups there are.
    if (kelips.settings.groups === undefined) setLevel(kelips, welcome.level, fx)
    kelips.estimate = Math.max(kelips.localEstimate, welcome.estimate / ESTIMATE_PARTS)
  }
  const { left } = kelips
  const wasLone = kelips.view.size === 0
  const release = kelips.hold([peer])
  takeIn(
    kelips,
    { lives: welcome.lives, tuples: [] },
    fx,
    (_taken, later) => {
      release()
      if (kelips.left !== left) return
      noteRtt(kelips, peer)
      kelips.metMs ??= kelips.nowMs
      if (isNewcomer) pullFrom(kelips, 'join', later)
      else if (wasLone && kelips.view.size > 0) pullFrom(kelips, 'merge', later)
    },
    true
  )
}

/**
 * Pulls from a member what it knows. `join`: everything, and this peer is a member afterwards. `merge`: the tuples and
 * members of the other half.
 */
export function pullFrom(kelips: Kelips, why: 'join' | 'merge', fx: Fx, tried: readonly Peer[] = []): void {
  if (kelips.pulling) return
  const by = anyMember(kelips, fx, tried)
  if (by === undefined || tried.length >= PULL_TRIES) {
    // The first of its group, or nobody there answers: it asks others each few rounds, and hears the rest by gossip.
    onPulled(kelips, fx)
    return
  }
  kelips.pulling = true
  const release = kelips.hold([by])
  const parts: Part[] = why === 'join' ? ['members', 'tuples', 'contacts'] : ['members', 'tuples']
  const { left } = kelips
  const done = (isWhole: boolean, later: Fx): void => {
    release()
    if (kelips.left !== left) return
    kelips.pulling = false
    if (isWhole) onPulled(kelips, later)
    else pullFrom(kelips, why, later, [...tried, by])
  }
  pullPage(kelips, { by, left, done }, parts, 0, PULL_PAGES_MAX, fx)
}

interface Pull {
  readonly by: Peer
  /** As `Kelips.left` was when it began. */
  readonly left: number
  done(isWhole: boolean, fx: Fx): void
}

function pullPage(
  kelips: Kelips,
  pull: Pull,
  parts: readonly Part[],
  from: number,
  pages: number,
  fx: Fx
): void {
  const [part, ...rest] = parts
  const { by, left } = pull
  if (part === undefined || pages === 0 || kelips.left !== left) {
    pull.done(part === undefined, fx)
    return
  }
  const message: StateRequest = {
    type: 'state-request',
    id: kelips.calls.nextId(),
    part,
    from,
    level: kelips.level
  }
  kelips.calls.request(
    by,
    message,
    PRIORITY_STATE,
    (outcome, later) => {
      if (kelips.left !== left) {
        pull.done(false, later)
        return
      }
      if (!('answer' in outcome) || outcome.answer.type !== 'state') {
        // One that is no member answers, and lives.
        if ('failed' in outcome) onFailed(kelips, by, outcome, later)
        pull.done(false, later)
        return
      }
      const { lives, tuples, next } = outcome.answer
      const goOn = (after: Fx): void => {
        if (next > from) pullPage(kelips, pull, parts, next, pages - 1, after)
        else pullPage(kelips, pull, rest, 0, pages - 1, after)
      }
      takeIn(kelips, { lives, tuples }, later, (_taken, after) => goOn(after))
    },
    fx,
    JOIN_RETRY_MS
  )
}

function onPulled(kelips: Kelips, fx: Fx): void {
  kelips.answerLevel = kelips.level
  becomeMember(kelips, fx)
}

/** Answers for its group from now on. */
export function becomeMember(kelips: Kelips, fx: Fx): void {
  if (kelips.mode === 'member') return
  kelips.answerLevel = kelips.level
  kelips.setMode('member', fx)
  fx.cancelTimer(JOIN_TIMER)
  armRounds(kelips, fx)
}

/**
 * One page of what is known here. Rows that move meanwhile are told twice or not: gossip has them come. Whoever is no
 * member, and knows a part at best, refuses as it refuses a joiner.
 */
export function onPull(
  kelips: Kelips,
  from: Peer,
  { id, part, from: first, level }: StateRequest,
  fx: Fx
): void {
  if (kelips.mode !== 'member') {
    reply(kelips, from, welcomeOf(kelips, id, []), fx)
    return
  }
  const lives: PeerLife[] = []
  const tuples: PeerTuple[] = []
  let left = STATE_BYTES_MAX
  let at = first
  const asker = groupOf(kelips.peers.key(from), level)
  if (part === 'tuples') {
    const providers = new Set<Peer>()
    const end = Math.min(kelips.tuples.size, first + STATE_ROWS_MAX)
    for (; at < end && tuples.length < STATE_TUPLES_MAX; at += 1) {
      if (groupOf(kelips.tuples.prefixAt(at), level) !== asker) continue
      const tuple = kelips.tupleAt(at)
      const origin = kelips.tuples.originAt(at)
      const life = providers.has(origin) ? undefined : kelips.lifeOf(origin)
      if (life !== undefined && lives.length >= STATE_LIVES_MAX) break
      left -= tupleByteLength(tuple) + (life === undefined ? 0 : lifeByteLength(life))
      if (left < 0) break
      providers.add(origin)
      if (life !== undefined) lives.push(life)
      tuples.push(tuple)
    }
    const isLast = at >= kelips.tuples.size
    reply(kelips, from, { type: 'state', id, lives, tuples, next: isLast ? 0 : at }, fx)
    return
  }
  const table = part === 'members' ? kelips.view : kelips.contacts.table
  for (; at < table.size && lives.length < STATE_LIVES_MAX; at += 1) {
    const life = kelips.lifeAt(table, at)
    left -= lifeByteLength(life)
    if (left < 0) break
    lives.push(life)
  }
  const own = kelips.ownLife
  if (part === 'members' && first === 0 && own !== undefined && lives.length < STATE_LIVES_MAX)
    lives.push(own)
  const page: State = { type: 'state', id, lives, tuples, next: at >= table.size ? 0 : at }
  reply(kelips, from, page, fx)
}

export function reply(kelips: Kelips, to: Peer, message: Welcome | State, fx: Fx): void {
  const link = kelips.calls.linkOf(to)
  if (link !== undefined) fx.send(link, message, PRIORITY_STATE)
}
