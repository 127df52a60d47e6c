/** Random messages of Pastry's wire within its bounds. */
import { NEXT_HOPS_MAX, SILENT_MAX } from '@servent/key-routing/machine'
import fc from 'fast-check'
import { contact, routingMessage } from '../../chord/test/wire-arbitraries.ts'
import {
  COLUMNS_MAX,
  DISTANCE_MS_MAX,
  FAILED_TOLD_MAX,
  JOIN_ENTRIES_MAX,
  LEAF_SET_MAX,
  NEIGHBOURHOOD_MAX,
  type NodeMessage,
  type PastryMessage,
  ROWS_MAX,
  type Standing,
  TABLE_PROBE_MS_MAX
} from '../src/machine.ts'

const id = fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
const row = fc.nat({ max: ROWS_MAX - 1 })
const contacts = (max: number) => fc.array(contact, { maxLength: max, size: 'small' })
const ids = (max: number) =>
  fc.array(
    contact.map(({ id }) => id),
    { maxLength: max, size: 'small' }
  )
const standing = fc.constantFrom<Standing>('member', 'joining', 'out')
const type = <const T extends string>(name: T) => fc.constant(name)
const sizes = {
  standing,
  leafSet: fc.integer({ min: 1, max: LEAF_SET_MAX }),
  digitBits: fc.integer({ min: 1, max: 4 })
}
const leafState = {
  id,
  ...sizes,
  leaves: contacts(LEAF_SET_MAX),
  failed: ids(FAILED_TOLD_MAX),
  probePeriodMs: fc.nat({ max: TABLE_PROBE_MS_MAX })
}

export const nodeMessage: fc.Arbitrary<NodeMessage> = fc.oneof(
  fc.record({ type: type('join-request'), id, row, neighbours: fc.boolean(), silent: ids(SILENT_MAX) }),
  fc.record({
    type: type('join-answer'),
    id,
    ...sizes,
    root: fc.boolean(),
    entries: contacts(JOIN_ENTRIES_MAX),
    neighbours: contacts(NEIGHBOURHOOD_MAX),
    leaves: contacts(LEAF_SET_MAX),
    hops: contacts(NEXT_HOPS_MAX)
  }),
  fc.record({ type: type('leaf-probe'), ...leafState }),
  fc.record({ type: type('leaf-probe-answer'), ...leafState }),
  fc.record({ type: type('heartbeat') }),
  fc.record({ type: type('row-request'), id, row, column: fc.nat({ max: COLUMNS_MAX }) }),
  fc.record({ type: type('row'), id, entries: contacts(COLUMNS_MAX) }),
  fc.record({ type: type('announce'), entries: contacts(COLUMNS_MAX) }),
  fc.record({ type: type('neighbours-request'), id }),
  fc.record({ type: type('neighbours'), id, neighbours: contacts(NEIGHBOURHOOD_MAX) }),
  fc.record({ type: type('distance'), distanceUs: fc.nat({ max: 1000 * DISTANCE_MS_MAX }) }),
  fc.record({ type: type('leave'), leaves: contacts(LEAF_SET_MAX) })
)

export const message: fc.Arbitrary<PastryMessage> = fc.oneof(
  { weight: 3, arbitrary: nodeMessage },
  { weight: 1, arbitrary: routingMessage }
)
