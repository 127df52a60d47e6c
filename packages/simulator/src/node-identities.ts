/**
 * Who the nodes are: a PeerId, an address and a key each, made from the seed when somebody asks for them. One
 * numbering of peers serves all machines: 0 is the machine's own peer, and any other its node's number and 1.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import {
  type Contact,
  type Key,
  keyOfPeer,
  NO_PEER,
  type Peer,
  type PeerTable,
  SELF,
  sameBytes
} from '@servent/overlay/machine'
import type { NodeIndex } from './types.ts'

/** An Ed25519 PeerId: an identity multihash of a protobuf with a public key of 32 bytes. */
const PEER_ID_PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
const PEER_ID_BYTES = 38
/** The node's number stands in the last four bytes, so that an id is found without a table. */
const NUMBER_AT = PEER_ID_BYTES - 4

/** A contact that knows whose it is: machines hand it on by reference. */
class NodeContact implements Contact {
  readonly id: Uint8Array
  readonly addresses: readonly Uint8Array[]
  readonly #node: NodeIndex
  readonly #identities: Identities

  constructor(identities: Identities, node: NodeIndex, id: Uint8Array, addresses: readonly Uint8Array[]) {
    this.id = id
    this.addresses = addresses
    this.#node = node
    this.#identities = identities
  }

  /** Its node, where these identities made it. */
  static nodeOf(contact: Contact, identities: Identities): NodeIndex | undefined {
    return #node in contact && contact.#identities === identities ? contact.#node : undefined
  }
}

export class Identities {
  readonly #seed: Uint8Array
  readonly #keyOf: ((node: NodeIndex) => Key) | undefined
  readonly #contacts: (Contact | undefined)[] = []
  readonly #keys: (Key | undefined)[] = []
  readonly #tables: (NodePeers | undefined)[] = []

  constructor(seed: string, keyOf: ((node: NodeIndex) => Key) | undefined) {
    this.#seed = sha256(new TextEncoder().encode(`identity ${seed}`))
    this.#keyOf = keyOf
  }

  get size(): number {
    return this.#contacts.length
  }

  add(): void {
    this.#contacts.push(undefined)
    this.#keys.push(undefined)
    this.#tables.push(undefined)
  }

  contactOf(node: NodeIndex): Contact {
    const known = this.#contacts[node]
    if (known !== undefined) return known
    const contact = this.#makeContact(node)
    this.#contacts[node] = contact
    return contact
  }

  keyOf(node: NodeIndex): Key {
    const known = this.#keys[node]
    if (known !== undefined) return known
    const key = this.#keyOf === undefined ? keyOfPeer(this.contactOf(node).id) : this.#keyOf(node)
    this.#keys[node] = key
    return key
  }

  /** The node with this PeerId, if one has it. */
  nodeOf(contact: Contact): NodeIndex | undefined {
    const known = NodeContact.nodeOf(contact, this)
    if (known !== undefined) return known
    const { id } = contact
    if (id.length !== PEER_ID_BYTES) return undefined
    const node =
      id[NUMBER_AT]! * 2 ** 24 + (id[NUMBER_AT + 1]! << 16) + (id[NUMBER_AT + 2]! << 8) + id[NUMBER_AT + 3]!
    if (node >= this.#contacts.length) return undefined
    const own = this.contactOf(node).id
    return sameBytes(own, id) ? node : undefined
  }

  /** The table of peers that a node's machine is handed. */
  tableOf(node: NodeIndex): NodePeers {
    const known = this.#tables[node]
    if (known !== undefined) return known
    const table = new NodePeers(this, node)
    this.#tables[node] = table
    return table
  }

  /** Whether the PeerId of one node is lower than that of another. */
  isLower(node: NodeIndex, than: NodeIndex): boolean {
    const [a, b] = [this.contactOf(node).id, this.contactOf(than).id]
    for (let index = 0; index < PEER_ID_BYTES; index += 1)
      if (a[index] !== b[index]) return a[index]! < b[index]!
    return false
  }

  #makeContact(node: NodeIndex): Contact {
    const number = Uint8Array.of(node >>> 24, node >>> 16, node >>> 8, node)
    const seed = new Uint8Array(this.#seed.length + number.length)
    seed.set(this.#seed)
    seed.set(number, this.#seed.length)
    const id = new Uint8Array(PEER_ID_BYTES)
    id.set(PEER_ID_PREFIX)
    id.set(sha256(seed).subarray(0, NUMBER_AT - PEER_ID_PREFIX.length), PEER_ID_PREFIX.length)
    id.set(number, NUMBER_AT)
    // /ip4/10.x.x.x/tcp/4001
    const address = Uint8Array.of(4, 10, node >>> 16, node >>> 8, node, 6, 0x0f, 0xa1)
    return new NodeContact(this, node, id, [address])
  }
}

/** The table of one node. Handles are never forgotten: whatever a machine holds stays valid. */
export class NodePeers implements PeerTable {
  readonly #identities: Identities
  readonly #node: NodeIndex

  constructor(identities: Identities, node: NodeIndex) {
    this.#identities = identities
    this.#node = node
  }

  /** `NO_PEER` for a PeerId that no node has. */
  intern(contact: Contact): Peer {
    const node = this.#identities.nodeOf(contact)
    if (node === undefined) return NO_PEER
    return node === this.#node ? SELF : node + 1
  }

  /** @throws RangeError  nobody has this handle */
  key(peer: Peer): Key {
    return this.#identities.keyOf(this.#nodeOf(peer))
  }

  /** @throws RangeError  nobody has this handle */
  contact(peer: Peer): Contact {
    return this.#identities.contactOf(this.#nodeOf(peer))
  }

  #nodeOf(peer: Peer): NodeIndex {
    if (peer === SELF) return this.#node
    if ((peer | 0) !== peer || peer < 0 || peer > this.#identities.size)
      throw new RangeError(`No peer has the handle ${peer}.`)
    return peer - 1
  }
}
