/**
 * Who takes part while a ring forms, and what each of them says of the others. Of a crowd the r + 1 peers with the
 * lowest keys found the ring and the rest joins them: so all come to the same founders by hearsay, and a thousand
 * that start at one time need not all speak with all.
 */
import { type Peer, SELF } from '@servent/overlay/machine'
import { FORMING_MEMBERS_MAX, FORMING_NAMES_MAX, FORMING_SILENT_ROUNDS_MAX } from './constants.ts'

export interface FormingMember {
  virtualNodes: number
  /** Exchanges in a row that it did not answer. */
  silent: number
  /** Whom it named when it was heard last; nothing: it was only heard of. */
  named: ReadonlySet<Peer> | undefined
  /** Who spoke of it first, as long as it was not heard itself. */
  namer?: Peer
}

export class FormingTable {
  /** r: founders beside this peer. */
  readonly #others: number
  /** By the keys of two peers, of which one may be this peer itself. */
  readonly #compare: (a: Peer, b: Peer) => number
  readonly #members = new Map<Peer, FormingMember>()
  /** Given up: only when they speak themselves do they come back, else others would bring them back for ever. */
  readonly #gone: Peer[] = []
  /** By peer: how many that it named were not heard. Whoever makes members up holds nobody up for long. */
  readonly #inVain = new Map<Peer, number>()
  #turn = 0

  constructor(others: number, compare: (a: Peer, b: Peer) => number) {
    this.#others = others
    this.#compare = compare
  }

  get peers(): Peer[] {
    return [...this.#members.keys()]
  }

  get size(): number {
    return this.#members.size
  }

  /** Everybody whom the table remembers anything of. */
  heldPeers(hold: (peer: Peer) => void): void {
    for (const [peer, { named, namer }] of this.#members) {
      hold(peer)
      for (const one of named ?? []) hold(one)
      if (namer !== undefined) hold(namer)
    }
    for (const peer of this.#gone) hold(peer)
    for (const peer of this.#inVain.keys()) hold(peer)
  }

  has(peer: Peer): boolean {
    return this.#members.has(peer)
  }

  virtualNodes(peer: Peer): number {
    return this.#members.get(peer)?.virtualNodes ?? 0
  }

  /** It spoke. True where it is new or says something new. */
  heard(peer: Peer, virtualNodes: number, named: ReadonlySet<Peer>): boolean {
    const member = this.#members.get(peer)
    if (member?.named === undefined && !this.#makeRoom(peer, this.confirmed)) {
      this.#members.delete(peer)
      return false
    }
    if (member?.namer !== undefined) this.#inVain.set(member.namer, (this.#inVain.get(member.namer) ?? 1) - 1)
    const gone = this.#gone.indexOf(peer)
    if (gone >= 0) this.#gone.splice(gone, 1)
    const news = member?.named === undefined || member.virtualNodes !== virtualNodes
    this.#members.set(peer, { virtualNodes, silent: 0, named })
    return news
  }

  /** Somebody else spoke of it. True where it is new. */
  heardOf(peer: Peer, virtualNodes: number, namer: Peer): boolean {
    if (this.has(peer) || this.#gone.includes(peer)) return false
    const inVain = this.#inVain.get(namer) ?? 0
    if (inVain >= FORMING_NAMES_MAX || !this.#makeRoom(peer, this.#unconfirmed)) return false
    this.#members.set(peer, { virtualNodes, silent: 0, named: undefined, namer })
    this.#inVain.set(namer, inVain + 1)
    // The oldest is forgotten.
    if (this.#inVain.size > FORMING_MEMBERS_MAX) this.#inVain.delete(this.#inVain.keys().next().value!)
    return true
  }

  /** True where it was given up. */
  silent(peer: Peer): boolean {
    const member = this.#members.get(peer)
    if (member === undefined) return false
    member.silent += 1
    if (member.silent < FORMING_SILENT_ROUNDS_MAX) return false
    this.remove(peer)
    return true
  }

  /** True where it took part. */
  remove(peer: Peer): boolean {
    if (!this.#members.delete(peer)) return false
    this.#gone.push(peer)
    if (this.#gone.length > FORMING_MEMBERS_MAX) this.#gone.shift()
    return true
  }

  /** Members that were heard themselves: the others may be dead. */
  get confirmed(): Peer[] {
    return this.peers.filter(peer => this.#members.get(peer)?.named !== undefined)
  }

  /** How many have this peer in their tables, as it has them in its own: what both are asked, they answer alike. */
  get mutual(): number {
    let count = 0
    for (const { named } of this.#members.values()) if (named?.has(SELF)) count += 1
    return count
  }

  get #unconfirmed(): Peer[] {
    return this.peers.filter(peer => this.#members.get(peer)?.named === undefined)
  }

  /** Those who would found the ring with this peer, by what it knows: the lowest, at most r. */
  get group(): Peer[] {
    return this.peers.sort(this.#compare).slice(0, this.#others)
  }

  /** Whether this peer is one of the r + 1 lowest. */
  get isFounder(): boolean {
    return (
      this.size <= this.#others ||
      this.peers.filter(peer => this.#compare(peer, SELF) < 0).length <= this.#others
    )
  }

  /** Founders ask everybody; others whom they only heard of, and one of the rest in turn: is there a ring? */
  get toAsk(): Peer[] {
    if (this.isFounder) return this.peers
    const { confirmed } = this
    this.#turn += 1
    const turn = confirmed[this.#turn % confirmed.length]
    return this.peers.filter(peer => peer === turn || !confirmed.includes(peer))
  }

  /**
   * Whether there are r others, of whom every one was heard itself and named every other one and this peer, so
   * that the lists which they all build skip nobody of them.
   */
  get agreed(): boolean {
    const { group } = this
    if (group.length < this.#others || !this.isFounder) return false
    return group.every(peer => {
      const named = this.#members.get(peer)?.named
      return named?.has(SELF) === true && group.every(other => other === peer || named.has(other))
    })
  }

  /**
   * One more than there are founders beside this peer, so it sees whether it is one; so many of those who were heard,
   * and so many of the others: names push nobody out who was heard.
   */
  #makeRoom(peer: Peer, among: readonly Peer[]): boolean {
    if (among.length <= this.#others) return true
    const highest = among.reduce((a, b) => (this.#compare(a, b) > 0 ? a : b))
    if (this.#compare(peer, highest) > 0) return false
    this.#members.delete(highest)
    return true
  }
}
