/** The machines of Pastry, Kelips and Kademlia on every host, as Chord's in `chord.test.ts`. */
import type { MachineTypes } from '@servent/overlay/machine'
import { describe, expect, test } from 'vitest'
import { type Life, type LifeOverlay, NAMES } from './life.ts'
import { kademliaLife, kelipsLife, pastryLife } from './life-overlays.ts'
import { onTcp } from './life-tcp.ts'
import { onFakes, onSimulator, whereTheyPart } from './life-virtual.ts'
import { KADEMLIA_ANSWERS, KELIPS_ANSWERS, RIGHT_ANSWERS } from './right-answers.ts'

const seed = 'conformance'

interface Expected {
  readonly answers: Life['answers']
  readonly sameLogs: boolean
}

function describeLife<T extends MachineTypes>(overlay: LifeOverlay<T>, expected: Expected): void {
  test('the same comes of it on fakes as in the simulator, step by step where its logs are compared', async () => {
    const [fakes, simulated] = [await onFakes({ overlay, seed }), await onSimulator({ overlay, seed })]
    if (expected.sameLogs) expect(whereTheyPart(fakes, simulated)).toEqual([])
    expect([simulated.tables, simulated.answers]).toEqual([fakes.tables, fakes.answers])
    for (const name of NAMES) expect(fakes.logs[name]!.length).toBeGreaterThan(1_000)
  }, 120_000)

  test('the life of a network is what it should be, and over TCP the same comes of it', async () => {
    const { tables, answers } = await onSimulator({ overlay, seed })
    expect(Object.keys(tables)).toEqual(['formed', 'joined', 'mended', 'left', 'came back'])
    expect(answers).toEqual(expected.answers)
    expect(await onTcp({ overlay, seed })).toEqual({ tables, answers })
  }, 120_000)

  test('another chance gives other logs, and the same tables and answers', async () => {
    const [one, other] = [
      await onSimulator({ overlay, seed }),
      await onSimulator({ overlay, seed: 'another' })
    ]
    expect(whereTheyPart(one, other)).toHaveLength(NAMES.length)
    expect([other.tables, other.answers]).toEqual([one.tables, one.answers])
  }, 120_000)
}

describe('Pastry', () => describeLife(pastryLife, { answers: RIGHT_ANSWERS, sameLogs: true }))

describe('Kelips', () => describeLife(kelipsLife, { answers: KELIPS_ANSWERS, sameLogs: true }))

/**
 * Its machine gives its own pings and its answers priorities of their own. On the libp2p host what is sent in one moment
 * goes out in their order, where the simulator sends each as it comes: its logs are not compared.
 */
describe('Kademlia', () => describeLife(kademliaLife, { answers: KADEMLIA_ANSWERS, sameLogs: false }))
