/** When a search goes on to another round, and when it ends, by its clock. */
import { systemClock } from '@servent/libp2p-host'
import { ContentId, peerIdText } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ROUND_SETTLE_MS, SEARCH_ENOUGH, SEARCH_SETTLE_MS } from '../src/constants.ts'
import { FastTrackSearch, type FastTrackSearchInit } from '../src/service-search.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

class TestSearch extends FastTrackSearch {
  readonly #asked: { readonly more: number }

  constructor(init: Partial<FastTrackSearchInit> = {}) {
    const asked = { more: 0 }
    super({
      limit: 1_000,
      rounds: 2,
      enoughOf: 'files',
      traffic: undefined,
      nowMs: () => 0,
      clock: systemClock,
      onMore: () => {
        asked.more += 1
      },
      ...init
    })
    this.#asked = asked
  }

  get more(): number {
    return this.#asked.more
  }

  /** A file by its number, of a peer by its. */
  found(file: number, peer = 1): void {
    const contact = testContact(peer)
    const root = new Uint8Array(32)
    root[0] = file
    const record = {
      id: ContentId.fromRoot(root, 1000),
      size: 1000,
      name: `song ${file}.flac`,
      type: 'audio/flac',
      tags: {},
      provider: peerIdText(contact.id),
      sequence: 1,
      expiresMs: 4e12
    }
    this.take({ type: 'found', search: 1, contact, hops: 0, files: [{ index: file, record }] })
  }

  searched(isMore = true): void {
    this.take({ type: 'searched', search: 1, isMore })
  }
}

describe('a search that may have two rounds', () => {
  it('goes on with one file less than SEARCH_ENOUGH, ROUND_SETTLE_MS after the first', () => {
    const search = new TestSearch()
    for (let file = 1; file < SEARCH_ENOUGH; file += 1) search.found(file)
    search.searched()
    vi.advanceTimersByTime(ROUND_SETTLE_MS - 1)
    expect(search.more).toBe(0)
    vi.advanceTimersByTime(1)
    expect(search.more).toBe(1)
  })

  it('counts what was verified since the round was over, and leaves what still is SEARCH_SETTLE_MS', async () => {
    const search = new TestSearch()
    for (let file = 1; file < SEARCH_ENOUGH; file += 1) search.found(file)
    search.searched()
    vi.advanceTimersByTime(ROUND_SETTLE_MS - 1)
    search.found(SEARCH_ENOUGH)
    vi.advanceTimersByTime(SEARCH_SETTLE_MS)
    search.found(SEARCH_ENOUGH + 1)
    expect(search.count).toBe(SEARCH_ENOUGH + 1)
    vi.advanceTimersByTime(1)
    search.found(SEARCH_ENOUGH + 2)
    expect(search.count).toBe(SEARCH_ENOUGH + 1)
    expect(search.more).toBe(0)
    for (let read = 0; read < SEARCH_ENOUGH + 1; read += 1) expect(await search.next()).toBeDefined()
    expect(await search.next()).toBeUndefined()
  })

  it.each([
    ['files', 1],
    ['providers', 0]
  ] as const)(
    'and finds one file at SEARCH_ENOUGH peers has enough of %s or not: %i more',
    (enoughOf, more) => {
      const search = new TestSearch({ enoughOf })
      for (let peer = 1; peer <= SEARCH_ENOUGH; peer += 1) search.found(1, peer)
      expect(search.count).toBe(SEARCH_ENOUGH)
      search.searched()
      vi.advanceTimersByTime(ROUND_SETTLE_MS)
      expect(search.more).toBe(more)
    }
  )

  it('asks for nothing more when its reader is gone', () => {
    const search = new TestSearch()
    search.searched()
    search.dispose()
    vi.advanceTimersByTime(ROUND_SETTLE_MS)
    expect(search.more).toBe(0)
  })
})

it('a search in its last round ends SEARCH_SETTLE_MS after it', () => {
  const search = new TestSearch({ rounds: 1 })
  search.searched()
  vi.advanceTimersByTime(SEARCH_SETTLE_MS - 1)
  search.found(1)
  vi.advanceTimersByTime(1)
  search.found(2)
  expect(search.count).toBe(1)
})
