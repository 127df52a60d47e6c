/**
 * Names bound to PeerIds. Whoever logs in with a nick that nobody has gets it, and keeps it against everybody
 * else until nobody has used it for `NICK_EXPIRY_MS`. The password of message 2 proves nothing here: Noise has.
 */
import { NICK_CHARACTERS_MAX, NICK_EXPIRY_MS, NICKS_MAX } from './constants.ts'

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
  dirty = false

  get size(): number {
    return this.#bindings.size
  }

  get(nick: string, wallMs: number): NickBinding | undefined {
    const binding = this.#bindings.get(nick.toLowerCase())
    return binding === undefined || wallMs - binding.seenMs > NICK_EXPIRY_MS ? undefined : binding
  }

  /** False: it is another peer's. */
  bind(nick: string, peerId: string, wallMs: number): boolean {
    const known = this.get(nick, wallMs)
    if (known !== undefined && known.peerId !== peerId) return false
    const key = nick.toLowerCase()
    this.#bindings.delete(key)
    this.#bindings.set(key, { nick, peerId, seenMs: wallMs })
    if (this.#bindings.size > NICKS_MAX) this.#bindings.delete(this.#bindings.keys().next().value!)
    this.dirty = true
    return true
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
      if (wallMs - seenMs <= NICK_EXPIRY_MS) this.#bindings.set(nick.toLowerCase(), { nick, peerId, seenMs })
    }
  }
}
