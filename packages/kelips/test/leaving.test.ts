/** A peer that leaves before it is a member: whatever was under way then comes to nothing. */
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { expect, it } from 'vitest'
import { enter } from '../src/intake.ts'
import { askToJoin, JOIN_TIMER, pullFrom } from '../src/join.ts'
import { leave } from '../src/leave.ts'
import { beginChain } from '../src/own-life.ts'
import { SAVE_TIMER } from '../src/timers.ts'
import { type Lone, lifeOf, lone } from './support/lone.ts'
import { KelipsNetwork } from './support/network.ts'

const MS_US = 1000

it.each([20, 60, 100, 200, 400])('has left %i ms into its join, and stays out', afterMs => {
  const network = new KelipsNetwork({ seed: 'left early', settings: { groups: 1 } })
  const { simulation } = network
  const [first] = network.startIdeal(20, 0)
  const joiner = simulation.addNode()
  network.join(joiner, first!)
  simulation.runFor(afterMs * MS_US)
  simulation.command(joiner, { type: 'leave' })
  simulation.runFor(20_000 * MS_US)
  expect(network.machine(joiner).mode).toBe('idle')
  expect(network.machine(joiner).state.counters.rounds).toBe(0)
  // Whom it hears of is not asked to have it in.
  simulation.contact(joiner, first!)
  simulation.runFor(5000 * MS_US)
  expect(network.machine(joiner).mode).toBe('idle')
})

type Done = (outcome: unknown, fx: unknown) => void

interface Asked {
  readonly peer: Peer
  readonly message: { readonly type: string; readonly id: number }
  readonly done: Done
}

/** A joiner that knows one member, with its requests. */
function joiner(): { own: Lone; asked: Asked[]; member: Peer } {
  const own = lone({ groups: 1 })
  const { kelips, fx } = own
  beginChain(kelips, fx)
  kelips.mode = 'joining'
  const member = fx.peers.intern(testContact(1))
  const asked: Asked[] = []
  kelips.calls.request = ((peer: Peer, message: Asked['message'], _priority: number, done: Done) =>
    asked.push({ peer, message, done })) as never
  return { own, asked, member }
}

it('what it had asked for has no part in the next join, which asks anew', () => {
  const { own, asked, member } = joiner()
  const { kelips, fx } = own
  askToJoin(kelips, member, fx)
  enter(kelips, member, lifeOf(1))
  pullFrom(kelips, 'join', fx)
  leave(kelips, fx)
  kelips.mode = 'joining'
  askToJoin(kelips, member, fx)
  pullFrom(kelips, 'join', fx)
  const [join, pull, joinAgain, pullAgain] = asked
  expect(asked.map(({ message }) => message.type)).toEqual(['join', 'state-request', 'join', 'state-request'])
  const state = { type: 'state', lives: [lifeOf(2)], tuples: [], next: 0 }
  pull!.done({ answer: { ...state, id: pull!.message.id } }, fx)
  const welcome = { type: 'welcome', level: 0, estimate: 0, heartbeatMs: kelips.settings.heartbeatMs }
  join!.done({ answer: { ...welcome, id: join!.message.id, lives: [lifeOf(3)] } }, fx)
  expect([kelips.mode, kelips.pulling, kelips.view.size, asked.length]).toEqual(['joining', true, 1, 4])
  expect([...kelips.introducing]).toEqual([member])
  pullAgain!.done({ answer: { ...state, id: pullAgain!.message.id } }, fx)
  expect([kelips.view.size, asked.length]).toEqual([2, 5])
  joinAgain!.done({ answer: { ...welcome, id: joinAgain!.message.id, lives: [lifeOf(3)] } }, fx)
  expect([kelips.view.size, kelips.introducing.size]).toEqual([3, 0])
})

it('sets no timer, and waits for none', () => {
  const { own } = joiner()
  const cancelled: (string | number)[] = []
  own.fx.cancelTimer = timer => cancelled.push(timer)
  leave(own.kelips, own.fx)
  expect(cancelled).toEqual(expect.arrayContaining([JOIN_TIMER, SAVE_TIMER]))
})
