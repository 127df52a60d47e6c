/**
 * The machines of Chord, Pastry, Kelips and Kademlia on every host: one life each on the libp2p host over fakes, in the
 * simulator, and over TCP, Noise and Yamux on loopback. In virtual time each node has the same log of inputs and effects on
 * both hosts until the first peer comes back, and the same tables and answers to the end; over TCP, where time is nobody's, the same tables and
 * answers come of it. What of that is Chord's alone stands in `chord.test.ts`.
 */

import type { MachineTypes } from '@servent/overlay/machine'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Life, type LifeOverlay, NAMES } from './life.ts'
import { chordLife, kademliaLife, kelipsLife, pastryLife } from './life-overlays.ts'
import { onTcp } from './life-tcp.ts'
import { onFakes, onSimulator, type VirtualLife, whereTheyPart } from './life-virtual.ts'
import { type Deviation, KADEMLIA_DEVIATIONS, KELIPS_DEVIATIONS, RIGHT_ANSWERS } from './right-answers.ts'

const seed = 'conformance'

interface Lived {
  readonly title: string
  readonly deviations: readonly Deviation[]
  /** Why its logs on the two hosts are not compared, where they are not. */
  readonly otherLogs?: string
  readonly answers: Life['answers']
  simulated(seed: string): Promise<VirtualLife>
  fakes(): Promise<VirtualLife>
  tcp(): Promise<Life>
}

/** Each is lived once, for whoever asks. */
function livesOf<T extends MachineTypes>(overlay: LifeOverlay<T>): Omit<Lived, 'title' | 'deviations'> {
  const simulations = new Map<string, Promise<VirtualLife>>()
  return {
    answers: overlay.answers,
    simulated: chance => {
      const lived = simulations.get(chance) ?? onSimulator({ overlay, seed: chance })
      simulations.set(chance, lived)
      return lived
    },
    fakes: () => onFakes({ overlay, seed }),
    tcp: () => onTcp({ overlay, seed })
  }
}

const LIVES: readonly Lived[] = [
  { title: 'Chord', deviations: [], ...livesOf(chordLife) },
  { title: 'Pastry', deviations: [], ...livesOf(pastryLife) },
  { title: 'Kelips', deviations: KELIPS_DEVIATIONS, ...livesOf(kelipsLife) },
  {
    title: 'Kademlia',
    deviations: KADEMLIA_DEVIATIONS,
    otherLogs:
      'Its pings and its answers have priorities of their own. On the libp2p host what is sent in one moment goes out in their order, where the simulator sends each as it comes.',
    ...livesOf(kademliaLife)
  }
]

const STEPS = ['formed', 'joined', 'mended', 'left', 'came back', 'after churn', 'parted', 'healed']

describe.each(LIVES)('$title in virtual time', ({ simulated, fakes, answers, deviations, otherLogs }) => {
  test('its life is what it should be', async () => {
    const life = await simulated(seed)
    expect(Object.keys(life.tables)).toEqual(STEPS)
    expect(life.answers).toEqual(answers)
  }, 60_000)

  test('the same comes of it on fakes, step by step where its logs are compared', async () => {
    const [simulation, other] = [await simulated(seed), await fakes()]
    if (otherLogs === undefined) expect(whereTheyPart(simulation, other)).toEqual([])
    else expect(whereTheyPart(simulation, other)).not.toEqual([])
    expect([other.tables, other.answers]).toEqual([simulation.tables, simulation.answers])
    for (const name of NAMES) expect(other.whole[name]!.length).toBeGreaterThan(300)
  }, 60_000)

  test('another chance gives other logs, and the same tables and answers', async () => {
    const [one, other] = [await simulated(seed), await simulated('another')]
    expect(whereTheyPart(one, other)).toHaveLength(NAMES.length)
    expect([other.tables, other.answers]).toEqual([one.tables, one.answers])
  }, 60_000)

  test('each reason why it answers otherwise than the others is one', () => {
    for (const { because, change } of deviations)
      expect({ ...RIGHT_ANSWERS, ...change(RIGHT_ANSWERS) }, because).not.toEqual(RIGHT_ANSWERS)
  })
})

/** All at once: they wait for time more than they compute. */
describe('over TCP', () => {
  beforeAll(async () => {
    for (const { simulated } of LIVES) await simulated(seed)
  }, 120_000)

  test.concurrent.each(LIVES)(
    'the same comes of $title',
    async ({ simulated, tcp }) => {
      const { tables, answers } = await simulated(seed)
      expect(await tcp()).toEqual({ tables, answers })
    },
    600_000
  )
})
