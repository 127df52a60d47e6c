/** Searches of users: what they are told, once, and how each of their ends is the same for the machine. */
import { describe, expect, it } from 'vitest'
import { RunningSearch, RunningSearches } from '../src/index.ts'
import { VirtualClock } from '../src/testing.ts'

type Notice = { readonly found: readonly string[] } | { readonly over: true } | { readonly refused: string }

class Search extends RunningSearch<Notice, string> {
  #refusal = ''

  take(notice: Notice): void {
    if ('found' in notice) {
      for (const word of notice.found) this.add(word, `${word} after ${this.elapsedMs} ms`)
      this.charge(() => 10, notice.found.length)
      return
    }
    if ('refused' in notice) this.#refusal = notice.refused
    this.end()
  }

  override check(): void {
    if (this.#refusal !== '') throw new Error(this.#refusal)
  }
}

function world(limit = 10) {
  const clock = new VirtualClock()
  const ended: number[] = []
  const traffic = { messages: 0, bytes: 0 }
  const searches = new RunningSearches<Notice, string, Search>({ clock, onEnd: id => ended.push(id) })
  const search = new Search({ limit, nowMs: () => clock.nowMs(), traffic })
  return { clock, ended, traffic, searches, search }
}

const found = (...words: string[]): Notice => ({ found: words })

describe('a search', () => {
  it('gives what it finds once, and ends when the machine says so', async () => {
    const { searches, search, ended, traffic } = world()
    const reading = searches.read(search, () => 7, {})
    const first = reading.next()
    searches.take(7, found('a', 'a', 'b'))
    searches.take(7, found('b'))
    searches.take(7, { over: true })
    searches.take(7, found('c'))
    expect([await first, await reading.next(), await reading.next()]).toEqual([
      { value: 'a after 0 ms', done: false },
      { value: 'b after 0 ms', done: false },
      { value: undefined, done: true }
    ])
    expect([ended, search.count]).toEqual([[7], 2])
    expect(traffic).toEqual({ messages: 5, bytes: 50 })
    expect(searches.get(7)).toBeUndefined()
  })

  it('hears what is said while its command is given, and is told why there is none', async () => {
    const { searches, search, ended } = world()
    const command = () => {
      searches.take(7, { refused: 'Too many searches run.' })
      return 7
    }
    await expect(searches.read(search, command, {}).next()).rejects.toThrow('Too many searches run.')
    expect(ended).toEqual([7])
  })

  it('is over at its limit', async () => {
    const { searches, search } = world(2)
    const reading = searches.read(search, () => 7, {})
    const first = reading.next()
    searches.take(7, found('a', 'b', 'c'))
    expect([await first, await reading.next(), await reading.next()].map(({ value }) => value)).toEqual([
      'a after 0 ms',
      'b after 0 ms',
      undefined
    ])
  })

  it('ends when its time has passed, which counts from its beginning', async () => {
    const { clock, searches, search, ended } = world()
    const startMs = clock.nowMs()
    const reading = searches.read(search, () => 7, { timeoutMs: 1_000 })
    const first = reading.next()
    clock.advanceTo(startMs + 400)
    searches.take(7, found('a'))
    expect((await first).value).toBe('a after 400 ms')
    const second = reading.next()
    clock.step()
    expect(clock.nowMs() - startMs).toBe(1_000)
    expect([await second, ended]).toEqual([{ value: undefined, done: true }, [7]])
  })

  it('ends when its signal aborts, with its reason, and when its reader goes', async () => {
    const { searches, search, ended } = world()
    const aborted = new AbortController()
    const reading = searches.read(search, () => 7, { signal: aborted.signal })
    const first = reading.next()
    aborted.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    const other = world()
    const left = other.searches.read(other.search, () => 8, {})
    const some = left.next()
    other.searches.take(8, found('a'))
    await some
    await left.return(undefined)
    expect([ended, other.ended]).toEqual([[7], [8]])
    const late = world()
    const never = late.searches.read(late.search, () => 9, { signal: AbortSignal.abort(new Error('before')) })
    await expect(never.next()).rejects.toThrow('before')
    expect(late.ended).toEqual([])
  })

  it('ends with all others when the overlay stops', async () => {
    const { searches, search } = world()
    const first = searches.read(search, () => 7, {}).next()
    searches.endAll()
    expect(await first).toEqual({ value: undefined, done: true })
  })
})

it('a command that is no search hears what is said while it is given, and nothing afterwards', () => {
  const { searches } = world()
  const heard: Notice[] = []
  const taker = { take: (notice: Notice) => heard.push(notice) }
  searches.begin(taker, () => {
    searches.take(undefined, { refused: 'no way' })
    return 3
  })
  searches.take(undefined, { refused: 'later' })
  expect(heard).toEqual([{ refused: 'no way' }])
})
