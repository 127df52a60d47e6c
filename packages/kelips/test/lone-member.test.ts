/** A member that knows nobody of its group: whoever introduced it knew none there that lived. K6: none stays unknown. */
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { LONE_ROUNDS_MAX } from '../src/constants.ts'
import { setLevel } from '../src/epoch.ts'
import { groupOf } from '../src/group.ts'
import { seekMembers } from '../src/join.ts'
import { beginChain } from '../src/own-life.ts'
import { lifeOf, lone } from './support/lone.ts'
import { KelipsNetwork } from './support/network.ts'

type Done = (outcome: unknown, fx: unknown) => void

const ROUND_MS = 1000
const ROUND_US = 1000 * ROUND_MS

describe('a joiner whose introducer’s contacts of its group have just died', () => {
  it('is known by its group within some ten rounds, and knows it', () => {
    for (let seed = 0; seed < 6; seed += 1) {
      const network = new KelipsNetwork({
        seed: `lone ${seed}`,
        settings: { groups: 4, gossipMs: ROUND_MS, heartbeatMs: ROUND_MS, mergeMs: 0 }
      })
      const { simulation } = network
      const nodes = network.startIdeal(24, 2)
      const joiner = simulation.addNode()
      const groupIs = (node: number) => groupOf(simulation.keyOf(node), 2)
      const introducer = nodes.find(node => groupIs(node) !== groupIs(joiner))!
      const known = network.contactsOf(introducer).filter(node => groupIs(node) === groupIs(joiner))
      expect(known.length).toBeGreaterThan(0)
      for (const node of known) simulation.silence(node)
      network.join(joiner, introducer)
      simulation.runFor(14 * ROUND_US)
      const same = simulation
        .aliveNodes()
        .filter(node => node !== joiner && groupIs(node) === groupIs(joiner))
      const knowing = same.filter(node => network.membersOf(node).includes(joiner))
      expect(knowing.length, `seed ${seed}`).toBeGreaterThan(0.75 * same.length)
      const members = network.membersOf(joiner)
      expect(same.filter(node => members.includes(node)).length).toBeGreaterThan(0.75 * same.length)
    }
  })
})

describe('a member without others of its group', () => {
  /** In which of so many rounds it asks. */
  function roundsOf(rounds: number, hasContact: boolean): number[] {
    const own = lone({ groups: 2 })
    const { kelips, fx } = own
    setLevel(kelips, 1, fx)
    beginChain(kelips, fx, () => undefined)
    const asked: number[] = []
    let round = 0
    kelips.calls.request = (() => asked.push(round)) as never
    if (hasContact) {
      const inOther = (number: number) =>
        groupOf(kelips.peers.key(fx.peers.intern(testContact(number))), 1) !== kelips.group
      const number = [1, 2, 3, 4, 5, 6, 7, 8].find(inOther)!
      const peer = fx.peers.intern(testContact(number))
      kelips.contacts.add(peer, lifeOf(number), kelips.nowMs)
    }
    for (round = 1; round <= rounds; round += 1) {
      seekMembers(kelips, fx)
      kelips.introducing.clear()
    }
    return asked
  }

  it(`asks a contact after 1, 2, 4 rounds and so on, and then each ${LONE_ROUNDS_MAX / 2}: LONE_ROUNDS_MAX`, () => {
    expect(roundsOf(81, true)).toEqual([1, 2, 4, 8, 16, 32, 48, 64, 80])
  })

  it('pulls what its group keeps from whom it is told of then, which gossip would take long to tell', () => {
    const { kelips, fx } = lone({ groups: 2 })
    setLevel(kelips, 1, fx)
    beginChain(kelips, fx, () => undefined)
    const peerIn = (isOwn: boolean) =>
      [1, 2, 3, 4, 5, 6, 7, 8].find(number => {
        const key = kelips.peers.key(fx.peers.intern(testContact(number)))
        return (groupOf(key, 1) === kelips.group) === isOwn
      })!
    const [member, contact] = [peerIn(true), peerIn(false)]
    kelips.contacts.add(fx.peers.intern(testContact(contact)), lifeOf(contact), kelips.nowMs)
    const asked: [string, Peer][] = []
    kelips.calls.request = ((to: Peer, message: { type: string; id: number }, _: number, done: Done) => {
      asked.push([message.type, to])
      const { id } = message
      const lives = [lifeOf(member)]
      const { heartbeatMs } = kelips.settings
      if (message.type === 'join')
        done({ answer: { type: 'welcome', id, level: 1, estimate: 0, heartbeatMs, lives } }, fx)
    }) as never
    seekMembers(kelips, fx)
    expect(asked).toEqual([
      ['join', fx.peers.intern(testContact(contact))],
      ['state-request', fx.peers.intern(testContact(member))]
    ])
  })

  it('asks nobody where it knows nobody at all', () => {
    expect(roundsOf(40, false)).toEqual([])
  })
})
