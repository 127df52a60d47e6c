/** How fast peers come, told by a crowd that does what each test says, on a clock that goes when it is waited for. */
import type { NodeIndex } from '@servent/simulator'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  Arriving,
  type ArrivingInit,
  COMING_MS_MAX,
  FIRST_MS_MAX,
  JOIN_MS_MAX,
  LATE_MS_MAX,
  OVERLOAD_CPU_MS_MAX,
  UNPACED_PEERS_MAX
} from '../src/arriving.ts'

/** Of these, `members` take part; all came at second 0, or who is named at another. */
function crowdOf(count: number, members: number, more: Partial<ArrivingInit> = {}, bornUs = new Map()) {
  const there = Array.from({ length: count }, (_, node) => ({
    node,
    isServer: false,
    bornUs: bornUs.get(node) ?? 0
  }))
  const state = {
    members,
    waitedMs: 0,
    lateMs: 0,
    looks: [] as NodeIndex[],
    unannounced: new Set<NodeIndex>()
  }
  const crowd = {
    members: there,
    aliveCount: count,
    aliveNodes: () => there.map(({ node }) => node),
    alive: () => true,
    get nowUs() {
      return performance.now() * 1000
    },
    peerOf: (node: NodeIndex) => ({
      look: async () => {
        state.looks.push(node)
        return { isAnnounced: !state.unannounced.has(node) }
      }
    })
  }
  const truth = {
    get members() {
      return state.members
    },
    isMember: (node: NodeIndex) => node < state.members
  }
  const onWait: (() => void)[] = []
  const arriving = new Arriving({
    crowd: crowd as never,
    truth: truth as never,
    nodes: 500,
    shares: false,
    firstMustStand: false,
    wait: async ms => {
      state.waitedMs += ms
      vi.advanceTimersByTime(ms + state.lateMs)
      for (const act of onWait) act()
    },
    ...more
  })
  return { arriving, state, onWait }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] }))
afterEach(() => void vi.useRealTimers())

describe('the next peer comes', () => {
  it('while no more than an eighth of those who take part, and one, are still coming', async () => {
    const free = crowdOf(19, 16)
    await free.arriving.room()
    expect(free.state.waitedMs).toBe(0)
    const full = crowdOf(20, 16)
    full.onWait.push(() => {
      if (full.state.waitedMs >= 500) full.state.members = 17
    })
    await full.arriving.room()
    expect(full.state.waitedMs).toBe(500)
  })

  it('after a peer that takes no part for half a minute all the same, which holds up nobody after it', async () => {
    const { arriving, state } = crowdOf(4, 1)
    await arriving.room()
    expect(state.waitedMs).toBe(COMING_MS_MAX)
    await arriving.room()
    expect(state.waitedMs).toBe(COMING_MS_MAX)
  })

  it('once the first stands, where all others join by it', async () => {
    const first = crowdOf(1, 0, { firstMustStand: true })
    first.onWait.push(() => {
      if (first.state.waitedMs >= 5_000) first.state.members = 1
    })
    await first.arriving.room()
    expect(first.state.waitedMs).toBe(5_000)
    const never = crowdOf(1, 0, { firstMustStand: true })
    await never.arriving.room()
    expect(never.state.waitedMs).toBe(FIRST_MS_MAX)
  })

  it('when timers end in time among those who are there, where they are more than a few', async () => {
    const few = crowdOf(UNPACED_PEERS_MAX, UNPACED_PEERS_MAX)
    few.state.lateMs = LATE_MS_MAX + 1
    await few.arriving.room()
    expect(few.state.waitedMs).toBe(0)
    const many = crowdOf(UNPACED_PEERS_MAX + 1, UNPACED_PEERS_MAX + 1)
    many.state.lateMs = LATE_MS_MAX + 1
    let waits = 0
    many.onWait.push(() => {
      waits += 1
      if (waits === 40) many.state.lateMs = LATE_MS_MAX
    })
    await many.arriving.room()
    // The mean of five.
    expect(waits).toBe(45)
  })

  it('never where timers are late for a minute of processor time, which ends the run', async () => {
    // Others use the processor three quarters of the time.
    const cpuMs = () => performance.now() / 4
    const { arriving, state } = crowdOf(312, 310, { cpuMs })
    state.lateMs = 980
    const fromMs = cpuMs()
    await expect(arriving.room()).rejects.toThrow(
      'Processors are too slow: 312 of 500 peers are there, 310 of them take part, and they alone keep this process at ' +
        'work. In 60 s of processor time since the last one came, 25 % of one processor, its timers went on ending ' +
        'late, by 980 ms, so that no other can come.'
    )
    expect(cpuMs() - fromMs).toBe(OVERLOAD_CPU_MS_MAX)
    const almost = crowdOf(312, 310, { cpuMs })
    almost.state.lateMs = 980
    const sinceMs = cpuMs()
    almost.onWait.push(() => {
      if (cpuMs() - sinceMs >= OVERLOAD_CPU_MS_MAX - 2_000) almost.state.lateMs = 0
    })
    await almost.arriving.room()
    expect(cpuMs() - sinceMs).toBeLessThan(OVERLOAD_CPU_MS_MAX)
  })
})

describe('what is measured begins', () => {
  it('when all take part and have announced what they share, and asks nobody twice who has', async () => {
    const { arriving, state, onWait } = crowdOf(4, 3, { shares: true })
    state.unannounced.add(2)
    onWait.push(() => {
      if (state.waitedMs >= 400) state.members = 4
      if (state.waitedMs >= 1_000) state.unannounced.clear()
    })
    await arriving.all()
    expect(state.waitedMs).toBe(1_000)
    expect(state.looks).toEqual([0, 1, 2, 2, 2, 2, 3])
  })

  it('after a minute without those who do not', async () => {
    const { arriving, state } = crowdOf(4, 3)
    await arriving.all()
    expect(state.waitedMs).toBe(JOIN_MS_MAX)
  })
})
