/**
 * The table of peers that both hosts use. It gives handles, merges what is heard of a peer, and forgets peers
 * that nobody holds when it is nearly full. Anybody may name addresses of anybody: those that a peer told itself come
 * first, and no hearsay takes their place.
 */
import { keyOfPeer } from './key.ts'
import { ADDRESS_BYTES_MAX, CONTACT_ADDRESSES_MAX, PEER_ID_BYTES_MAX, PEERS_INTERNED_MAX } from './limits.ts'
import { type Contact, NO_PEER, type Peer, type PeerTable, SELF } from './peers.ts'

export interface PeerInternerLimits {
  /** Peers beside this one. */
  readonly peersMax: number
}

interface Entry {
  readonly name: string
  readonly id: Uint8Array
  addresses: readonly Uint8Array[]
  /** So many of the addresses, the first, are by the peer's own word. */
  own: number
  key: Uint8Array | undefined
}

export class PeerInterner implements PeerTable {
  readonly #self: () => Contact
  readonly #peersMax: number
  readonly #entries: (Entry | undefined)[] = [undefined]
  readonly #handles = new Map<string, Peer>()
  readonly #free: Peer[] = []
  #selfName: string | undefined
  #selfKey: Uint8Array | undefined
  /** Newcomers, let in or not, since the last sweep. */
  #newcomers = 0

  /** `self` is asked each time, for addresses change; the id in it must not. */
  constructor(self: () => Contact, limits: Partial<PeerInternerLimits> = {}) {
    this.#self = self
    this.#peersMax = limits.peersMax ?? PEERS_INTERNED_MAX
  }

  /** Peers known, beside this one. */
  get size(): number {
    return this.#handles.size
  }

  /**
   * Whether it is time for a sweep: the table is full to seven eighths, and as many newcomers came since the
   * last one that it pays. A host asks between two calls of `handle`, never during one.
   */
  get crowded(): boolean {
    const eighth = Math.max(1, this.#peersMax >> 3)
    return this.size > this.#peersMax - eighth && this.#newcomers >= Math.min(eighth, 1024)
  }

  /** `NO_PEER` where the table is full, or where the id is empty or too long to be a PeerId's multihash. */
  intern(contact: Contact): Peer {
    return this.#take(contact, false)
  }

  /** The same for a contact that is the peer's own word, or that the user gave: hearsay does not push it out. */
  internOwn(contact: Contact): Peer {
    return this.#take(contact, true)
  }

  /** The handle of a PeerId's multihash, where it has one. */
  find(id: Uint8Array): Peer | undefined {
    return this.#find(nameOf(id))
  }

  /** @throws RangeError  nobody has this handle */
  key(peer: Peer): Uint8Array {
    if (peer === SELF) {
      this.#selfKey ??= keyOfPeer(this.#self().id)
      return this.#selfKey
    }
    const entry = this.#entry(peer)
    entry.key ??= keyOfPeer(entry.id)
    return entry.key
  }

  /** @throws RangeError  nobody has this handle */
  contact(peer: Peer): Contact {
    return peer === SELF ? this.#self() : this.#entry(peer)
  }

  /** Whether a handle is of this peer or of one that is known. */
  has(peer: Peer): boolean {
    return peer === SELF || this.#entries[peer] !== undefined
  }

  /**
   * Forgets every peer that nobody holds, and says how many. `held` is called once with the function that
   * holds: it must name what `machine.heldPeers` names, the peers of all links and of those being opened, and
   * those in inputs that wait. Handles of forgotten peers are given again.
   */
  sweep(held: (hold: (peer: Peer) => void) => void): number {
    const keep = new Uint8Array(this.#entries.length)
    held(peer => {
      keep[peer] = 1
    })
    let forgotten = 0
    for (let peer = this.#entries.length - 1; peer > SELF; peer -= 1) {
      const entry = this.#entries[peer]
      if (entry === undefined || keep[peer] === 1) continue
      this.#entries[peer] = undefined
      this.#handles.delete(entry.name)
      this.#free.push(peer)
      forgotten += 1
    }
    this.#newcomers = 0
    return forgotten
  }

  #take(contact: Contact, own: boolean): Peer {
    const { id } = contact
    if (id.length === 0 || id.length > PEER_ID_BYTES_MAX) return NO_PEER
    const name = nameOf(id)
    const known = this.#find(name)
    if (known === SELF) return SELF
    if (known !== undefined) {
      merge(this.#entries[known]!, contact.addresses, own)
      return known
    }
    this.#newcomers += 1
    if (this.size >= this.#peersMax) return NO_PEER
    // Copied: a view would keep the chunk that it came in alive, and `slice` of a Node Buffer is one.
    const entry: Entry = { name, id: Uint8Array.from(id), addresses: [], own: 0, key: undefined }
    const peer = this.#free.pop() ?? this.#entries.length
    this.#entries[peer] = entry
    this.#handles.set(name, peer)
    merge(entry, contact.addresses, own)
    return peer
  }

  #find(name: string): Peer | undefined {
    this.#selfName ??= nameOf(this.#self().id)
    return name === this.#selfName ? SELF : this.#handles.get(name)
  }

  #entry(peer: Peer): Entry {
    const entry = this.#entries[peer]
    if (entry === undefined) throw new RangeError(`No peer has the handle ${peer}.`)
    return entry
  }
}

/**
 * Own addresses, then those of hearsay, each with the new ones at the end. Over the bound hearsay makes room for own
 * ones, and the oldest of these for newer ones. Of hearsay the older half of what there is room for stays, lest
 * somebody's eight displace all others, and the newest go into the other half, for a peer that moved must be found again.
 */
function merge(entry: Entry, heard: readonly Uint8Array[], own: boolean): void {
  const { addresses } = entry
  // Most contacts say nothing new.
  const news = heard
    .slice(0, CONTACT_ADDRESSES_MAX)
    .filter(
      address =>
        address.length > 0 &&
        address.length <= ADDRESS_BYTES_MAX &&
        !addresses.some((known, at) => (!own || at < entry.own) && equal(known, address))
    )
  if (news.length === 0) return
  const mine = addresses.slice(0, entry.own)
  const others = addresses.slice(entry.own)
  for (const address of news) {
    const kept = own ? mine : others
    if (kept.some(known => equal(known, address))) continue
    // Copied: a view would keep the chunk that it came in alive.
    kept.push(Uint8Array.from(address))
  }
  mine.splice(0, mine.length - CONTACT_ADDRESSES_MAX)
  const hearsay = others.filter(address => !mine.some(known => equal(known, address)))
  const free = CONTACT_ADDRESSES_MAX - mine.length
  hearsay.splice(Math.ceil(free / 2), Math.max(0, hearsay.length - free))
  entry.addresses = [...mine, ...hearsay]
  entry.own = mine.length
}

/** A text that is equal where the bytes are: fit for keys of maps. */
function nameOf(id: Uint8Array): string {
  return String.fromCharCode(...id)
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
