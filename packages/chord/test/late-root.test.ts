/**
 * A key's root that is late, or far from whoever looks the key up: nobody answers in its place before it is known to be
 * dead, since no key has two roots (Castro et al., DSN 2004, section 3, for Pastry). ToN leaves open when a node is dead.
 */
import type { KeyRange, LookupStyle } from '@servent/key-routing/machine'
import { keyToHex } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { peerOfRef } from '../src/machine.ts'
import { ChordRouting } from '../src/ring-routing.ts'
import { leavePlace } from '../src/ring-tables.ts'
import { type AnsweredRing, answeredRing, keyOfNumber, nodeOfNumber, ref } from './support/answered-ring.ts'
import { Lookups, truthOf } from './support/lookups.ts'
import { ChordNetwork } from './support/network.ts'

const R = 4
const PREDECESSOR = 60_000
/** Of the predecessor's range. */
const KEY = keyOfNumber(59_000)

const STYLES: readonly LookupStyle[] = ['semi-recursive', 'recursive', 'iterative']

describe('a root that is further away than a request to it waits', () => {
  /** Longest round trip of the lab's wide area, one way: three times as long as the first request to a peer waits. */
  const FAR_US = 1_492_000
  const NEAR_US = 25_000

  /** Two before the root of a key, and that root: in the list, and never asked before. */
  function farApart(style: LookupStyle) {
    let far: readonly NodeIndex[] = []
    const isFar = (a: NodeIndex, b: NodeIndex) => far.includes(a) && far.includes(b)
    const network = new ChordNetwork({
      seed: `late ${style}`,
      settings: { successors: R, proximity: 'off', style, traceLookups: true },
      simulation: { network: { oneWayUs: (a, b) => (isFar(a, b) ? FAR_US : NEAR_US) } }
    })
    network.startIdeal(24)
    const at = (place: number) => peerOfRef(network.places()[place]!.id)
    const [asking, root, behind] = [at(6), at(8), at(9)]
    far = [asking, root]
    network.simulation.runFor(20_000_000)
    return { network, asking, root, behind, key: network.simulation.keyOf(root) }
  }

  it.each(STYLES)('is the root all the same (%s)', style => {
    const { network, asking, root, behind, key } = farApart(style)
    const lookups = new Lookups(network, truthOf(network))
    const asked: NodeIndex[] = []
    network.notices.push((node, notice) => {
      if (notice.type === 'lookup-step' && notice.what === 'sent' && keyToHex(notice.key) === keyToHex(key))
        asked.push(network.simulation.nodeOfPeer(node, notice.peer))
    })
    lookups.issue(asking, key)
    network.simulation.runFor(12_000_000)
    const { correct, incorrect, failed } = lookups.tally
    expect({ correct, incorrect, failed }).toEqual({ correct: 1, incorrect: 0, failed: 0 })
    // It was silent first, and whoever comes behind it was asked for its key.
    expect(asked.slice(0, 2)).toEqual([root, behind])
  })

  it.each(STYLES)(
    'and where it is dead whoever comes behind it is, within the time of a lookup (%s)',
    style => {
      const { network, asking, root, key } = farApart(style)
      network.simulation.silence(root)
      const lookups = new Lookups(network, truthOf(network))
      lookups.issue(asking, key)
      network.simulation.runFor(12_000_000)
      const { correct, incorrect, failed } = lookups.tally
      expect({ correct, incorrect, failed }).toEqual({ correct: 1, incorrect: 0, failed: 0 })
    }
  )
})

describe('a place whose predecessor was silent to somebody', () => {
  const silent = (peer: number) => peer === PREDECESSOR

  /** Peer 0 behind it. `lives`: what it says when it is asked; nothing: that this peer has too much in hand. */
  function behind(
    lives: boolean | undefined
  ): AnsweredRing & { routing: ChordRouting; doubt: () => unknown } {
    const all = answeredRing({ successors: R }, [1, 2, 3], (_peer, { id }) => {
      if (lives === undefined) return 'busy'
      if (!lives) return 'silent'
      return {
        type: 'neighbours',
        id,
        standing: 'ring',
        version: 3,
        unchanged: false,
        listLength: R,
        successors: [0, 1, 2].map(nodeOfNumber)
      }
    })
    all.place.predecessor = ref(PREDECESSOR)
    all.hold = true
    const routing = new ChordRouting(all.ring)
    return { ...all, routing, doubt: () => routing.doubted(KEY, silent, true, all.fx as never) }
  }

  const claim = ({ routing }: { routing: ChordRouting }): KeyRange | undefined =>
    routing.rootOf(KEY, silent, true)

  it('asks it, and claims none of its keys on the word of others', () => {
    const all = behind(true)
    expect(claim(all)).toBeUndefined()
    expect(all.doubt()).toBe(PREDECESSOR)
    // Once for all that wait.
    expect(all.doubt()).toBe(PREDECESSOR)
    expect(all.sent.map(({ peer, message }) => [peer, message.type])).toEqual([
      [PREDECESSOR, 'neighbours-request']
    ])
    expect(all.settled).toEqual([])
    all.release()
    expect(all.settled).toEqual([PREDECESSOR])
    expect([all.place.predecessorLost, claim(all)]).toEqual([false, undefined])
    // What waited goes there, as to the root.
    expect(all.routing.nextHops(KEY, 1, () => false, true)).toEqual([{ peer: PREDECESSOR, root: true }])
  })

  it('has its keys once it is lost, whoever found that out', () => {
    const all = behind(false)
    expect(all.doubt()).toBe(PREDECESSOR)
    // Twice, for a busy peer is not a dead one.
    all.release()
    expect([all.place.predecessorLost, all.settled, all.sent.length]).toEqual([false, [], 2])
    all.release()
    expect([all.place.predecessorLost, all.settled]).toEqual([true, [PREDECESSOR]])
    expect(claim(all)).toMatchObject({ to: all.place.key })
    // Who comes afresh has found nobody silent.
    expect(all.routing.rootOf(KEY, () => false, true)).toMatchObject({ to: all.place.key })
    // Its timer asks it from now on.
    expect([all.doubt(), all.sent.length]).toEqual([undefined, 2])
  })

  it('asks once where it was this peer itself that had no answer: that was the first time', () => {
    const all = behind(false)
    all.routing.onSilent(PREDECESSOR, all.fx as never)
    expect(all.doubt()).toBe(PREDECESSOR)
    all.release()
    expect([all.place.predecessorLost, all.settled, all.sent.length]).toEqual([true, [PREDECESSOR], 1])
  })

  it('learns nothing while it has too much in hand, and nobody waits for that', () => {
    const all = behind(undefined)
    expect(all.doubt()).toBe(PREDECESSOR)
    all.release()
    expect([all.place.predecessorLost, all.settled, claim(all)]).toEqual([false, [PREDECESSOR], undefined])
  })

  it('that leaves its ring meanwhile keeps nobody waiting either', () => {
    const all = behind(false)
    expect(all.doubt()).toBe(PREDECESSOR)
    leavePlace(all.ring, all.place, all.fx)
    all.release()
    all.release()
    expect(all.settled).toEqual([PREDECESSOR])
    expect(all.doubt()).toBeUndefined()
  })

  it('asks nothing where the key did not come to it as to the root: whoever is silent on the way is gone round', () => {
    const all = behind(true)
    expect(all.routing.doubted(KEY, silent, false, all.fx as never)).toBeUndefined()
    expect(all.routing.doubted(KEY, () => false, true, all.fx as never)).toBeUndefined()
    expect(all.sent).toEqual([])
  })

  it('takes the word of others where maintenance stands still, as in the experiment of ToN Table II', () => {
    const all = behind(true)
    all.ring.maintenance = false
    expect(claim(all)).toMatchObject({ to: all.place.key })
    expect([all.doubt(), all.sent]).toEqual([undefined, []])
  })
})
