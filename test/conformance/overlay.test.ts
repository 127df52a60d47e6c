/**
 * `Overlay` for the structured overlays, as services: on the fakes in virtual time, and as real libp2p nodes on loopback
 * all at once, for they wait for time more than they compute. The simulator runs machines and no services: there the
 * same steps are those of `structured.test.ts`.
 */
import { chord } from '@servent/chord'
import { kademlia } from '@servent/kademlia'
import { kelips } from '@servent/kelips'
import { pastry } from '@servent/pastry'
import { describe, expect, test } from 'vitest'
import {
  keptWhenOthersLeave,
  liveServed,
  RIGHT_REFUSALS,
  RIGHT_STEPS,
  refusedBy,
  type Told
} from './overlay-life.ts'
import { type CreateOverlay, onFakes, overTcp, type ServedPeer } from './served.ts'

/** Often enough that a step takes a second or two. */
const PERIODS = { mergeMs: 1_500, saveMs: 1_000 }
const RECORDS = { repairMs: 2_000 }

interface Served {
  readonly title: string
  readonly create: CreateOverlay
  readonly hasMet: (peer: ServedPeer, others: number) => boolean
  /** Why it does not run on the fakes, where it does not. */
  readonly notOnFakes?: string
  readonly deviations: readonly { readonly because: string; readonly steps: Told }[]
}

const OVERLAYS: readonly Served[] = [
  {
    title: 'Chord',
    create: init =>
      chord({
        ...PERIODS,
        replicas: 3,
        ...init,
        successors: 3,
        stabiliseMs: 300,
        fixFingersMs: 300,
        checkPredecessorMs: 300,
        records: RECORDS
      }),
    hasMet: (peer, others) => peersIn(peer, 'successors') >= Math.min(3, others),
    deviations: []
  },
  {
    title: 'Pastry',
    create: init =>
      pastry({
        ...PERIODS,
        replicas: 3,
        ...init,
        leafSet: 4,
        heartbeatMs: 500,
        leafExchangeMs: 500,
        records: RECORDS
      }),
    hasMet: (peer, others) => peersIn(peer, 'leafSet') >= Math.min(4, others),
    deviations: []
  },
  {
    title: 'Kelips',
    create: init => kelips({ ...PERIODS, ...init, gossipMs: 200, heartbeatMs: 500 }),
    hasMet: (peer, others) => peersIn(peer, 'members') >= others,
    deviations: []
  },
  {
    title: "libp2p's Kademlia",
    create: ({ bootstrap, privateKey }) => kademlia({ bootstrap, privateKey }),
    // Its table fills by its lookups: it need not hold everybody.
    hasMet: ({ service }, others) => (service.snapshot().routingTable as number) >= Math.min(2, others),
    notOnFakes: '@libp2p/kad-dht has timers of its own, which no virtual clock moves.',
    deviations: [
      {
        because: 'It has no message by which a provider is taken back: its holders name it until it expires.',
        steps: { 'by the content of what was taken back': [1] }
      }
    ]
  }
]

/** Different peers in a table of a snapshot. */
function peersIn({ service }: ServedPeer, table: string): number {
  const entries = service.snapshot()[table] as readonly { readonly peerId: string }[]
  return new Set(entries.map(({ peerId }) => peerId)).size
}

const rightOf = ({ deviations }: Served): Told =>
  Object.assign({}, RIGHT_STEPS, ...deviations.map(({ steps }) => steps))

describe('on fakes', () => {
  test.each(OVERLAYS.filter(({ notOnFakes }) => notOnFakes === undefined))(
    '$title',
    async overlay => {
      const right = rightOf(overlay)
      expect(await liveServed({ ...overlay, place: onFakes(), right })).toEqual(right)
      expect(await refusedBy({ ...overlay, place: onFakes(), right })).toEqual(RIGHT_REFUSALS)
    },
    120_000
  )
})

describe('who leaves in good order', () => {
  test.each(OVERLAYS.filter(({ notOnFakes }) => notOnFakes === undefined))(
    'of $title: has others keep what it alone had',
    async overlay => {
      const create: CreateOverlay = init => overlay.create({ ...init, replicas: 1 })
      const { values, got } = await keptWhenOthersLeave({ ...overlay, place: onFakes(), create, right: {} })
      expect(got).toEqual(values)
    },
    120_000
  )
})

describe('over TCP', () => {
  test.concurrent.each(OVERLAYS)(
    '$title',
    async overlay => {
      const right = rightOf(overlay)
      expect(await liveServed({ ...overlay, place: overTcp(), right })).toEqual(right)
      expect(await refusedBy({ ...overlay, place: overTcp(), right })).toEqual(RIGHT_REFUSALS)
    },
    600_000
  )
})

test('each reason why one gives something else than the others is one', () => {
  for (const { deviations } of OVERLAYS)
    for (const { because, steps } of deviations)
      for (const [step, told] of Object.entries(steps)) expect(told, because).not.toEqual(RIGHT_STEPS[step])
})
