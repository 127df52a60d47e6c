/**
 * Requests by which rules look after their tables. Whoever does not answer is asked a second time before it counts
 * as dead, for a busy peer is not a dead one.
 */
import { type Effects, type MachineTypes, type Peer, SELF } from '@servent/overlay/machine'
import type { Calls } from './calls.ts'
import type { CallFailure } from './calls-types.ts'
import { PRIORITY_TABLE } from './constants.ts'

/** `later`: nothing was learnt, for this peer has too much in hand. `undefined`: dead. */
export type Heard<Message> = Message | 'later' | undefined

/**
 * `make` makes the request anew for each try. `done` may be called before this returns. `patienceMs`: so much longer than
 * other requests each waits for its answer.
 */
export function requestTwice<T extends MachineTypes>(
  calls: Calls<T>,
  peer: Peer,
  make: (id: number) => T['message'] & { readonly id: number },
  effects: Effects<T>,
  done: (heard: Heard<T['message']>, effects: Effects<T>) => void,
  tries = 2,
  patienceMs = 0
): void {
  calls.request(
    peer,
    make(calls.nextId()),
    PRIORITY_TABLE,
    (outcome, effects) => {
      if ('answer' in outcome) done(outcome.answer, effects)
      else if (worthAnother(outcome.failed) && tries > 1)
        requestTwice(calls, peer, make, effects, done, tries - 1, patienceMs)
      else done(outcome.failed === 'busy' ? 'later' : undefined, effects)
    },
    effects,
    patienceMs
  )
}

/** A link that went down while it was asked may have been a duplicate. */
function worthAnother(failed: CallFailure): boolean {
  return failed === 'silent' || failed === 'link-down'
}

/** Whether a peer lives; its round trip is measured by the way. */
export function ping<T extends MachineTypes>(
  calls: Calls<T>,
  peer: Peer,
  effects: Effects<T>,
  done: (alive: boolean | 'later', effects: Effects<T>) => void,
  patienceMs = 0
): void {
  if (peer === SELF) {
    done(true, effects)
    return
  }
  requestTwice(
    calls,
    peer,
    id => ({ type: 'ping', id }),
    effects,
    (heard, effects) => done(heard === 'later' ? 'later' : heard !== undefined, effects),
    2,
    patienceMs
  )
}

/** Of a peer that is linked: who is not would have to be dialled when it is needed. */
export function linkedRttMs<T extends MachineTypes>(calls: Calls<T>, peer: Peer): number | undefined {
  return calls.linkOf(peer) === undefined ? undefined : calls.rttMs(peer)
}
