/** How a node goes of its own accord: once, when others have what it keeps, or sooner. */
import type { RoutingEffects } from '@servent/key-routing/machine'
import { expect, it } from 'vitest'
import { leave } from '../src/leave.ts'
import { type AnsweredNode, answeredNode } from './support/answered-node.ts'

/** A member whose keeper hands over until the test says that it is done. */
function leaver(): AnsweredNode & {
  readonly ends: ((fx: RoutingEffects) => void)[]
  readonly left: number[]
} {
  const all = answeredNode({}, [1, 2, 0xfff0, 0xfff1])
  const ends: ((fx: RoutingEffects) => void)[] = []
  const left: number[] = []
  all.node.keeper = {
    handOverAll: (done: (typeof ends)[0]) => ends.push(done),
    left: () => left.push(ends.length)
  } as unknown as typeof all.node.keeper
  return { ...all, ends, left }
}

it('goes when others have all, also where it fell out of its ring and came back meanwhile', () => {
  const { node, fx, ends, left } = leaver()
  leave(node, fx)
  expect([node.mode, left]).toEqual(['member', []])
  node.term += 1
  ends[0]!(fx as unknown as RoutingEffects)
  expect([node.mode, node.leaving, left]).toEqual(['idle', false, [1]])
})

it('goes at once where it is told so a second time, and hands over anew when it comes back and leaves again', () => {
  const { node, fx, ends, left } = leaver()
  leave(node, fx)
  leave(node, fx)
  expect([node.mode, node.leaving, left]).toEqual(['idle', false, [1]])
  node.leaves.add(7)
  node.setMode('member', fx)
  leave(node, fx)
  expect([node.mode, ends.length, left]).toEqual(['member', 2, [1]])
})
