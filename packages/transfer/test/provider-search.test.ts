/** When others are looked for while a download runs. The searches are a test's own; time is the real one, scaled down. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Provider } from '@servent/overlay'
import { expect, test } from 'vitest'
import type { Job } from '../src/job.ts'
import { DOWNLOAD_LIMITS } from '../src/limits.ts'
import { ProviderSearch } from '../src/provider-search.ts'
import { idOf } from './helpers/share.ts'

const limits = { ...DOWNLOAD_LIMITS, lookFirstMs: 50, lookMs: 100, lookMsMax: 300 }

function searching(found: () => Provider[]) {
  let searches = 0
  const job = {
    id: idOf(new Uint8Array(1)),
    limits,
    async *findProviders() {
      searches += 1
      yield* found()
    }
  } as unknown as Job
  const known = new Set<string>()
  const search = new ProviderSearch(job, new AbortController().signal, ({ peerId }) => {
    const isNew = !known.has(peerId)
    known.add(peerId)
    return isNew
  })
  return { search, count: () => searches }
}

/** Looks whether one began, as if so many milliseconds had passed since the last one did. */
async function after(search: ProviderSearch, count: () => number, ms: number): Promise<boolean> {
  const before = count()
  search.lookAgain(search.beganMs + ms)
  await sleep(1)
  return count() > before
}

test('first after lookFirstMs; then after lookMs, doubled where nobody is new, up to lookMsMax', async () => {
  const { search, count } = searching(() => [{ peerId: 'a', addresses: [] }])
  const madeMs = performance.now()
  search.lookAgain(madeMs + 40)
  expect(count()).toBe(0)
  search.lookAgain(madeMs + 51)
  await sleep(1)
  expect(count()).toBe(1)
  // It found one: the next comes after lookMs, and finds nobody new.
  expect([await after(search, count, 99), await after(search, count, 101)]).toEqual([false, true])
  expect([await after(search, count, 199), await after(search, count, 201)]).toEqual([false, true])
  expect([await after(search, count, 299), await after(search, count, 301)]).toEqual([false, true])
  expect([await after(search, count, 299), await after(search, count, 301)]).toEqual([false, true])
})

test('somebody new brings the pause back to lookMs', async () => {
  const found: Provider[] = []
  const { search, count } = searching(() => found)
  await search.look()
  expect([await after(search, count, 199), await after(search, count, 201)]).toEqual([false, true])
  found.push({ peerId: 'a', addresses: [] })
  expect(await after(search, count, 301)).toBe(true)
  expect([await after(search, count, 99), await after(search, count, 101)]).toEqual([false, true])
})
