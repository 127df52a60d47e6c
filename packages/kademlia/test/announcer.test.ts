/** What is provided, when, and how much of it. */
import { VirtualClock } from '@servent/libp2p-host/testing'
import { MemoryCatalogue } from '@servent/overlay/testing'
import type { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import {
  KEYS_PROVIDED_MAX,
  PROVIDE_AGAIN_MS,
  PROVIDE_RETRY_MS,
  PROVIDES_AT_A_TIME,
  PROVIDES_PER_SECOND
} from '../src/constants.ts'
import { Announcer, type AnnouncerInit } from '../src/service-announcer.ts'
import { cidOfMultihash, cidOfWord } from '../src/service-search.ts'

class Desk {
  readonly clock = new VirtualClock()
  readonly catalogue = new MemoryCatalogue()
  readonly provided: string[] = []
  readonly withdrawn: string[] = []
  readonly announcer: Announcer
  isReady = true
  fails = false
  holds = false
  underWay = 0

  constructor(init: Partial<AnnouncerInit> = {}) {
    this.announcer = new Announcer({
      clock: this.clock,
      isReady: () => this.isReady,
      provide: async (cid: CID) => {
        this.provided.push(`${cid}`)
        this.underWay += 1
        if (this.holds) await new Promise(() => {})
        this.underWay -= 1
        if (this.fails) throw new Error('Nobody is there.')
      },
      withdraw: async cid => void this.withdrawn.push(`${cid}`),
      onError: error => {
        throw error
      },
      ...init
    })
  }

  async pass(ms: number): Promise<void> {
    const untilMs = this.clock.nowMs() + ms
    for (;;) {
      await new Promise(resolve => setImmediate(resolve))
      const nextMs = this.clock.nextAtMs
      if (nextMs === undefined || nextMs > untilMs) break
      this.clock.step()
    }
    this.clock.advanceTo(untilMs)
  }
}

const started = async (init: Partial<AnnouncerInit> = {}): Promise<Desk> => {
  const desk = new Desk(init)
  desk.announcer.attach(desk.catalogue)
  desk.announcer.start()
  await desk.pass(1_000)
  return desk
}

it('provides each content and each word once, however many files have it', async () => {
  const desk = await started()
  const one = desk.catalogue.add('blue song.mp3')
  const two = desk.catalogue.add('red song.mp3')
  await desk.pass(5_000)
  expect(desk.provided.toSorted()).toEqual(
    [
      cidOfMultihash(one.id.multihash),
      cidOfMultihash(two.id.multihash),
      ...['blue', 'red', 'song', 'mp3'].map(cidOfWord)
    ]
      .map(String)
      .toSorted()
  )
  expect(desk.announcer.progress).toEqual({ files: 2, of: 2 })
  desk.catalogue.remove(one)
  expect(desk.withdrawn.toSorted()).toEqual(
    [cidOfMultihash(one.id.multihash), cidOfWord('blue')].map(String).toSorted()
  )
  expect(desk.announcer.progress).toEqual({ files: 1, of: 1 })
  desk.announcer.stop()
})

it('waits until there is somebody, tries again after PROVIDE_RETRY_MS, and provides again after PROVIDE_AGAIN_MS', async () => {
  const desk = await started()
  desk.isReady = false
  desk.catalogue.add('song')
  await desk.pass(5_000)
  expect(desk.provided).toEqual([])
  desk.isReady = true
  desk.fails = true
  await desk.pass(2_000)
  expect(desk.provided).toHaveLength(2)
  expect(desk.announcer.progress).toEqual({ files: 0, of: 1 })
  desk.fails = false
  await desk.pass(PROVIDE_RETRY_MS + 2_000)
  expect(desk.provided).toHaveLength(4)
  expect(desk.announcer.progress).toEqual({ files: 1, of: 1 })
  desk.clock.advanceTo(desk.clock.nowMs() + PROVIDE_AGAIN_MS)
  await desk.pass(3_000)
  expect(desk.provided).toHaveLength(6)
  expect(desk.announcer.progress).toEqual({ files: 1, of: 1 })
  desk.announcer.stop()
})

it('provides PROVIDES_PER_SECOND keys a second, PROVIDES_AT_A_TIME at a time, and KEYS_PROVIDED_MAX in all', async () => {
  const desk = await started()
  for (let index = 0; index < 100; index += 1) desk.catalogue.add(`w${index}`)
  await desk.pass(1_000)
  const first = desk.provided.length
  expect(first).toBeGreaterThanOrEqual(PROVIDES_PER_SECOND)
  await desk.pass(3_000)
  expect(desk.provided.length - first).toBeLessThanOrEqual(3 * PROVIDES_PER_SECOND + 1)
  desk.announcer.stop()

  const slow = await started()
  slow.holds = true
  for (let index = 0; index < 100; index += 1) slow.catalogue.add(`w${index}`)
  await slow.pass(5_000)
  expect(slow.underWay).toBe(PROVIDES_AT_A_TIME)
  slow.announcer.stop()

  expect(KEYS_PROVIDED_MAX).toBe(500_000)
  const full = await started({ keysMax: 6 })
  for (const name of ['a', 'b', 'c']) full.catalogue.add(name)
  expect([full.announcer.keys, full.announcer.counters.filesRefused]).toEqual([6, 0])
  full.catalogue.add('d')
  expect([full.announcer.keys, full.announcer.counters.filesRefused]).toEqual([6, 1])
  await full.pass(3_000)
  expect(full.announcer.progress).toEqual({
    files: 3,
    of: 4,
    refused: 1,
    why: 'a node provides 6 keys at most'
  })
  full.announcer.stop()
})
