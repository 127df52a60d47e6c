/** Kademlia's machine on every host, as Chord's in `chord.test.ts`. */
import { expect, test } from 'vitest'
import { NAMES } from './life.ts'
import { kademliaLife as overlay } from './life-overlays.ts'
import { onTcp } from './life-tcp.ts'
import { onFakes, onSimulator, whereTheyPart } from './life-virtual.ts'
import { KADEMLIA_ANSWERS } from './right-answers.ts'

const seed = 'conformance'

/**
 * The machine's own pings and its answers to others have priorities of their own, and on the libp2p host what is sent in
 * one moment goes out in their order, where the simulator sends each as it comes: logs are not compared.
 */
test('the same comes of it on fakes as in the simulator', async () => {
  const [fakes, simulated] = [await onFakes({ overlay, seed }), await onSimulator({ overlay, seed })]
  expect([simulated.tables, simulated.answers]).toEqual([fakes.tables, fakes.answers])
  for (const name of NAMES) expect(fakes.logs[name]!.length).toBeGreaterThan(1_000)
}, 120_000)

test('the life of a network is what it should be, and over TCP the same comes of it', async () => {
  const { tables, answers } = await onSimulator({ overlay, seed })
  expect(Object.keys(tables)).toEqual(['formed', 'joined', 'mended', 'left', 'came back'])
  expect(answers).toEqual(KADEMLIA_ANSWERS)
  expect(await onTcp({ overlay, seed })).toEqual({ tables, answers })
}, 120_000)

test('another chance gives other logs, and the same tables and answers', async () => {
  const [one, other] = [await onSimulator({ overlay, seed }), await onSimulator({ overlay, seed: 'another' })]
  expect(whereTheyPart(one, other)).toHaveLength(NAMES.length)
  expect([other.tables, other.answers]).toEqual([one.tables, one.answers])
}, 120_000)
