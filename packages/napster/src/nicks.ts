/**
 * Names bound to PeerIds. Whoever logs in with a nick that nobody has gets it, and keeps it against everybody
 * else until nobody has used it for `NICK_EXPIRY_MS`. The password of message 2 proves nothing here: Noise has.
 */
import { NICK_CHARACTERS_MAX, NICK_EXPIRY_MS, NICKS_MAX, NICKS_PER_PEER_MAX } from './constants.ts'

export interface NickBinding {
  readonly nick: string
  readonly peerId: string
  /** Milliseconds since 1970. */
  readonly seenMs: number
}

/** Printable characters of ASCII but quotes, and what would pose as a channel or as an option. */
const NICK = /^[!$%&'()*+,./0-9;<=>?@A-Z[\\\]^_`a-z{|}~-]+$/

export const isNick = (text: string): boolean =>
  text.length <= NICK_CHARACTERS_MAX && NICK.test(text) && !text.startsWith('-')

export class Nicks {
  /** By nick in small letters, the longest unused first. */
  readonly #bindings = new Map<string, NickBinding>()
  /** The same by PeerId: nicks in small letters, in the same order. */
  readonly #ofPeer = new Map<string, Set<string>>()
  dirty = false

  get size(): number {
    return this.#bindings.size
  }

  get(nick: string, wallMs: number): NickBinding | undefined {
    const binding = this.#bindings.get(nick.toLowerCase())
    return binding === undefined || wallMs - binding.seenMs > NICK_EXPIRY_MS ? undefined : binding
  }

  /** False: it is another peer's, or there is no place. `isInUse` says of whom nothing is taken (in small letters). */
  bind(
    nick: string,
    peerId: string,
    wallMs: number,
    isInUse: (nick: string) => boolean = () => false
  ): boolean {
    const known = this.get(nick, wallMs)
    if (known !== undefined && known.peerId !== peerId) return false
    const key = nick.toLowerCase()
    this.#delete(key)
    const own = this.#ofPeer.get(peerId)
    const isOver = own !== undefined && own.size >= NICKS_PER_PEER_MAX
    if (isOver || this.#bindings.size >= NICKS_MAX) {
      const oldest = (isOver ? own : this.#bindings).keys().find(other => !isInUse(other))
      if (oldest === undefined) return false
      this.#delete(oldest)
    }
    this.#set({ nick, peerId, seenMs: wallMs })
    this.dirty = true
    return true
  }

  #set(binding: NickBinding): void {
    const key = binding.nick.toLowerCase()
    this.#delete(key)
    this.#bindings.set(key, binding)
    const own = this.#ofPeer.get(binding.peerId) ?? new Set()
    this.#ofPeer.set(binding.peerId, own.add(key))
  }

  #delete(key: string): void {
    const peerId = this.#bindings.get(key)?.peerId
    if (peerId === undefined) return
    this.#bindings.delete(key)
    const own = this.#ofPeer.get(peerId)
    own?.delete(key)
    if (own?.size === 0) this.#ofPeer.delete(peerId)
  }

  save(): Uint8Array {
    this.dirty = false
    const lines = [...this.#bindings.values()].map(
      ({ nick, peerId, seenMs }) => `${nick} ${peerId} ${seenMs}`
    )
    return new TextEncoder().encode(lines.join('\n'))
  }

  /** What was saved by another version, or is broken, is left out. */
  load(bytes: Uint8Array, wallMs: number): void {
    for (const line of new TextDecoder().decode(bytes).split('\n').slice(-NICKS_MAX)) {
      const [nick = '', peerId, seenText] = line.split(' ')
      const seenMs = Number(seenText)
      if (peerId === undefined || !isNick(nick) || !Number.isSafeInteger(seenMs)) continue
      if (wallMs - seenMs <= NICK_EXPIRY_MS) this.#set({ nick, peerId, seenMs })
    }
  }
}
