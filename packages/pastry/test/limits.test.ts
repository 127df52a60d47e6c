/** Bounds on what remote peers control in Pastry's machine: each at its limit, and one past it. */
import { describe, expect, it } from 'vitest'
import { Periods, tableProbeMs } from '../src/failure-rate.ts'
import { fail, onLeafProbe, onLeave, probeLeaf, suspect } from '../src/leaf-rules.ts'
import { clearTables } from '../src/life-rules.ts'
import {
  ANNOUNCED_KEPT_MS,
  ANNOUNCED_MAX,
  CANDIDATES_MAX,
  COLUMNS_MAX,
  DISTANCE_MS_MAX,
  DISTANCES_MAX,
  FAILED_KEPT_MS,
  FAILED_MAX,
  FAILED_TOLD_MAX,
  FAILURES_REMEMBERED_MAX,
  HEARD_LATELY_MS,
  HELD_LOOKUPS_MAX,
  LEAF_PROBES_MAX,
  LEAF_SET_MAX,
  MEASURES_AT_ONCE,
  NEIGHBOURHOOD_MAX,
  PERIODS_HEARD_MAX,
  pastrySettings,
  RANGE_GAPS_MAX,
  REPAIR_ASKS_MAX,
  REPAIRS_MAX,
  SECOND_STAGE_ASKS_MAX,
  SENDS_PER_MESSAGE_MAX,
  SUITOR_KEPT_MS,
  SUITORS_MAX,
  TABLE_PROBES_MAX
} from '../src/machine.ts'
import { isPlausibleRange } from '../src/overlay-routing.ts'
import { onTimer } from '../src/rounds.ts'
import { INBOUND_LINKS_MAX, OWN_LINKS_MAX } from '../src/service-limits.ts'
import { limitsOf, settingsOf } from '../src/service-settings.ts'
import { announce, considerEntry, forgetEntry, onAnnounce, onDistance } from '../src/table-rules.ts'
import { answeredNode, contactOfNumber, keyOfNumber } from './support/answered-node.ts'

const numbers = (from: number, count: number, step = 1) =>
  Array.from({ length: count }, (_, at) => from + step * at)
const contacts = (from: number, count: number) => numbers(from, count).map(contactOfNumber)

describe('leaf sets', () => {
  it('LEAF_PROBES_MAX probes are under way; one more is not begun', () => {
    const { node, fx, count } = answeredNode({}, [])
    for (const peer of numbers(1, LEAF_PROBES_MAX + 1)) probeLeaf(node, peer, fx)
    expect([node.probing.size, count('leaf-probe')]).toEqual([LEAF_PROBES_MAX, LEAF_PROBES_MAX])
  })

  it('of a message that names more, the first LEAF_SET_MAX leaves and FAILED_TOLD_MAX failed are looked at', () => {
    const all = numbers(1, FAILED_TOLD_MAX + 1)
    const { node, fx, count } = answeredNode({ leafSet: LEAF_SET_MAX }, all)
    const state = { standing: 'member', leafSet: LEAF_SET_MAX, digitBits: 4, probePeriodMs: 0 } as const
    const failed = all.map(peer => contactOfNumber(peer).id)
    // Who was heard within HEARD_LATELY_MS lives, whatever is told.
    node.nowMs = HEARD_LATELY_MS - 1
    onLeafProbe(node, 500, 500, { type: 'leaf-probe', id: 1, ...state, leaves: [], failed }, fx)
    expect(count('leaf-probe')).toBe(0)
    node.nowMs = HEARD_LATELY_MS
    onLeafProbe(node, 500, 500, { type: 'leaf-probe', id: 1, ...state, leaves: [], failed }, fx)
    expect(count('leaf-probe')).toBe(FAILED_TOLD_MAX)
    const other = answeredNode({ leafSet: LEAF_SET_MAX }, [])
    const leaves = contacts(1, LEAF_SET_MAX + 1)
    onLeafProbe(other.node, 1, 1, { type: 'leaf-probe', id: 1, ...state, leaves, failed: [] }, other.fx)
    // Without the sender, who has a place by speaking for itself.
    expect(other.count('leaf-probe')).toBe(LEAF_SET_MAX - 1)
    expect([LEAF_SET_MAX, LEAF_SET_MAX + 1].map(peer => other.node.probing.has(peer))).toEqual([true, false])
  })

  it('SUITORS_MAX that had no place are remembered, and take one for SUITOR_KEPT_MS where a leaf fails', () => {
    const { node, fx } = answeredNode({ leafSet: 2 }, [1, 0xfff0])
    const state = { standing: 'member', leafSet: 2, digitBits: 4, probePeriodMs: 0 } as const
    const message = { type: 'leaf-probe', id: 1, ...state, leaves: [], failed: [] } as const
    for (const peer of numbers(2, SUITORS_MAX + 1)) onLeafProbe(node, peer, peer, message, fx)
    expect(node.sizes().suitors).toEqual([SUITORS_MAX, SUITORS_MAX])
    expect([node.suitors.has(2), node.suitors.has(3)]).toEqual([false, true])
    node.nowMs = SUITOR_KEPT_MS - 1
    node.rules.fail(node, 1, fx)
    expect(node.leaves.larger).toEqual([3])
    node.nowMs = SUITOR_KEPT_MS
    node.rules.fail(node, 3, fx)
    expect(node.leaves.larger).not.toContain(4)
  })

  it('FAILED_MAX failed are remembered, for FAILED_KEPT_MS, and at most FAILED_TOLD_MAX are told', () => {
    const { node, fx, sent } = answeredNode({}, [])
    for (const peer of numbers(1, FAILED_MAX + 1)) node.rememberFailed(peer)
    expect(node.sizes().failed).toEqual([FAILED_MAX, FAILED_MAX])
    expect([node.hasFailed(1), node.hasFailed(2)]).toEqual([false, true])
    probeLeaf(node, 500, fx)
    const { message } = sent[0]!
    expect('failed' in message && message.failed).toHaveLength(FAILED_TOLD_MAX)
    node.nowMs = FAILED_KEPT_MS - 1
    expect(node.hasFailed(2)).toBe(true)
    node.nowMs = FAILED_KEPT_MS
    expect(node.hasFailed(2)).toBe(false)
  })

  it('a settings’ leaf set has at most LEAF_SET_MAX, an even number, and all holders of a record fit in a half', () => {
    expect(pastrySettings({ leafSet: LEAF_SET_MAX + 2, replicas: 99 })).toMatchObject({
      leafSet: LEAF_SET_MAX,
      replicas: LEAF_SET_MAX / 2 + 1
    })
    expect(pastrySettings({ leafSet: 7, neighbourhood: 99, digitBits: 3 })).toMatchObject({
      leafSet: 6,
      neighbourhood: NEIGHBOURHOOD_MAX,
      digitBits: 2
    })
    expect(pastrySettings({ leafSet: Number.NaN, digitBits: 8 })).toMatchObject({ leafSet: 2, digitBits: 4 })
  })
})

describe('the routing table', () => {
  it('CANDIDATES_MAX wait to be measured, MEASURES_AT_ONCE are; one more is not taken', () => {
    const { node, fx, count } = answeredNode({}, [])
    for (const peer of numbers(1, CANDIDATES_MAX + MEASURES_AT_ONCE + 1)) considerEntry(node, peer, fx)
    expect([node.candidates.size, node.measuring.size]).toEqual([CANDIDATES_MAX, MEASURES_AT_ONCE])
    expect(count('ping')).toBe(MEASURES_AT_ONCE)
  })

  it('MEASURES_AT_ONCE are measured when an earlier membership measured the same peers', () => {
    const { node, fx, count, waiting } = answeredNode({}, [])
    const all = numbers(1, MEASURES_AT_ONCE)
    for (const peer of all) considerEntry(node, peer, fx)
    clearTables(node, fx)
    node.mode = 'member'
    for (const peer of [...all, 99]) considerEntry(node, peer, fx)
    for (const { end } of waiting.slice(0, MEASURES_AT_ONCE)) end(undefined)
    considerEntry(node, 100, fx)
    expect([node.measuring.size, count('ping')]).toEqual([MEASURES_AT_ONCE, 2 * MEASURES_AT_ONCE])
  })

  it('of one that announces itself again within ANNOUNCED_KEPT_MS no row is looked at; ANNOUNCED_MAX are remembered', () => {
    const { node, fx } = answeredNode({}, [])
    const known = () => node.candidates.size + node.measuring.size
    onAnnounce(node, 1, numbers(0x100, 3), fx)
    node.nowMs = ANNOUNCED_KEPT_MS - 1
    onAnnounce(node, 1, numbers(0x200, 3), fx)
    expect(known()).toBe(4)
    onAnnounce(node, 2, numbers(0x300, 3), fx)
    expect(known()).toBe(8)
    node.nowMs = ANNOUNCED_KEPT_MS
    onAnnounce(node, 1, numbers(0x400, 3), fx)
    expect(known()).toBe(11)
    for (const peer of numbers(0x500, ANNOUNCED_MAX)) onAnnounce(node, peer, [], fx)
    expect([node.announced.size, node.announced.has(1)]).toEqual([ANNOUNCED_MAX, false])
  })

  it('DISTANCES_MAX distances are remembered, the latest', () => {
    const { node } = answeredNode({}, [])
    for (const peer of numbers(1, DISTANCES_MAX + 1)) node.rememberDistance(peer, peer)
    expect(node.distances.size).toBe(DISTANCES_MAX)
    expect([node.distances.has(1), node.distances.has(DISTANCES_MAX + 1)]).toEqual([false, true])
  })

  it('a distance of DISTANCE_MS_MAX is believed, one past it is not', () => {
    const { node, fx } = answeredNode({}, [])
    onDistance(node, 0x1000, 1000 * DISTANCE_MS_MAX + 1, fx)
    expect(node.table.size).toBe(0)
    onDistance(node, 0x1000, 1000 * DISTANCE_MS_MAX, fx)
    expect(node.table.peers()).toEqual([0x1000])
  })

  it('REPAIR_ASKS_MAX are asked for one entry, and REPAIRS_MAX entries are repaired at a time', () => {
    const row = numbers(0x1000, 15, 0x1000)
    const asked = answeredNode({ leafSet: 2 }, [1, 0xfff0], (_peer, message) => ({
      type: 'row',
      id: message.id,
      entries: []
    }))
    for (const peer of row) asked.node.table.set(asked.node.slotOf(peer), peer, 1)
    forgetEntry(asked.node, row[0]!, asked.fx)
    expect(asked.count('row-request')).toBe(REPAIR_ASKS_MAX)
    const { node, fx } = answeredNode({ leafSet: 2 }, [1, 0xfff0])
    const all = [...row, ...numbers(0x100, 15, 0x100)]
    for (const peer of all) node.table.set(node.slotOf(peer), peer, 1)
    for (const peer of all.slice(0, REPAIRS_MAX + 1)) forgetEntry(node, peer, fx)
    expect(node.repairs).toBe(REPAIRS_MAX)
  })

  it('TABLE_PROBES_MAX entries are probed in one look, and SECOND_STAGE_ASKS_MAX asked for their rows', () => {
    const all = [...numbers(0x1000, 15, 0x1000), ...numbers(0x100, 15, 0x100), ...numbers(0x10, 15, 0x10)]
    const { node, fx, count } = answeredNode({ tableProbeMs: 10_000 }, [])
    for (const peer of all) node.table.set(node.slotOf(peer), peer, 1)
    node.nowMs = 20_000
    onTimer(node, 'probe-table', fx)
    expect(count('ping')).toBe(TABLE_PROBES_MAX)
    announce(node, fx)
    expect(count('announce')).toBe(all.length)
    expect(count('row-request')).toBe(SECOND_STAGE_ASKS_MAX)
  })

  it('of an answer, COLUMNS_MAX entries are looked at', () => {
    const { node, fx } = answeredNode({ proximity: 'off' }, [], (_peer, message) =>
      message.type === 'row-request'
        ? { type: 'row', id: message.id, entries: contacts(0x100, COLUMNS_MAX + 1) }
        : 'wait'
    )
    node.table.set(node.slotOf(0x1000), 0x1000, 1)
    onTimer(node, 'rows', fx)
    expect(node.candidates.size + node.measuring.size).toBe(COLUMNS_MAX)
  })
})

describe('what is estimated', () => {
  it('FAILURES_REMEMBERED_MAX failures and PERIODS_HEARD_MAX periods are remembered, the latest', () => {
    const periods = new Periods()
    for (const at of numbers(1, FAILURES_REMEMBERED_MAX + 1)) periods.failed(1000 * at)
    for (const peer of numbers(1, PERIODS_HEARD_MAX + 1)) periods.heard(peer, 1000 * peer)
    expect(periods.sizes).toEqual({ failures: FAILURES_REMEMBERED_MAX, heard: PERIODS_HEARD_MAX })
    // The first failure is forgotten: the rate is that of the others.
    expect(periods.failureRate(1, 1000 * (FAILURES_REMEMBERED_MAX + 2))).toBeCloseTo(1 / 1000, 8)
    expect(periods.median(1)).toBe(1000 * (PERIODS_HEARD_MAX / 2 + 1))
  })
})

describe('the median of periods', () => {
  const LEAVES = [1, 2, 3, 0xfff1, 0xfff2, 0xfff3]
  const LEAF_MS = 60_000
  const tuned = () => {
    const all = answeredNode({ leafSet: 6 }, LEAVES)
    const state = { leafSet: 6, digitBits: 4, standing: 'member', leaves: [], failed: [] } as const
    const tell = (peer: number, probePeriodMs: number) =>
      onLeafProbe(all.node, peer, peer, { type: 'leaf-probe', id: 1, ...state, probePeriodMs }, all.fx)
    for (const peer of LEAVES) tell(peer, LEAF_MS)
    expect(tableProbeMs(all.node)).toBe(LEAF_MS)
    return { ...all, tell }
  }

  it('is of leaves: what any number of others say of theirs counts for nothing', () => {
    const { node, tell } = tuned()
    for (const peer of numbers(0x4000, PERIODS_HEARD_MAX)) tell(peer, 3_600_000)
    expect(tableProbeMs(node)).toBe(LEAF_MS)
    expect(node.periods.sizes.heard).toBe(LEAVES.length)
  })

  it('is of those that are leaves still: not of one that failed, left or was pushed out', () => {
    const { node, fx, tell } = tuned()
    // It takes the place of 0xfff1.
    tell(0xfff4, LEAF_MS)
    expect([...node.periods.peers()]).toEqual([1, 2, 3, 0xfff2, 0xfff3, 0xfff4])
    fail(node, 1, fx)
    onLeave(node, 2, [], fx)
    expect([...node.periods.peers()]).toEqual([3, 0xfff2, 0xfff3, 0xfff4])
  })
})

describe('what others claim', () => {
  it('a range is as wide as RANGE_GAPS_MAX mean gaps at most, and has its root’s id at one end', () => {
    // One node every 0x100: a gap is 1/256 of the circle.
    const leaves = [...numbers(0x100, 8, 0x100), ...numbers(0xf800, 8, 0x100)]
    const { node } = answeredNode({ leafSet: 16 }, leaves)
    const range = (width: number) => ({ from: keyOfNumber(0x4000 - width), to: keyOfNumber(0x4000) })
    expect(isPlausibleRange(node, 0x4000, range(0x100 * RANGE_GAPS_MAX))).toBe(true)
    expect(isPlausibleRange(node, 0x4000, range(0x100 * RANGE_GAPS_MAX + 1))).toBe(false)
    expect(isPlausibleRange(node, 0x4001, range(0x100))).toBe(false)
  })

  it('one message causes at most SENDS_PER_MESSAGE_MAX others', () => {
    expect(SENDS_PER_MESSAGE_MAX).toBeGreaterThanOrEqual(LEAF_PROBES_MAX + 2 * HELD_LOOKUPS_MAX)
    // The answer that makes a joiner active: what it kept is delivered, and its table is told.
    const { node, fx, sent } = answeredNode({}, [])
    for (const peer of numbers(0x1000, 15, 0x1000)) node.table.set(node.slotOf(peer), peer, 1)
    announce(node, fx)
    expect(sent.length).toBeLessThanOrEqual(SENDS_PER_MESSAGE_MAX)
  })

  it('nobody who is not in a table is probed on suspicion, and nobody twice at a time', () => {
    const { node, fx, count } = answeredNode({}, [1])
    suspect(node, 99, fx)
    expect(count('ping')).toBe(0)
    suspect(node, 1, fx)
    suspect(node, 1, fx)
    expect(count('leaf-probe')).toBe(1)
    fail(node, 1, fx)
    expect(node.leaves.isEmpty).toBe(true)
  })
})

describe('the service', () => {
  it('opens OWN_LINKS_MAX links and takes INBOUND_LINKS_MAX', () => {
    const settings = settingsOf({}, 300)
    expect(settings.routing.ownLinks).toBe(OWN_LINKS_MAX)
    expect(limitsOf(settings)).toEqual({
      linksMax: INBOUND_LINKS_MAX + OWN_LINKS_MAX,
      inboundLinksMax: INBOUND_LINKS_MAX
    })
  })
})
