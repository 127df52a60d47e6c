/**
 * An `Effects` that carries nothing out and writes everything down, for tests of one machine at a time. Its
 * clock stands where the test puts it, and its chance comes from a seed.
 */
import type { Effects, Link, MachineTypes, RequestId, SaveQuestion, Timer } from '../contract.ts'
import { PeerInterner } from '../peer-interner.ts'
import type { Contact, Peer } from '../peers.ts'

/** One call of an effect as plain data. */
export type Effect<T extends MachineTypes> =
  | { readonly type: 'open'; readonly peer: Peer }
  | { readonly type: 'close'; readonly link: Link; readonly reason: string }
  | { readonly type: 'send'; readonly link: Link; readonly message: T['message']; readonly priority: number }
  | { readonly type: 'set-timer'; readonly timer: Timer; readonly afterMs: number }
  | { readonly type: 'cancel-timer'; readonly timer: Timer }
  | { readonly type: 'ask'; readonly id: RequestId; readonly question: T['question'] | SaveQuestion }
  | { readonly type: 'save'; readonly key: string; readonly bytes: Uint8Array | undefined }
  | { readonly type: 'notify'; readonly notice: T['notice'] }

export interface RecordingInit {
  /** This peer; where it is not said, `testContact(0)`. */
  readonly self?: Contact
  /** 32 bits from which all chance comes. */
  readonly seed?: number
  readonly nowMs?: number
  readonly wallMs?: number
  readonly peersMax?: number
}

export class RecordingEffects<T extends MachineTypes> implements Effects<T> {
  readonly peers: PeerInterner
  /** What `nowMs` gives: set it as you like. */
  now: number
  /** What `wallMs` gives. */
  wall: number
  /** Every effect since the start or the last `take`. */
  log: Effect<T>[] = []
  #random: number

  constructor(init: RecordingInit = {}) {
    const self = init.self ?? testContact(0)
    this.peers = new PeerInterner(() => self, init.peersMax === undefined ? {} : { peersMax: init.peersMax })
    this.now = init.nowMs ?? 1_000_000
    this.wall = init.wallMs ?? 1_800_000_000_000
    this.#random = init.seed ?? 1
  }

  /** Lets time pass on both clocks. */
  advance(byMs: number): void {
    this.now += byMs
    this.wall += byMs
  }

  /** Gives the log and begins a new one. */
  take(): Effect<T>[] {
    const taken = this.log
    this.log = []
    return taken
  }

  /** Messages sent since the log began, to one link or to all. */
  sent(link?: Link): T['message'][] {
    return this.log.flatMap(effect =>
      effect.type === 'send' && (link ?? effect.link) === effect.link ? [effect.message] : []
    )
  }

  /** What was told to the service since the log began. */
  notices(): T['notice'][] {
    return this.log.flatMap(effect => (effect.type === 'notify' ? [effect.notice] : []))
  }

  nowMs(): number {
    return this.now
  }

  wallMs(): number {
    return this.wall
  }

  /** Mulberry32: 32 bits of state, every state once in its period. */
  random(): number {
    this.#random = (this.#random + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#random ^ (this.#random >>> 15), this.#random | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  open(peer: Peer): void {
    this.log.push({ type: 'open', peer })
  }

  close(link: Link, reason: string): void {
    this.log.push({ type: 'close', link, reason })
  }

  send(link: Link, message: T['message'], priority: number): void {
    this.log.push({ type: 'send', link, message, priority })
  }

  setTimer(timer: Timer, afterMs: number): void {
    this.log.push({ type: 'set-timer', timer, afterMs })
  }

  cancelTimer(timer: Timer): void {
    this.log.push({ type: 'cancel-timer', timer })
  }

  ask(id: RequestId, question: T['question'] | SaveQuestion): void {
    this.log.push({ type: 'ask', id, question })
  }

  save(key: string, bytes: Uint8Array | undefined): void {
    this.log.push({ type: 'save', key, bytes })
  }

  notify(notice: T['notice']): void {
    this.log.push({ type: 'notify', notice })
  }
}

/** A contact with the form of a real one, the same for the same number: an Ed25519 PeerId and one address. */
export function testContact(number: number): Contact {
  // identity multihash of a protobuf with an Ed25519 key of 32 bytes
  const id = new Uint8Array(38)
  id.set([0x00, 0x24, 0x08, 0x01, 0x12, 0x20])
  new DataView(id.buffer).setUint32(6, number)
  // /ip4/10.x.x.x/tcp/6346
  const address = Uint8Array.of(4, 10, (number >> 16) & 255, (number >> 8) & 255, number & 255, 6, 0x18, 0xca)
  return { id, addresses: [address] }
}
