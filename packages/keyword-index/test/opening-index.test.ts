/** An index whose database comes late: what callers see before, when it is tried again, and how it ends. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { IndexUnavailableError } from '../src/errors.ts'
import { type KeywordIndex, OpeningIndex } from '../src/index.ts'
import { MemoryIndex } from '../src/memory.ts'
import { RETRY_MS, RETRY_MS_MAX, within } from '../src/opening-index.ts'
import { describeStore } from './conformance.ts'
import { digest, file } from './files.ts'

describeStore('a store that was opened late', {
  capCounts: 'postings',
  open: async init => {
    let isThere = false
    const index = new OpeningIndex({
      open: async () => {
        if (!isThere) throw new IndexUnavailableError('away')
        return new MemoryIndex(init)
      },
      retryMs: 1
    })
    await index.attempted(1_000)
    isThere = true
    await vi.waitFor(() => expect(index.problem).toBeUndefined())
    return index
  }
})

describe('a store that is away', () => {
  afterEach(() => void vi.useRealTimers())
  const away = async (): Promise<KeywordIndex> => {
    throw new IndexUnavailableError('Nobody is there.')
  }

  it('refuses every call with why, at once', async () => {
    const index = new OpeningIndex({ open: away })
    await index.attempted(1_000)
    expect(index.problem).toBe('Nobody is there.')
    const calls = [
      () => index.add('a', [file('k', 'w')]),
      () => index.remove('a', ['k']),
      () => index.removeOwner('a'),
      () => index.search({ words: ['w'], limit: 1 }),
      () => index.providers(digest(1), 1),
      () => index.browse('a', undefined, 1),
      () => index.totals()
    ]
    for (const call of calls)
      await expect(call()).rejects.toMatchObject({
        name: 'IndexUnavailableError',
        message: 'Nobody is there.'
      })
    await index.close()
    await expect(index.totals()).rejects.toThrow('closed')
  })

  it(`is tried again after RETRY_MS, with more and more time, RETRY_MS_MAX at most, and says when`, async () => {
    vi.useFakeTimers()
    const waits: number[] = []
    let tries = 0
    const index = new OpeningIndex({
      open: () => {
        tries += 1
        return away()
      },
      onFailure: (error, againMs) => {
        expect(error.message).toBe('Nobody is there.')
        waits.push(againMs)
      }
    })
    await vi.advanceTimersByTimeAsync(RETRY_MS - 1)
    expect(tries).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(tries).toBe(2)
    await vi.advanceTimersByTimeAsync(10 * RETRY_MS_MAX)
    expect(waits.slice(0, 3)).toEqual([RETRY_MS, 2 * RETRY_MS, 4 * RETRY_MS])
    expect(Math.max(...waits)).toBe(RETRY_MS_MAX)
    expect(waits.filter(wait => wait === RETRY_MS_MAX).length).toBeGreaterThan(8)
    await index.close()
    const before = tries
    await vi.advanceTimersByTimeAsync(10 * RETRY_MS_MAX)
    expect(tries).toBe(before)
  })

  it('that hangs while it is opened holds up neither a start nor an end, and is closed when it comes', async () => {
    const { promise, resolve } = Promise.withResolvers<KeywordIndex>()
    vi.useFakeTimers()
    let isOpen = false
    const index = new OpeningIndex({
      open: () => promise,
      onOpen: () => {
        isOpen = true
      }
    })
    const attempted = index.attempted(2_000)
    await vi.advanceTimersByTimeAsync(2_000)
    await attempted
    await expect(index.totals()).rejects.toThrow('It is being opened.')
    const closing = index.close()
    await vi.advanceTimersByTimeAsync(5_000)
    await closing
    const late = new MemoryIndex()
    const close = vi.spyOn(late, 'close')
    resolve(late)
    await vi.advanceTimersByTimeAsync(0)
    expect(close).toHaveBeenCalledOnce()
    expect(isOpen).toBe(false)
  })

  it('is told of to listeners that may throw: it is opened once, and closed', async () => {
    vi.useFakeTimers()
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const store = new MemoryIndex()
    const close = vi.spyOn(store, 'close')
    let tries = 0
    const index = new OpeningIndex({
      open: async () => {
        tries += 1
        return tries === 1 ? await away() : store
      },
      onFailure: () => {
        throw new Error('of onFailure')
      },
      onOpen: () => {
        throw new Error('of onOpen')
      }
    })
    await index.attempted(1_000)
    expect(index.problem).toBe('Nobody is there.')
    await vi.advanceTimersByTimeAsync(RETRY_MS)
    expect(index.problem).toBeUndefined()
    expect(await index.totals()).toMatchObject({ files: 0 })
    await vi.advanceTimersByTimeAsync(10 * RETRY_MS_MAX)
    expect(tries).toBe(2)
    expect(warn.mock.calls.map(([warning]) => (warning as Error).message)).toEqual([
      'of onFailure',
      'of onOpen'
    ])
    await index.close()
    expect(close).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
    warn.mockRestore()
  })

  it('has no timer left where what was waited for fails', async () => {
    vi.useFakeTimers()
    await expect(within(60_000, Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    expect(vi.getTimerCount()).toBe(0)
    expect(await within(60_000, Promise.resolve())).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })
})
