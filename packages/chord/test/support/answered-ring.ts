/** A ring whose requests are answered at once by a function: for tests of single rules. */
import { ROUTER_SETTINGS } from '@servent/key-routing/machine'
import type { Contact, Key, Peer, PeerTable } from '@servent/overlay/machine'
import {
  type ChordMessage,
  type ChordSettings,
  CORRECT_CHORD,
  chordSettings,
  refOf
} from '../../src/machine.ts'
import type { RingNode } from '../../src/messages.ts'
import { type Fx, type Place, Ring } from '../../src/ring.ts'

/** `undefined`: it is dead. `silent`: no answer came in time. `busy`: this peer has too much in hand to ask. */
type Answering = (
  peer: Peer,
  message: ChordMessage & { readonly id: number }
) => ChordMessage | 'busy' | 'silent' | undefined

export interface AnsweredRing {
  readonly ring: Ring
  readonly place: Place
  readonly fx: Fx
  /** Requests and what was told, in their order. */
  readonly sent: { readonly peer: Peer; readonly message: ChordMessage }[]
  /** Peers that lookups were said not to wait for any more, in their order. */
  readonly settled: Peer[]
  /** Whether requests wait in place of being answered. */
  hold: boolean
  /** Answers those that wait, in their order; what is asked then waits in its turn. */
  release(): void
  /** What lookups find, by their key; nothing: they fail. */
  found: ((key: Key) => { readonly root: Contact; readonly to: Key } | undefined) | undefined
}

/** Peers are numbers; the key of peer n has n in its first two bytes, so the ring is in the order of numbers. */
export function keyOfNumber(peer: Peer): Key {
  const key = new Uint8Array(32)
  key[0] = peer >> 8
  key[1] = peer & 255
  return key
}

export function contactOfNumber(peer: Peer): Contact {
  return { id: Uint8Array.of(1, peer >> 8, peer & 255), addresses: [] }
}

export function nodeOfNumber(peer: Peer): RingNode {
  return { contact: contactOfNumber(peer), index: 0 }
}

export function ref(peer: Peer): number {
  return refOf(peer, 0)
}

const peers: PeerTable = {
  intern: ({ id }) => (id[1]! << 8) + id[2]!,
  key: keyOfNumber,
  contact: contactOfNumber
}

/** This peer is 0, a member with this list. Lists are what heads say, unless `settings` says otherwise. */
export function answeredRing(
  settings: Partial<ChordSettings>,
  successors: readonly Peer[],
  answer: Answering
): AnsweredRing {
  const ring = new Ring(chordSettings({ lists: 'told', ...settings }), CORRECT_CHORD)
  const sent: AnsweredRing['sent'] = []
  const settled: Peer[] = []
  const fx = {
    peers,
    nowMs: () => 0,
    random: () => 5,
    setTimer: () => undefined,
    cancelTimer: () => undefined,
    notify: () => undefined,
    save: () => undefined,
    send: () => undefined
  } as unknown as Fx
  let nextId = 0
  const held: (() => void)[] = []
  const self: AnsweredRing = {
    ring,
    place: ring.places[0]!,
    fx,
    sent,
    settled,
    hold: false,
    release: () => {
      for (const answerIt of held.splice(0)) answerIt()
    },
    found: undefined
  }
  ring.router = {
    settings: ROUTER_SETTINGS,
    isCrowded: () => false,
    calls: {
      nextId: () => {
        nextId += 1
        return nextId
      },
      request: (
        peer: Peer,
        message: ChordMessage & { id: number },
        _priority: number,
        done: (o: unknown, fx: Fx) => void
      ) => {
        sent.push({ peer, message })
        const answerIt = () => {
          const answered = answer(peer, message)
          if (answered === 'busy' || answered === 'silent') done({ failed: answered }, fx)
          else done(answered === undefined ? { failed: 'unreachable' } : { answer: answered }, fx)
        }
        if (self.hold) held.push(answerIt)
        else answerIt()
      },
      tell: (peer: Peer, message: ChordMessage) => sent.push({ peer, message }),
      linkOf: () => 1,
      peerOf: (link: number) => link,
      rttMs: () => undefined,
      linked: () => [],
      hold: () => undefined,
      release: () => undefined
    },
    lookup: (key: Key, _: unknown, done: (outcome: unknown, fx: Fx) => void) => {
      const answerIt = () => done(self.found?.(key) ?? { failed: 'no-route' }, fx)
      if (self.hold) held.push(answerIt)
      else answerIt()
    },
    settled: (peer: Peer) => settled.push(peer),
    tablesChanged: () => undefined
  } as unknown as Ring['router']
  ring.begin(fx)
  ring.mode = 'ring'
  self.place.member = true
  self.place.successors = successors.map(ref)
  return self
}
