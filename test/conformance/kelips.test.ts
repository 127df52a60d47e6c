/** Kelips's machine on every host, as Chord's in `chord.test.ts`. */
import { expect, test } from 'vitest'
import { NAMES } from './life.ts'
import { kelipsLife as overlay } from './life-overlays.ts'
import { onTcp } from './life-tcp.ts'
import { onFakes, onSimulator, whereTheyPart } from './life-virtual.ts'
import { KELIPS_ANSWERS } from './right-answers.ts'

const seed = 'conformance'

test('each node has the same log on fakes as in the simulator', async () => {
  const [fakes, simulated] = [await onFakes({ overlay, seed }), await onSimulator({ overlay, seed })]
  expect(whereTheyPart(fakes, simulated)).toEqual([])
  expect([simulated.tables, simulated.answers]).toEqual([fakes.tables, fakes.answers])
  for (const name of NAMES) expect(fakes.logs[name]!.length).toBeGreaterThan(1_000)
}, 120_000)

test('the life of a network is what it should be, and over TCP the same comes of it', async () => {
  const { tables, answers } = await onSimulator({ overlay, seed })
  expect(Object.keys(tables)).toEqual(['formed', 'joined', 'mended', 'left', 'came back'])
  expect(answers).toEqual(KELIPS_ANSWERS)
  expect(await onTcp({ overlay, seed })).toEqual({ tables, answers })
}, 120_000)

test('another chance gives other logs, and the same tables and answers', async () => {
  const [one, other] = [await onSimulator({ overlay, seed }), await onSimulator({ overlay, seed: 'another' })]
  expect(whereTheyPart(one, other)).toHaveLength(NAMES.length)
  expect([other.tables, other.answers]).toEqual([one.tables, one.answers])
}, 120_000)
