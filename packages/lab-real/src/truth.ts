/**
 * What is right, by an observer who knows everybody: who lives and takes part, and so who is the root of a key by the
 * overlay's rule, whatever peers say of it. The same rules as the simulator's adapters hold answers against.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { keyOfPlace } from '@servent/chord/machine'
import { type OverlayId, RingTruth, type Settings } from '@servent/lab/backend'
import { type Key, keyOfPeer, peerIdBytes } from '@servent/overlay'

interface Rule {
  readonly rootOf: (ring: RingTruth, key: Key) => number | undefined
  readonly keysOf: (key: Key, settings: Settings) => Key[]
}

const one = (key: Key) => [key]

/** Overlays that find keys; the others find files. */
const RULES: Readonly<Partial<Record<OverlayId, Rule>>> = {
  chord: {
    rootOf: (ring, key) => ring.successorOf(key),
    keysOf: (key, settings) =>
      Array.from({ length: settings['virtual-nodes'] as number }, (_, index) => keyOfPlace(key, index))
  },
  pastry: { rootOf: (ring, key) => ring.nearestTo(key), keysOf: one },
  kelips: { rootOf: (ring, key) => ring.nearestByXor(key), keysOf: one },
  // libp2p's looks for the hash of what it is given.
  kademlia: { rootOf: (ring, key) => ring.nearestByXor(sha256(key)), keysOf: one }
}

/** Some who take part, and their places among keys. */
class Part {
  readonly ring = new RingTruth()
  readonly #keys = new Map<number, readonly Key[]>()

  get size(): number {
    return this.#keys.size
  }

  has(node: number): boolean {
    return this.#keys.has(node)
  }

  add(node: number, keys: readonly Key[]): void {
    if (this.has(node)) return
    this.#keys.set(node, keys)
    this.ring.add(node, keys)
  }

  remove(node: number): void {
    const keys = this.#keys.get(node)
    if (keys === undefined) return
    this.#keys.delete(node)
    this.ring.remove(node, keys)
  }
}

export class Truth {
  readonly #rule: Rule | undefined
  readonly #settings: Settings
  readonly #numbers = new Map<string, number>()
  readonly #joined = new Part()
  readonly #settled = new Part()

  constructor(overlay: OverlayId, settings: Settings) {
    this.#rule = RULES[overlay]
    this.#settings = settings
  }

  /** Whether a lookup is for a root, and not for a file. */
  get hasRoots(): boolean {
    return this.#rule !== undefined
  }

  /** Somebody came who takes part in nothing yet. */
  came(node: number, peerId: string): void {
    this.#numbers.set(peerId, node)
  }

  /** It takes part, be it in what is no network yet. */
  joined(node: number, peerId: string): void {
    this.#joined.add(node, this.#keysOf(peerId))
  }

  /** It is a member: while nobody is one, all who take part are. */
  settled(node: number, peerId: string): void {
    this.#settled.add(node, this.#keysOf(peerId))
  }

  left(node: number): void {
    this.#joined.remove(node)
    this.#settled.remove(node)
  }

  isMember(node: number): boolean {
    return this.#members.has(node)
  }

  get members(): number {
    return this.#members.size
  }

  /** `isInReach`: of those who are, where a partition leaves others out. */
  rootOf(key: Key, isInReach?: (node: number) => boolean): number | undefined {
    const { ring } = this.#members
    return this.#rule?.rootOf(isInReach === undefined ? ring : ring.of(isInReach), key)
  }

  /** Of whoever ever came. */
  nodeOf(peerId: string): number | undefined {
    return this.#numbers.get(peerId)
  }

  get #members(): Part {
    return this.#settled.size > 0 ? this.#settled : this.#joined
  }

  #keysOf(peerId: string): Key[] {
    const own = keyOfPeer(peerIdBytes(peerId)!)
    return this.#rule?.keysOf(own, this.#settings) ?? [own]
  }
}
