/**
 * A peer that keeps the dead alive, or tries to: into each message of its gossip it puts heartbeats, lives and tuples of
 * others that these never showed, and old ones that they did.
 */
import { type Effects, type Input, keyOfPeer, type Peer } from '@servent/overlay/machine'
import {
  CHAIN_LENGTH,
  type Gossip,
  KelipsMachine,
  type KelipsMessage,
  type KelipsTypes,
  PEER_PREFIX_BYTES,
  type PeerLife,
  PREFIX_BYTES
} from '../../src/machine.ts'
import { tupleOf } from './lone.ts'

/** Of each sort, in one message. */
const FORGED = 2
/** Heartbeats that it goes beyond what it has heard. */
const AHEAD = 3
const AHEAD_MOST = 64
/** Of a tuple that it makes up. */
const LIFETIME_MS = 3_600_000

export class Forger extends KelipsMachine {
  /** Lives that it has heard, from the first on: it tells of them for ever. */
  readonly #heard = new Map<string, PeerLife>()
  #turn = 0
  forged = 0

  override handle(input: Input<KelipsTypes>, effects: Effects<KelipsTypes>): void {
    if (input.type === 'message' && input.message.type === 'gossip')
      for (const life of input.message.lives) {
        const name = life.contact.id.join()
        if (!this.#heard.has(name)) this.#heard.set(name, life)
      }
    super.handle(input, this.#lying(effects))
  }

  #lying(effects: Effects<KelipsTypes>): Effects<KelipsTypes> {
    return new Proxy(effects, {
      get: (target, name) => {
        if (name === 'send')
          return (link: number, message: KelipsMessage, priority: number) =>
            target.send(link, message.type === 'gossip' ? this.#forged(message, target) : message, priority)
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      }
    })
  }

  #forged(message: Gossip, fx: Effects<KelipsTypes>): Gossip {
    const { peers } = fx
    const { view, chain } = this.state
    if (chain?.signature === undefined) return message
    const old = [...this.#heard.values()]
    const [beats, lives, tuples] = [[...message.beats], [...message.lives], [...message.tuples]]
    for (let at = 0; at < FORGED; at += 1) {
      this.#turn += 1
      this.forged += 1
      const known = old[this.#turn % Math.max(1, old.length)]
      const peer: Peer | undefined = view.size === 0 ? undefined : view.peerAt(this.#turn % view.size)
      if (known !== undefined) {
        const key = keyOfPeer(known.contact.id).slice(0, PEER_PREFIX_BYTES)
        const beat = Math.min(CHAIN_LENGTH - 1, known.beat + AHEAD + (this.#turn % AHEAD_MOST))
        const value = new Uint8Array(PREFIX_BYTES).fill(this.#turn)
        // What it was, what it never was, and what it would be if this peer's own chain were its.
        lives.push(known, { ...known, beat, value })
        lives.push({
          ...known,
          startS: known.startS + this.#turn,
          value: chain.valueAt(known.beat),
          signature: chain.signature
        })
        beats.push({ peer: key, beat, value }, { peer: key, beat: known.beat, value: known.value })
        const prefix = new Uint8Array(PREFIX_BYTES).fill(this.#turn * 37)
        const expiresMs = 1000 * Math.floor(fx.wallMs() / 1000) + LIFETIME_MS
        const { contact: provider } = known
        tuples.push({ ...tupleOf(0, 0), prefix, provider, expiresMs, signature: chain.signature })
      }
      if (peer === undefined) continue
      // Nobody need be asked who is known: it says farewell, or goes on.
      const [key, value] = [peers.key(peer).slice(0, PEER_PREFIX_BYTES), chain.valueAt(CHAIN_LENGTH)]
      beats.push({
        peer: key,
        beat: this.#turn % 2 === 0 ? CHAIN_LENGTH : view.beatAt(view.find(peer)) + AHEAD,
        value
      })
    }
    return { ...message, beats, lives, tuples }
  }
}
