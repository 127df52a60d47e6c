/** Who takes part while a ring forms, and what each of them says of the others. */
import { type Peer, SELF } from '@servent/overlay/machine'
import { FORMING_MEMBERS_MAX, FORMING_SILENT_ROUNDS_MAX } from './constants.ts'

export interface FormingMember {
  virtualNodes: number
  /** Exchanges in a row that it did not answer. */
  silent: number
  /** Whom it named when it was heard last; nothing: it was only heard of. */
  named: ReadonlySet<Peer> | undefined
}

export class FormingTable {
  readonly #members = new Map<Peer, FormingMember>()
  /** Given up: only when they speak themselves do they come back, else others would bring them back for ever. */
  readonly #gone: Peer[] = []

  get peers(): Peer[] {
    return [...this.#members.keys()]
  }

  get size(): number {
    return this.#members.size
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
    if (member === undefined && this.size >= FORMING_MEMBERS_MAX) return false
    const gone = this.#gone.indexOf(peer)
    if (gone >= 0) this.#gone.splice(gone, 1)
    const news = member?.named === undefined || member.virtualNodes !== virtualNodes
    this.#members.set(peer, { virtualNodes, silent: 0, named })
    return news
  }

  /** Somebody else spoke of it. True where it is new. */
  heardOf(peer: Peer, virtualNodes: number): boolean {
    if (this.has(peer) || this.#gone.includes(peer) || this.size >= FORMING_MEMBERS_MAX) return false
    this.#members.set(peer, { virtualNodes, silent: 0, named: undefined })
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

  remove(peer: Peer): void {
    if (!this.#members.delete(peer)) return
    this.#gone.push(peer)
    if (this.#gone.length > FORMING_MEMBERS_MAX) this.#gone.shift()
  }

  /** Members that were heard themselves: the others may be dead. */
  get confirmed(): Peer[] {
    return this.peers.filter(peer => this.#members.get(peer)?.named !== undefined)
  }

  /**
   * Whether every member was heard itself and named every other one and this peer, so that the lists which
   * they all build skip nobody of them.
   */
  get agreed(): boolean {
    const { peers } = this
    return peers.every(peer => {
      const named = this.#members.get(peer)?.named
      return named?.has(SELF) === true && peers.every(other => other === peer || named.has(other))
    })
  }
}
