/**
 * The liars of a run as they know each other: of all of them who live, the one that suits a lie best. Beside them stand
 * phantoms, as many, of which each has an identity and an address where nobody answers.
 */
import { type Contact, KEY_BYTES, type Key, keyOfPeer, sameBytes } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import { RingTruth } from '../overlays/ring-truth.ts'

/** Identities of nodes: a simulation has them. */
export interface Identities {
  keyOf(node: NodeIndex): Key
  contactOf(node: NodeIndex): Contact
  nodeOf(contact: Contact): NodeIndex | undefined
}

export class LiarGroup {
  readonly #identities: Identities
  /** Who can answer. */
  readonly #liars = new RingTruth()
  /** Whoever is good for a table. */
  readonly #named = new RingTruth()
  readonly #members = new Set<NodeIndex>()

  constructor(identities: Identities) {
    this.#identities = identities
  }

  add(node: NodeIndex): void {
    const keys = [this.keyOf(node)]
    this.#members.add(node)
    this.#liars.add(node, keys)
    this.#named.add(node, keys)
  }

  remove(node: NodeIndex): void {
    if (!this.#members.delete(node)) return
    const keys = [this.keyOf(node)]
    this.#liars.remove(node, keys)
    this.#named.remove(node, keys)
  }

  addPhantom(node: NodeIndex): void {
    this.#named.add(node, [this.keyOf(node)])
  }

  has(node: NodeIndex): boolean {
    return this.#members.has(node)
  }

  /** Whether a contact is a liar's. */
  isFellow(contact: Contact): boolean {
    const node = this.#identities.nodeOf(contact)
    return node !== undefined && this.#members.has(node)
  }

  /** Whether a liar's key begins with these bytes: the first that stand behind them are that one's. */
  hasPrefix(prefix: Uint8Array): boolean {
    const from = new Uint8Array(KEY_BYTES)
    from.set(prefix)
    const key = this.keyOf(this.successorOf(from))
    return sameBytes(key.subarray(0, prefix.length), prefix)
  }

  keyOf(node: NodeIndex): Key {
    return this.#identities.keyOf(node)
  }

  contactOf(node: NodeIndex): Contact {
    return this.#identities.contactOf(node)
  }

  /** The liar that could be the root of a key: the first at or after it, the numerically closest, the nearest by XOR. */
  successorOf(key: Key): NodeIndex {
    return this.#liars.successorOf(key)!
  }
  nearestTo(key: Key): NodeIndex {
    return this.#liars.nearestTo(key)!
  }
  nearestByXor(key: Key, count: number): NodeIndex[] {
    return this.#liars.nearestByXorOf(key, count)
  }

  /** Liars and phantoms: those that follow a key, the nearest first. */
  behind(key: Key, count: number): NodeIndex[] {
    return this.#named.behind(key, count)
  }
  /** The one right before a key. */
  before(key: Key): NodeIndex {
    return this.#named.predecessorOf(key)!.node
  }
  /** So many on each side of a key. */
  around(key: Key, count: number): NodeIndex[] {
    return this.#named.around(key, count).map(({ node }) => node)
  }
  /** In place of each contact the nearest one to it by XOR, each once: it has most digits in common with it. */
  inPlaceOf(contacts: readonly Contact[]): Contact[] {
    const nodes = new Set(contacts.map(contact => this.#named.nearestByXor(this.keyOfContact(contact))!))
    return [...nodes].map(node => this.contactOf(node))
  }

  keyOfContact(contact: Contact): Key {
    const node = this.#identities.nodeOf(contact)
    return node === undefined ? keyOfPeer(contact.id) : this.keyOf(node)
  }
  /** The nearest by XOR. */
  namedByXor(key: Key, count: number): NodeIndex[] {
    return this.#named.nearestByXorOf(key, count)
  }
}
