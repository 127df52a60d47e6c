/**
 * What is not believed. Chains are of SHA-256, and signatures are checked: a heartbeat that was forged or is an old one,
 * a life or a tuple that somebody else signed, and what comes beside them.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import { SHA_CHAIN } from '../src/chain.ts'
import { CHAIN_LENGTH, HEARTBEAT_MS, PREFIX_BYTES } from '../src/constants.ts'
import { takeBeats, takeIn } from '../src/intake.ts'
import type { PeerLife, PeerTuple } from '../src/messages.ts'
import { type Lone, lone } from './support/lone.ts'
import { Author, answerSealed, seal } from './support/seals.ts'

const alice = new Author(1)
const mallory = new Author(2)

let own: Lone

beforeEach(() => {
  own = lone({ groups: 1 }, { oneWay: SHA_CHAIN }, question => answerSealed(question, mallory.contact))
})

/** Gives what came of each tuple. */
function tell(lives: readonly PeerLife[], tuples: readonly PeerTuple[] = []): readonly string[] {
  let outcomes: readonly string[] = []
  takeIn(own.kelips, { lives, tuples }, own.fx, taken => {
    outcomes = taken.outcomes
  })
  return outcomes
}

const handleOf = (author: Author) => own.kelips.intern(author.contact)!
const isMember = (author: Author) => own.kelips.view.find(handleOf(author)) >= 0
const isProvider = (author: Author) => own.kelips.origins.table.find(handleOf(author)) >= 0

/** The heartbeat that the view has, when it came, and how many were refused. */
function known(author: Author): { beat: number; heardMs: number; refused: number } {
  const { view, counters } = own.kelips
  const row = view.find(handleOf(author))
  return { beat: view.beatAt(row), heardMs: view.heardMs(row), refused: counters.livesRefused }
}

function letPass(beats: number): void {
  own.kelips.nowMs += beats * HEARTBEAT_MS
  own.kelips.wallMs += beats * HEARTBEAT_MS
}

describe('a heartbeat', () => {
  beforeEach(() => {
    tell([alice.life(3)])
    expect(known(alice)).toMatchObject({ beat: 3, refused: 0 })
    letPass(10)
  })

  it('that is the chain’s counts, however many were not heard', () => {
    takeBeats(own.kelips, [alice.beat(9)])
    expect(known(alice)).toEqual({ beat: 9, heardMs: own.kelips.nowMs, refused: 0 })
  })

  it.each([
    ['bytes that nobody hashed', (): Uint8Array => new Uint8Array(PREFIX_BYTES).fill(7)],
    ['a value of another chain', () => mallory.chain.valueAt(9)],
    ['the value that was shown last', () => alice.chain.valueAt(3)],
    ['one that was shown before that', () => alice.chain.valueAt(1)]
  ])('of a later number is refused with %s', (_, value) => {
    const { heardMs } = known(alice)
    takeBeats(own.kelips, [alice.beat(9, value())])
    expect(known(alice)).toEqual({ beat: 3, heardMs, refused: 1 })
    // As a life it is held against the same chain.
    tell([alice.life(9, { value: value() })])
    expect(known(alice)).toEqual({ beat: 3, heardMs, refused: 2 })
  })

  it.each([3, 2, 0])('that is said again says nothing: number %i after the third', beat => {
    const { heardMs } = known(alice)
    takeBeats(own.kelips, [alice.beat(beat)])
    tell([alice.life(beat)])
    expect(known(alice)).toEqual({ beat: 3, heardMs, refused: 0 })
  })

  it('that says farewell needs the secret, which nobody else has', () => {
    tell([], [alice.tuple(1)])
    expect(own.kelips.tuples.size).toBe(1)
    takeBeats(own.kelips, [alice.beat(CHAIN_LENGTH, mallory.chain.valueAt(CHAIN_LENGTH))])
    expect([isMember(alice), own.kelips.tuples.size, own.kelips.counters.livesRefused]).toEqual([true, 1, 1])
    takeBeats(own.kelips, [alice.beat(CHAIN_LENGTH)])
    expect([isMember(alice), own.kelips.tuples.size]).toEqual([false, 0])
  })
})

describe('a peer that was buried', () => {
  beforeEach(() => {
    tell([alice.life(3)])
    letPass(5)
    own.kelips.bury(handleOf(alice))
    expect(isMember(alice)).toBe(false)
  })

  it.each([2, 3])(
    'does not rise by heartbeat %i, which it had shown before, however well it is signed',
    beat => {
      takeBeats(own.kelips, [alice.beat(beat)])
      tell([alice.life(beat)])
      expect([isMember(alice), own.kelips.counters.livesRefused]).toEqual([false, 0])
    }
  )

  it('does not rise by its last heartbeats from before it was buried, which others heard and it did not', () => {
    for (const beat of [4, 5, 8]) tell([alice.life(beat)])
    expect(isMember(alice)).toBe(false)
    tell([alice.life(9)])
    expect(isMember(alice)).toBe(true)
  })

  it('does not rise by those that were due before it was buried, where it had answered since the last one that was heard', () => {
    letPass(20)
    tell([alice.life(30)])
    const { view } = own.kelips
    letPass(10)
    view.hear(view.find(handleOf(alice)), own.kelips.nowMs)
    letPass(5)
    own.kelips.bury(handleOf(alice))
    // It was heard of five heartbeats ago, and by its clock the 40th was due.
    for (const beat of [36, 40]) tell([alice.life(beat)])
    expect(isMember(alice)).toBe(false)
    tell([alice.life(41)])
    expect(isMember(alice)).toBe(true)
  })

  it('does not rise by a later number that somebody made up: its signature is of another chain', () => {
    letPass(20)
    for (const value of [alice.chain.valueAt(3), mallory.chain.valueAt(20), new Uint8Array(PREFIX_BYTES)])
      tell([alice.life(20, { value })])
    expect([isMember(alice), own.kelips.counters.livesRefused]).toEqual([false, 3])
  })

  it('does not rise by a new chain that somebody else began for it', () => {
    const later = new Author(2, alice.chain.startS + 10)
    tell([{ ...later.life(), contact: alice.contact }])
    expect([isMember(alice), own.kelips.counters.livesRefused]).toEqual([false, 1])
    tell([new Author(1, alice.chain.startS + 10).life()])
    expect(isMember(alice)).toBe(true)
  })
})

describe('a life of somebody unknown', () => {
  const forgeries: readonly [string, Partial<PeerLife>][] = [
    ['by somebody else', { signature: mallory.life().signature }],
    ['by nobody', { signature: new Uint8Array(0) }],
    ['for another beginning', { startS: alice.chain.startS + 1 }],
    ['for another chain', { value: mallory.chain.valueAt(0) }],
    ['for a heartbeat of another number', { value: alice.chain.valueAt(1) }]
  ]

  it.each(forgeries)('is refused that is signed %s', (_, forged) => {
    tell([alice.life(0, forged)])
    expect([isMember(alice), own.kelips.counters.livesRefused]).toEqual([false, 1])
    expect(own.kelips.others).toBe(0)
  })

  it('is refused beside one that is good, wherever it stands', () => {
    const carol = new Author(3)
    tell([alice.life(0, { signature: mallory.life().signature }), carol.life()])
    expect([isMember(alice), isMember(carol), own.kelips.counters.livesRefused]).toEqual([false, true, 1])
  })

  it('and its tuples are refused where nobody can say whether they are signed', () => {
    own = lone({ groups: 1 }, { oneWay: SHA_CHAIN }, () => ({ type: 'checked', good: [] }))
    expect(tell([alice.life()], [alice.tuple(1)])).toEqual(['refused'])
    expect([isMember(alice), isProvider(alice), own.kelips.tuples.size]).toEqual([false, false, 0])
  })
})

describe('a tuple', () => {
  const forgeries: readonly [string, Partial<PeerTuple>][] = [
    ['by somebody else', { signature: mallory.tuple(1).signature }],
    ['by nobody', { signature: new Uint8Array(0) }],
    ['for another key', { signature: alice.tuple(2).signature }],
    ['as a word', { signature: alice.tuple(1, { kind: 'word' }).signature }],
    ['as one that is taken back', { signature: alice.tuple(1, { withdrawn: true }).signature }],
    ['with another number', { signature: alice.tuple(1, { sequence: 2 }).signature }],
    [
      'for another time',
      { signature: alice.tuple(1, { expiresMs: alice.tuple(1).expiresMs + 1000 }).signature }
    ]
  ]

  it.each(forgeries)('is refused that is signed %s, and who comes with it is no provider', (_, forged) => {
    expect(tell([alice.life()], [alice.tuple(1, forged)])).toEqual(['refused'])
    expect([own.kelips.tuples.size, isProvider(alice), isMember(alice)]).toEqual([0, false, true])
    // Nothing of it stands in the way of a good one.
    expect(tell([], [alice.tuple(1)])).toEqual(['kept'])
    expect([own.kelips.tuples.size, isProvider(alice)]).toEqual([1, true])
  })

  it('is refused beside good ones of the same provider, which are kept', () => {
    const tuples = [alice.tuple(1), alice.tuple(2, { signature: alice.tuple(1).signature }), alice.tuple(3)]
    expect(tell([alice.life()], tuples)).toEqual(['kept', 'refused', 'kept'])
    expect([own.kelips.tuples.size, own.kelips.origins.tuplesOf(handleOf(alice))]).toEqual([2, 2])
  })

  it('that is good is refused with a life that is not: nobody could tell when its provider is gone', () => {
    const life = alice.life(0, { signature: mallory.life().signature })
    expect(tell([life], [alice.tuple(1)])).toEqual(['refused'])
    expect([own.kelips.tuples.size, isProvider(alice), own.kelips.counters.livesRefused]).toEqual([
      0,
      false,
      1
    ])
  })

  it('that was taken back is not told of again by an older one of the same provider', () => {
    tell([alice.life()], [alice.tuple(1, { sequence: 2, withdrawn: true })])
    expect(tell([], [alice.tuple(1)])).toEqual(['older'])
    const [row] = own.kelips.tuples.under('provider', alice.tuple(1).prefix)
    expect(own.kelips.tuples.isWithdrawn(row!)).toBe(true)
  })

  it('names nobody as a provider but its signer', () => {
    const stolen = { ...alice.tuple(1), provider: mallory.contact }
    expect(tell([mallory.life()], [stolen])).toEqual(['refused'])
    expect(seal(mallory.contact.id, new Uint8Array(1))).not.toEqual(seal(alice.contact.id, new Uint8Array(1)))
  })
})
