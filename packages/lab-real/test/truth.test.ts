/** Who is a member by the observer, while a network forms and after. */

import { resolvePlan } from '@servent/lab'
import { overlaySettings } from '@servent/lab/backend'
import { keyOfPeer, peerIdBytes } from '@servent/overlay'
import { expect, it } from 'vitest'
import { Truth } from '../src/truth.ts'

const PEERS = [
  '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf',
  '12D3KooWRBhwfeP2Y4TCx1SM6s9rUoHhR5STiGwxBhgFRcw3UERE'
]

it('while a ring forms all who take part are members, and then those alone who are in it', () => {
  const truth = new Truth('chord', overlaySettings(resolvePlan({ overlays: ['chord'] }), 'chord'))
  const [a, b] = PEERS as [string, string]
  const keyOfB = keyOfPeer(peerIdBytes(b)!)
  truth.joined(0, a)
  truth.joined(1, b)
  expect([truth.members, truth.rootOf(keyOfB)]).toEqual([2, 1])
  truth.settled(0, a)
  expect([truth.members, truth.isMember(0), truth.isMember(1)]).toEqual([1, true, false])
  expect(truth.rootOf(keyOfB)).toBe(0)
  truth.settled(1, b)
  expect([truth.members, truth.rootOf(keyOfB)]).toEqual([2, 1])
  truth.left(1)
  expect([truth.members, truth.rootOf(keyOfB)]).toEqual([1, 0])
})
