/** Users and servers that break the rules gain nothing, and nobody else is worse off for them. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  BATCH_FILES_MAX,
  QUESTIONS_BURST,
  QUESTIONS_PER_SECOND,
  SHARED_MAX,
  SHARES_PER_SECOND
} from '../src/constants.ts'
import { entryBytes } from '../src/entries.ts'
import type { NapsterMessage } from '../src/messages.ts'
import { Desk, helloOf } from './desk.ts'
import { peerIdOf, recordOf, wantedOf } from './peer.ts'
import { SmallNetwork } from './small-network.ts'

const find = (query: number, text: string): NapsterMessage => ({
  type: 'find',
  query,
  wanted: wantedOf(text)
})

describe('a user who claims files that they do not have', () => {
  it('gains nothing by records of another provider', () => {
    const desk = new Desk({ server: {} })
    const [liar, seeker] = [desk.user(1, 'liar'), desk.user(2)]
    const record = recordOf(peerIdOf(9), { index: 1, name: 'song.mp3', size: 1 })
    desk.from(liar, {
      type: 'share-records',
      batch: 1,
      files: [
        { index: 1, record },
        { index: 2, record: new Uint8Array(5) }
      ]
    })
    expect(desk.settle().sent(liar)).toEqual([
      {
        type: 'share-ack',
        batch: 1,
        refused: [
          { place: 0, reason: 'unsound' },
          { place: 1, reason: 'unsound' }
        ]
      }
    ])
    expect(desk.counter('filesUnverified')).toBe(2)
    desk.from(seeker, find(1, 'song'))
    expect(desk.settle().sent(seeker)).toMatchObject([{ type: 'found-end' }])
    expect(desk.tables.files).toBe(0)
  })

  it('is found by no word that the signed name does not have', () => {
    const desk = new Desk({ server: {} })
    const [liar, seeker] = [desk.user(1, 'liar'), desk.user(2)]
    desk.share(liar, 1, 'plain name.mp3')
    for (const text of ['miles', 'blue', 'song', 'liar']) {
      desk.from(seeker, find(1, text))
      expect(desk.settle().sent(seeker)).toHaveLength(1)
    }
    desk.from(seeker, find(1, 'plain'))
    expect(desk.settle().sent(seeker)).toHaveLength(2)
  })

  it('cannot take back what another shares, nor browse as them', () => {
    const desk = new Desk({ server: {} })
    const [sharer, thief] = [desk.user(1), desk.user(2)]
    desk.share(sharer, 1, 'song.mp3')
    desk.from(thief, { type: 'unshare-records', batch: 1, indexes: [1] }, { type: 'unshare-all' })
    desk.settle()
    expect(desk.tables.files).toBe(1)
  })
})

describe('a user with a million records', () => {
  it('has SHARED_MAX of them taken, at a rate, and the others refused', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    let index = 0
    let seconds = 0
    const full = () => desk.counter('filesOverQuota') > 0
    // As fast as the server takes them, with what the next batch would bring.
    while (!full() && seconds < 120) {
      const files = Array.from({ length: BATCH_FILES_MAX }, () => {
        index += 1
        return { index, record: recordOf(peerIdOf(1), { index, name: `song ${index}`, size: 1 }) }
      })
      desk.from(user, { type: 'share-records', batch: index, files })
      const [ack] = desk
        .settle()
        .sent(user)
        .filter(({ type }) => type === 'share-ack')
      if (ack?.type === 'share-ack' && ack.refused[0]?.reason === 'later') {
        index -= BATCH_FILES_MAX
        desk.pass(1_000)
        seconds += 1
      }
    }
    expect(desk.tables.files).toBe(SHARED_MAX)
    expect(desk.index.totals().files).toBe(SHARED_MAX)
    expect(seconds).toBeGreaterThanOrEqual((SHARED_MAX - 1_000) / SHARES_PER_SECOND - 1)
    // And from then on not one question to the index for all that follow.
    const { calls } = desk.index
    for (let count = 0; count < 100; count += 1) {
      desk.pass(1_000)
      index += 1
      const record = recordOf(peerIdOf(1), { index, name: `song ${index}`, size: 1 })
      desk.from(user, { type: 'share-records', batch: index, files: [{ index, record }] })
      expect(desk.settle().sent(user)).toContainEqual(
        expect.objectContaining({ refused: [{ place: 0, reason: 'full' }] })
      )
    }
    expect(desk.index.calls).toBe(calls)
  })
})

describe('a flood of 10,000 different queries a second', () => {
  /** How many questions to the index an honest user’s searches wait for, in ten seconds. */
  const run = (perSecond: number) => {
    const desk = new Desk({ server: {} })
    const [sharer, honest, flooder] = [desk.user(1), desk.user(2), desk.user(3)]
    desk.share(sharer, 1, 'song.mp3')
    let waited = 0
    let answered = 0
    const asked = desk.counter('indexAsked')
    for (let second = 0; second < 10; second += 1) {
      for (let query = 0; query < perSecond; query += 1)
        desk.from(flooder, find(second * perSecond + query, `w${query} x`))
      desk.from(honest, find(second, 'song'))
      // The index answers one question after another.
      for (let isAnswered = false; !isAnswered && desk.open.length > 0; ) {
        desk.answer(desk.open.shift()!)
        waited += 1
        isAnswered = desk.sent(honest).some(({ type }) => type === 'found-end')
        if (isAnswered) answered += 1
      }
      desk.settle().pass(1_000).sent()
    }
    return {
      waited,
      answered,
      work: desk.counter('indexAsked') - asked,
      refused: desk.counter('searchesOverRate')
    }
  }

  it('does not make another user wait for more than one piece of its work', () => {
    const [quiet, flooded] = [run(0), run(10_000)]
    expect(quiet).toEqual({ waited: 10, answered: 10, work: 10, refused: 0 })
    expect(flooded.answered).toBe(10)
    expect(flooded.waited).toBeLessThanOrEqual(2 * quiet.waited)
    const taken = QUESTIONS_BURST + 9 * QUESTIONS_PER_SECOND
    expect(flooded.work).toBeLessThanOrEqual(10 + taken)
    expect(flooded.refused).toBeGreaterThan(99_000)
  }, 60_000)
})

describe('a server that lies', () => {
  const lie = (network: SmallNetwork, peer: number, name: string) => ({
    nick: 'liar',
    link: 10,
    firewalled: false,
    contact: testContact(peer),
    entry: entryBytes({
      index: 1,
      name,
      size: 1,
      md5: '0',
      bitrate: 0,
      frequency: 0,
      seconds: 0,
      // Signed by another than it says.
      record: recordOf(network.nodes.get(2)!.peerId, { index: 1, name, size: 1 })
    })
  })

  it('has none of its results shown', () => {
    const network = new SmallNetwork()
    network.server(1)
    const seeker = network.add(2).knows(1)
    network.run(2_000)
    const search = seeker.search('song')
    const link = [...seeker.halves.keys()][0]!
    const message: NapsterMessage = { type: 'found', query: 1, hops: 0, found: lie(network, 77, 'song') }
    seeker.machine.handle({ type: 'message', link, message }, seeker)
    network.run(1_000)
    expect(seeker.found(search)).toEqual([])
    expect(seeker.counter('resultsRefused')).toBe(1)
  })

  it('that answers for ever does not hold a search up, and one that floods is cut', () => {
    const desk = new Desk({ server: {} })
    const mesh = desk.link(50)
    desk.from(mesh, helloOf(50, true))
    const user = desk.user(1)
    for (let count = 0; count < 5_000; count += 1)
      desk.from(mesh, {
        type: 'mesh-found',
        id: new Uint8Array(16).fill(count),
        hops: 0,
        found: lie(new SmallNetworkStub(), 9, 'x')
      })
    expect(desk.sent(user)).toEqual([])
    expect(desk.counter('meshResultsUnasked')).toBe(5_000)
  })
})

/** What `lie` needs of a network. */
class SmallNetworkStub extends SmallNetwork {
  constructor() {
    super()
    this.add(2)
  }
}
