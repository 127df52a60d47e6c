/** What comes of the questions of `life.ts` wherever a network does what it should. */
import { NAMES } from './life.ts'

export const words = (answer: string, ...names: readonly string[]) =>
  Object.fromEntries(names.map(name => [name, answer]))

const WITHOUT_C = ['a', 'b', 'd', 'e', 'f', 'g'] as const
const WITHOUT_F = ['a', 'b', 'd', 'e', 'g'] as const
const BACK = ['a', 'b', 'c', 'd', 'e', 'g'] as const

export const RIGHT_ANSWERS = {
  'who is the root of the value': words('the nearest', ...NAMES),
  put: { b: 'kept' },
  provide: { a: 'kept' },
  get: words('a value of b', ...NAMES),
  find: words('a, 1 in all', ...NAMES),
  'who is the root right after the crash': words('the nearest', ...WITHOUT_C),
  'get right after the crash': words('a value of b', ...WITHOUT_C),
  'who is the root once it is mended': words('the nearest', ...WITHOUT_C),
  'get once it is mended': words('a value of b', ...WITHOUT_C),
  'find right after the leave': words('a, 1 in all', ...WITHOUT_F),
  'who is the root of the provider': words('the nearest', ...WITHOUT_F),
  'find once it has left': words('a, 1 in all', ...WITHOUT_F),
  'who is the root of the value when it is back': words('the nearest', ...BACK),
  'get when it is back': words('a value of b', ...BACK)
}

/**
 * Kelips answers a lookup from its view, and tuples go round by gossip: whoever died a moment ago may be named still, and
 * a tuple that was asked of one that left need not be everywhere. Those two questions are not asked of it.
 */
export const KELIPS_ANSWERS = Object.fromEntries(
  Object.entries(RIGHT_ANSWERS).filter(
    ([what]) => what !== 'who is the root right after the crash' && what !== 'find right after the leave'
  )
)

/** libp2p's Kademlia asks for providers of others: who provides a content is not told of itself. */
export const KADEMLIA_ANSWERS = Object.fromEntries(
  Object.entries(RIGHT_ANSWERS).map(([what, answers]) => [
    what,
    what.startsWith('find') ? { ...answers, a: ', 0 in all' } : answers
  ])
)
