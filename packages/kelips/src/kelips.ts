/** The state of one peer, which the rules in the other files change, and what they all ask of it. */
import {
  type Calls,
  PeerCache,
  type RecordKind,
  RecordTable,
  STORE_LIMITS,
  type StoredRecord,
  type StoreSettings
} from '@servent/key-routing/machine'
import {
  type Contact,
  type Key,
  NO_PEER,
  type Peer,
  type PeerTable,
  type RequestId,
  SELF,
  TokenBucket
} from '@servent/overlay/machine'
import type { OneWay, OwnChain } from './chain.ts'
import {
  CLOCK_SKEW_MS,
  DEAD_MAX,
  FRESH_TOLD_MAX,
  GOSSIP_BURST_BYTES,
  HASH_STEPS_BURST,
  HASH_STEPS_PER_S,
  ORIGIN_TIMEOUT_MS_MAX,
  ORIGIN_TIMEOUT_MS_MIN,
  OWN_RECORDS_MAX,
  PINGS_PER_ROUND,
  REFRESH_ROUNDS,
  REFRESHES_AT_ONCE,
  REFRESHES_PER_TIMEOUT,
  RENDEZVOUS_BURST_BYTES,
  RENDEZVOUS_BYTES_PER_S,
  REOFFER_BURST_BYTES,
  REOFFER_BYTES_PER_S,
  TIMEOUT_FACTOR,
  TIMEOUT_ROUNDS_MIN,
  TUPLES_MAX,
  VIEW_MAX
} from './constants.ts'
import { Contacts } from './contacts.ts'
import { COUNTERS } from './counters.ts'
import { beatsDue } from './due.ts'
import { estimateOf, groupOf, isSameGroup } from './group.ts'
import { type Life, LifeTable } from './life-table.ts'
import type { Beat, PeerLife, PeerTuple } from './messages.ts'
import { Origins } from './origins.ts'
import type { Reoffer } from './refresh.ts'
import type { KelipsRules } from './rules.ts'
import { levelOf } from './settings.ts'
import { TupleTable } from './tuple-table.ts'
import type { Fx, KelipsAnswer, KelipsMode, KelipsQuestion, KelipsSettings, KelipsTypes } from './types.ts'

/** Own records have no quota but their number. */
const OWN_LIMITS = {
  ...STORE_LIMITS,
  recordsMax: OWN_RECORDS_MAX,
  bytesMax: 2 ** 40,
  keyRecordsMax: OWN_RECORDS_MAX,
  keyBytesMax: 2 ** 40,
  publisherRecordsMax: OWN_RECORDS_MAX,
  publisherBytesMax: 2 ** 40,
  providerBytesMax: 2 ** 40,
  wordBytesMax: 2 ** 40,
  valueBytesMax: 2 ** 40
}

/** Whether a life is newer than what is known of the same peer. */
export function isLater(life: Pick<Life, 'startS' | 'beat'>, known: Pick<Life, 'startS' | 'beat'>): boolean {
  return life.startS > known.startS || (life.startS === known.startS && life.beat > known.beat)
}

type OnAnswer = (answer: KelipsAnswer | undefined, fx: Fx) => void

export class Kelips {
  readonly settings: KelipsSettings
  readonly store: StoreSettings
  readonly rules: KelipsRules
  readonly oneWay: OneWay
  readonly calls: Calls<KelipsTypes>
  readonly view: LifeTable
  readonly contacts: Contacts
  readonly origins: Origins
  readonly tuples: TupleTable
  /** What this peer provides itself: files and words. */
  readonly own: RecordTable
  /** What it is a homenode of. */
  readonly values: RecordTable
  /** Those of which homenodes that were asked last said nothing, so that it may lack copies. */
  readonly unprovenValues = new WeakSet<StoredRecord>()
  /** The last life of those that are gone: by handle, the oldest first. */
  readonly dead = new Map<Peer, { readonly startS: number; readonly beat: number }>()
  /** Members that did not answer, until they do or are given up. */
  readonly doubted = new Set<Peer>()
  readonly cache = new PeerCache()
  readonly counters: Record<keyof typeof COUNTERS, number> = { ...COUNTERS }
  /** Farewells that are news, and into how many messages each went. */
  readonly farewells: { readonly beat: Beat; told: number }[] = []
  /** Messages of gossip that each peer has sent in this round. */
  readonly heardOf = new Map<Peer, number>()
  /** Joiners of other groups of whom contacts there were told, in this round. */
  readonly introduced = new Set<Peer>()
  /** Messages to members nearest to a key, in this round. */
  readonly rendezvousTold = new Map<Peer, number>()
  readonly #asked = new Map<RequestId, OnAnswer>()
  /** This peer's own tuples, by kind and prefix. */
  readonly ownTuples = new Map<string, PeerTuple>()
  /** Peers that jobs under way come back to. */
  readonly #held = new Set<Iterable<Peer>>()
  /** When the own life is told again, by group. */
  readonly refreshes = new Map<number, number>()
  /** What groups that lost tuples are offered again. */
  readonly reoffers = new Map<number, Reoffer>()
  /** Commands that read, until they have ended. */
  readonly reads = new Map<RequestId, { cancel(): void }>()
  publishes = 0
  /** Copies of values that are being placed. */
  inserts = 0
  /** Lookups of this peer, and of others that are passed on. */
  finds = 0
  relays = 0
  mode: KelipsMode = 'idle'
  maintenance = true
  stopped = false
  peers!: PeerTable
  nowMs = 0
  wallMs = 0
  /** log2 of the number of groups. */
  level: number
  /** What it answers for begins with so many bits of its own key: less than `level` after a split, more after a merge. */
  answerLevel: number
  /** log2 of the number of peers. */
  estimate = 0
  /** Since the level last changed. */
  epochRounds = 0
  /** Rounds without anybody else of the own group in view; by `LONE_ROUNDS_MAX` they begin again at half of it. */
  loneRounds = 0
  metMs: number | undefined
  chain: OwnChain | undefined
  isSigning = false
  /** Messages to members that the chain went into since it began. */
  chainTold = 0
  joiningMs = 0
  /** How often it has left: what began before that is over. */
  left = 0
  pulling = false
  /** Peers that were asked to introduce this one, and have not answered. */
  readonly introducing = new Set<Peer>()
  gossipBudget!: TokenBucket
  rendezvousBudget!: TokenBucket
  reofferBudget!: TokenBucket
  hashBudget!: TokenBucket
  /** Entries that are news wait for this timer. */
  newsArmed = false

  constructor(settings: KelipsSettings, store: StoreSettings, rules: KelipsRules, calls: Calls<KelipsTypes>) {
    this.settings = settings
    this.store = store
    this.rules = rules
    this.oneWay = rules.oneWay
    this.calls = calls
    const keyOf = (peer: Peer): Key => this.peers.key(peer)
    this.view = new LifeTable(VIEW_MAX, FRESH_TOLD_MAX, keyOf)
    this.contacts = new Contacts(settings.contacts, FRESH_TOLD_MAX, keyOf)
    this.origins = new Origins(FRESH_TOLD_MAX, keyOf)
    this.tuples = new TupleTable(TUPLES_MAX, FRESH_TOLD_MAX)
    this.own = new RecordTable(OWN_LIMITS)
    this.values = new RecordTable(store.limits)
    this.level = settings.groups === undefined ? 0 : levelOf(settings.groups)
    this.answerLevel = this.level
  }

  begin(fx: Fx): void {
    this.gossipBudget = new TokenBucket(GOSSIP_BURST_BYTES, this.settings.gossipBytesPerS, fx.nowMs())
    this.rendezvousBudget = new TokenBucket(RENDEZVOUS_BURST_BYTES, RENDEZVOUS_BYTES_PER_S, fx.nowMs())
    this.reofferBudget = new TokenBucket(REOFFER_BURST_BYTES, REOFFER_BYTES_PER_S, fx.nowMs())
    this.hashBudget = new TokenBucket(HASH_STEPS_BURST, HASH_STEPS_PER_S, fx.nowMs())
    this.contacts.relevel(this.level, this.key)
    if (this.tuples.size === 0) this.tuples.scatter(fx)
  }

  get key(): Key {
    return this.peers.key(SELF)
  }

  get group(): number {
    return groupOf(this.key, this.level)
  }

  isMember(key: Key): boolean {
    return isSameGroup(key, this.key, this.level)
  }

  /** Whether this peer has, as far as it knows, all tuples of the key's group. */
  covers(key: Key): boolean {
    return this.mode === 'member' && isSameGroup(key, this.key, this.answerLevel)
  }

  /** Whether tuples of this key are kept here. */
  keeps(key: Key): boolean {
    return isSameGroup(key, this.key, Math.min(this.level, this.answerLevel))
  }

  /** Peers in view and contacts. */
  get others(): number {
    return this.view.size + this.contacts.table.size
  }

  get localEstimate(): number {
    return estimateOf(this.view.size + 1, this.level)
  }

  knows(peer: Peer): boolean {
    return this.view.find(peer) >= 0 || this.contacts.table.find(peer) >= 0
  }

  ask(question: KelipsQuestion, then: OnAnswer, fx: Fx): void {
    const id = this.calls.nextId()
    this.#asked.set(id, then)
    fx.ask(id, question)
  }

  answered(id: RequestId, answer: KelipsAnswer | undefined, fx: Fx): boolean {
    const then = this.#asked.get(id)
    if (then === undefined) return false
    this.#asked.delete(id)
    then(answer, fx)
    return true
  }

  get asking(): number {
    return this.#asked.size
  }

  /** Homenodes that must have a value before it is acknowledged, and as many as meet every such write. */
  get writeQuorum(): number {
    const { replicas } = this.settings
    return Math.min(replicas, this.store.writeQuorum ?? Math.floor(replicas / 2) + 1)
  }

  get readQuorum(): number {
    return this.settings.replicas + 1 - this.writeQuorum
  }

  /** By a clock that everybody reads alike, more or less: when the heartbeat was due. */
  bornMs({ startS, beat }: Pick<Life, 'startS' | 'beat'>): number {
    return startS * 1000 + beat * this.settings.heartbeatMs
  }

  /** How long nobody need have heard of a member, a contact, or a provider. */
  memberTimeoutMs(): number {
    const { targets, memberRation } = this.settings
    return this.#timeoutMs(this.view.size, targets * memberRation)
  }

  contactTimeoutMs(): number {
    const { contactTargets } = this.settings
    return this.#timeoutMs(this.contacts.table.size, contactTargets + PINGS_PER_ROUND)
  }

  originTimeoutMs(): number {
    const { targets, originRation, gossipMs } = this.settings
    const ms = this.#timeoutMs(this.origins.table.size, targets * originRation)
    // What somebody takes who has tuples in every group.
    const refreshMs = (2 ** this.level / REFRESHES_AT_ONCE) * REFRESH_ROUNDS * gossipMs
    const least = Math.max(ORIGIN_TIMEOUT_MS_MIN, REFRESHES_PER_TIMEOUT * refreshMs)
    return Math.min(ORIGIN_TIMEOUT_MS_MAX, Math.max(least, ms))
  }

  /** News of one entry of so many get round in about entries over rate rounds, and log2 of those who pass them on. */
  #timeoutMs(entries: number, rate: number): number {
    const rounds = TIMEOUT_FACTOR * (entries / rate) * Math.log2(entries + 1)
    return this.settings.gossipMs * (TIMEOUT_ROUNDS_MIN + Math.ceil(rounds))
  }

  /** Whether somebody unknown with this life may still live, as far as clocks can be trusted. */
  isTimely(life: Pick<Life, 'startS' | 'beat'>, timeoutMs: number): boolean {
    const ageMs = this.wallMs - this.bornMs(life)
    return ageMs <= timeoutMs + CLOCK_SKEW_MS && ageMs >= -CLOCK_SKEW_MS
  }

  /**
   * Takes a peer out of view and contacts. Only a heartbeat brings it back that is later than the one which was due now:
   * others may have heard the last ones of before its death, and tell of them long after.
   */
  bury(peer: Peer): void {
    const member = this.view.find(peer)
    const contact = this.contacts.table.find(peer)
    const [table, row] = member >= 0 ? [this.view, member] : [this.contacts.table, contact]
    if (row < 0) return
    const known = { startS: table.startAt(row), beat: table.beatAt(row) }
    this.remember(peer, known.startS, known.beat + beatsDue(this, known, table.heardMs(row)))
    if (member >= 0) this.view.remove(member)
    if (contact >= 0) this.contacts.remove(contact)
  }

  /** Of two last lives of one peer the later one stays. */
  remember(peer: Peer, startS: number, beat: number): void {
    const known = this.dead.get(peer)
    const last = known !== undefined && isLater(known, { startS, beat }) ? known : { startS, beat }
    this.dead.delete(peer)
    if (this.dead.size >= DEAD_MAX) this.dead.delete(this.dead.keys().next().value!)
    this.dead.set(peer, last)
  }

  /** Whether a life is later than the one with which its peer was last seen dead. */
  isRisen(peer: Peer, { startS, beat }: Pick<Life, 'startS' | 'beat'>): boolean {
    const last = this.dead.get(peer)
    return last === undefined || isLater({ startS, beat }, last)
  }

  /**
   * Rows of tuples that are told of: valid, and of a value's homenodes, who are members and heard of every few rounds,
   * not those that were found silent since their last heartbeat. Providers from elsewhere say seldom that they live.
   */
  tuplesUnder(kind: RecordKind, key: Key): number[] {
    const { tuples, origins, wallMs } = this
    return tuples.under(kind, key).filter(row => {
      if (tuples.isWithdrawn(row) || tuples.expiresMs(row) <= wallMs) return false
      if (kind !== 'value') return true
      const origin = tuples.originAt(row)
      const known = origins.table.find(origin)
      const life = { startS: origins.table.startAt(known), beat: origins.table.beatAt(known) }
      return this.isRisen(origin, life)
    })
  }

  get ownLife(): PeerLife | undefined {
    const { chain } = this
    if (chain?.signature === undefined) return undefined
    const beat = chain.beatAt(this.nowMs)
    return {
      contact: this.peers.contact(SELF),
      startS: chain.startS,
      beat,
      value: chain.valueAt(beat),
      signature: chain.signature,
      level: this.level
    }
  }

  /** The latest that any table says of a peer. */
  lifeOf(peer: Peer): PeerLife | undefined {
    if (peer === SELF) return this.ownLife
    for (const table of [this.view, this.contacts.table, this.origins.table]) {
      const row = table.find(peer)
      if (row >= 0) return this.lifeAt(table, row)
    }
    return undefined
  }

  lifeAt(table: LifeTable, row: number): PeerLife {
    return { contact: this.peers.contact(table.peerAt(row)), ...table.lifeAt(row) }
  }

  tupleAt(row: number): PeerTuple {
    return { provider: this.peers.contact(this.tuples.originAt(row)), ...this.tuples.tupleAt(row) }
  }

  /**
   * The host forgets whom no table names, and gives the handle to somebody else: what waits for an answer holds those
   * whom it will ask about then. Gives what lets go of them; what is added to `peers` meanwhile is held, too.
   */
  hold(peers: Iterable<Peer>): () => void {
    this.#held.add(peers)
    return () => this.#held.delete(peers)
  }

  heldPeers(hold: (peer: Peer) => void): void {
    const { calls, view, contacts, origins, dead, cache, tuples, reoffers } = this
    calls.heldPeers(hold)
    for (const table of [view, contacts.table, origins.table])
      for (let row = 0; row < table.size; row += 1) hold(table.peerAt(row))
    for (let row = 0; row < tuples.size; row += 1) hold(tuples.originAt(row))
    for (const { known } of reoffers.values()) for (const peer of known.keys()) hold(peer)
    for (const peers of [dead.keys(), ...this.#held]) for (const peer of peers) hold(peer)
    cache.heldPeers(hold)
  }

  /** A handle, where the host has room for one. */
  intern(contact: Contact): Peer | undefined {
    const peer = this.peers.intern(contact)
    return peer === NO_PEER ? undefined : peer
  }

  setMode(mode: KelipsMode, fx: Fx): void {
    if (this.mode === mode) return
    this.mode = mode
    fx.notify({ type: 'mode', mode })
  }
}
