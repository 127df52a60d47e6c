/** The rate of each peer's questions, and how many peers are counted. */
import { expect, it } from 'vitest'
import { QUESTIONERS_MAX, QUESTIONS_BURST, QUESTIONS_PER_SECOND } from '../src/constants.ts'
import { Questioners } from '../src/service-questioners.ts'

it('each peer asks QUESTIONS_BURST times at once and QUESTIONS_PER_SECOND a second, whatever others do', () => {
  const questioners = new Questioners()
  const asks = (peer: string, count: number, nowMs: number) =>
    Array.from({ length: count }, () => questioners.mayAsk(peer, nowMs)).filter(Boolean).length
  expect(asks('one', QUESTIONS_BURST + 1, 0)).toBe(QUESTIONS_BURST)
  expect(asks('two', QUESTIONS_BURST + 1, 0)).toBe(QUESTIONS_BURST)
  expect(asks('one', QUESTIONS_BURST, 1_000)).toBe(QUESTIONS_PER_SECOND)
})

it('QUESTIONERS_MAX peers are counted, and the one that was silent longest is forgotten', () => {
  const questioners = new Questioners()
  for (let count = 0; count < QUESTIONS_BURST; count += 1) questioners.mayAsk('first', 0)
  questioners.mayAsk('second', 0)
  for (let at = 2; at < QUESTIONERS_MAX; at += 1) questioners.mayAsk(`peer ${at}`, 0)
  expect(questioners.size).toBe(QUESTIONERS_MAX)
  expect(questioners.mayAsk('first', 0)).toBe(false)
  questioners.mayAsk('one more', 0)
  expect(questioners.size).toBe(QUESTIONERS_MAX)
  // It asked again, so the second was the one to go.
  expect(questioners.mayAsk('first', 0)).toBe(false)
})
