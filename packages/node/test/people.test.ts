import type { HotlistEvent, WhoisReply } from '@servent/napster'
import type { Hit, Provider } from '@servent/overlay'
import { pino } from 'pino'
import { afterEach, expect, test, vi } from 'vitest'
import { type Napster, People } from '../src/people.ts'
import { BROWSE_ROWS_MAX, HOTLIST_MAX, RANK_MS_MAX, RANKED_HOSTS_MAX } from '../src/people-limits.ts'
import { Searches } from '../src/search.ts'
import { COUNT_MS, TransferCounts } from '../src/transfer-counts.ts'
import type { SearchRow } from '../src/types.ts'
import { hit, idOf, PEER_A, PEER_B } from './support/hits.ts'

afterEach(() => void vi.useRealTimers())

/** A Napster that says what it is told to, and does as the real one with nicks that are none. */
function fakeNapster(shares: readonly Hit[] = [], failure?: Error) {
  const listeners = new Set<(event: HotlistEvent) => void>()
  const watched: string[] = []
  const told: string[] = []
  const state = { server: PEER_B as string | null, logins: 1 }
  const say = (event: HotlistEvent['event'], nick: string) => {
    for (const listener of listeners) listener({ event, nick, linkSpeed: event === 'on' ? 7 : 0 })
  }
  const napster: Napster = {
    async *browse() {
      yield* shares
      if (failure !== undefined) throw failure
    },
    whois: async (): Promise<WhoisReply | undefined> => undefined,
    hotlist: {
      add: nick => (nick.includes(' ') ? say('refused', nick) : void watched.push(nick)),
      remove: nick => void watched.splice(watched.indexOf(nick), 1),
      list: () => watched,
      subscribe: listener => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      }
    },
    rankHosts: async providers => [...providers].reverse(),
    transferring: (direction, begun) => void told.push(`${begun ? '+' : '-'}${direction}`),
    snapshot: () => ({
      name: 'napster',
      state: 'running',
      neighbours: [],
      counters: { logins: state.logins },
      server: state.server,
      serversKnown: 1
    })
  }
  return { napster, watched, told, state, say, listeners }
}

function people(napster: Napster | undefined, nicks: string[] = []) {
  const kept: (readonly SearchRow[])[] = []
  const searches = new Searches({
    overlays: () => new Map(),
    load: () => [],
    keep: rows => kept.push(rows),
    logger: pino({ level: 'silent' })
  })
  const here = { running: napster, snapshot: () => ({ state: 'failed', reason: 'It is broken.' }) as never }
  const them = new People({
    napster: () => here,
    store: {
      hotlist: () => nicks,
      addToHotlist: nick => void nicks.push(nick),
      removeFromHotlist: nick => void nicks.splice(nicks.indexOf(nick), 1)
    },
    rows: (hits, limit) => searches.rows(hits, limit),
    wallMs: () => 1_000
  })
  return { them, nicks, kept, searches }
}

const never = new AbortController().signal

async function gather<T>(events: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const event of events) found.push(event)
  return found
}

test('what is kept is watched again, and each session tells anew', () => {
  const { napster, watched, state, say, listeners } = fakeNapster()
  const { them } = people(napster, ['miles', 'Trane'])
  them.start()
  expect(watched).toEqual(['miles', 'Trane'])
  const states = () => them.hotlist.list().map(({ nick, state }) => `${nick} ${state}`)
  expect(states()).toEqual(['miles offline', 'Trane offline'])
  say('on', 'MILES')
  expect(them.hotlist.list()[0]).toEqual({ nick: 'miles', state: 'online', sinceMs: 1_000, linkSpeed: 7 })
  say('refused', 'trane')
  expect(states()).toEqual(['miles online', 'Trane refused'])
  state.server = null
  expect(states()).toEqual(['miles unknown', 'Trane unknown'])
  Object.assign(state, { server: PEER_A, logins: 2 })
  expect(states()).toEqual(['miles offline', 'Trane offline'])
  say('on', 'miles')
  say('off', 'miles')
  expect(them.hotlist.list()[0]).toEqual({ nick: 'miles', state: 'offline', sinceMs: 1_000 })
  them.stop()
  expect(listeners.size).toBe(0)
})

test('a nick is on the list once, and what is no nick never', () => {
  const { napster, watched } = fakeNapster()
  const { them, nicks } = people(napster)
  them.start()
  them.hotlist.add('miles')
  expect(them.hotlist.add('MILES')).toEqual({ nick: 'miles', state: 'offline' })
  expect([nicks, watched]).toEqual([['miles'], ['miles']])
  expect(() => them.hotlist.add('two words')).toThrow(expect.objectContaining({ name: 'NickError' }))
  expect(nicks).toEqual(['miles'])
  expect(() => them.hotlist.remove('trane')).toThrow(expect.objectContaining({ name: 'NotFoundError' }))
  them.hotlist.remove('Miles')
  expect([nicks, watched]).toEqual([[], []])
})

test('a hotlist has as many nicks as HOTLIST_MAX, and not one more', () => {
  const { them, nicks } = people(fakeNapster().napster)
  for (let number = 0; number < HOTLIST_MAX; number += 1) them.hotlist.add(`nick${number}`)
  expect(() => them.hotlist.add('more')).toThrow(`A hotlist has at most ${HOTLIST_MAX} nicks.`)
  expect(nicks).toHaveLength(HOTLIST_MAX)
})

test('a hotlist is there to look at where Napster does not run', () => {
  const { them } = people(undefined, ['miles'])
  them.start()
  expect(them.hotlist.list()).toEqual([{ nick: 'miles', state: 'unknown' }])
  expect(() => them.hotlist.add('trane')).toThrow('Napster does not run here now (It is broken.).')
  them.hotlist.remove('miles')
  expect(them.hotlist.list()).toEqual([])
})

test('a browse has as many rows as BROWSE_ROWS_MAX, and says where there are more', async () => {
  const content = idOf(1)
  const shares = Array.from({ length: BROWSE_ROWS_MAX + 1 }, (_, number) => {
    const one = hit(1, PEER_A, 'napster')
    const id = { ...content, toString: () => `id ${number}` } as typeof content
    return { ...one, record: { ...one.record, id } }
  })
  const whole = people(fakeNapster(shares.slice(0, BROWSE_ROWS_MAX)).napster)
  expect((await gather(whole.them.browse('miles', never))).at(-1)).toEqual({
    event: 'done',
    user: 'miles',
    files: BROWSE_ROWS_MAX,
    overlay: 'napster'
  })
  expect(whole.kept[0]).toHaveLength(BROWSE_ROWS_MAX)
  const more = people(fakeNapster(shares).napster)
  expect((await gather(more.them.browse('miles', never))).at(-1)).toMatchObject({
    files: BROWSE_ROWS_MAX,
    more: true
  })
  expect(more.searches.last()).toHaveLength(BROWSE_ROWS_MAX)
})

test('what came of a browse before it failed, or was left, is kept', async () => {
  const failure = Object.assign(new Error('The server did not answer in time.'), { name: 'ServerError' })
  const { them, kept } = people(fakeNapster([hit(1, PEER_A, 'napster')], failure).napster)
  await expect(gather(them.browse('miles', never))).rejects.toMatchObject({ name: 'ServerError' })
  expect(kept).toMatchObject([[{ row: 1, overlays: ['napster'] }]])
  for await (const event of them.browse('miles', never)) {
    expect(event.event).toBe('hit')
    break
  }
  expect(kept).toHaveLength(2)
  const gone = Object.assign(new Error('User miles is not currently online.'), { name: 'ServerError' })
  const absent = people(fakeNapster([], gone).napster)
  await expect(gather(absent.them.browse('miles', never))).rejects.toMatchObject({ name: 'NobodyError' })
})

const from = (peerId: string, overlay: Provider['overlay']): Provider => ({
  peerId,
  addresses: [],
  ...(overlay && { overlay })
})

test('hosts that Napster found are ranked among their own places, as many as are pinged at a time', async () => {
  const { them } = people(fakeNapster().napster)
  const names = async (providers: readonly Provider[]) =>
    (await them.ranked(providers)).map(({ peerId }) => peerId)
  expect(
    await names([from('g', 'gnutella'), from('a', 'napster'), from('c', 'chord'), from('b', 'napster')])
  ).toEqual(['g', 'b', 'c', 'a'])
  const many = Array.from({ length: RANKED_HOSTS_MAX + 1 }, (_, number) => from(`${number}`, 'napster'))
  expect(await names(many)).toEqual(['7', '6', '5', '4', '3', '2', '1', '0', '8'])
  const one = [from('a', 'napster'), from('g', 'gnutella')]
  expect(await them.ranked(one)).toBe(one)
  expect(await people(undefined).them.ranked(many)).toBe(many)
})

test('a ranking that fails, or takes longer than RANK_MS_MAX, keeps nobody from fetching', async () => {
  vi.useFakeTimers()
  const { napster } = fakeNapster()
  const providers = [from('a', 'napster'), from('b', 'napster')]
  const slow = people({ ...napster, rankHosts: () => new Promise(() => {}) }).them.ranked(providers)
  let isDone = false
  void slow.then(() => {
    isDone = true
  })
  await vi.advanceTimersByTimeAsync(RANK_MS_MAX - 1)
  expect(isDone).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  expect(await slow).toEqual(providers)
  const broken = people({ ...napster, rankHosts: () => Promise.reject(new Error('It has stopped.')) })
  expect(await broken.them.ranked(providers)).toEqual(providers)
})

test('the server hears of transfers what changed, and a new one all of it', () => {
  vi.useFakeTimers()
  const { napster, told, state } = fakeNapster()
  let now = { down: 0, up: 0 }
  const counts = new TransferCounts({ napster: () => napster, transferring: () => now })
  const heard = () => {
    vi.advanceTimersByTime(COUNT_MS)
    return told.splice(0)
  }
  counts.start()
  expect(heard()).toEqual([])
  now = { down: 2, up: 1 }
  expect(heard()).toEqual(['+down', '+down', '+up'])
  expect(heard()).toEqual([])
  now = { down: 1, up: 1 }
  expect(heard()).toEqual(['-down'])
  state.server = null
  expect(heard()).toEqual([])
  Object.assign(state, { server: PEER_A, logins: 2 })
  expect(heard()).toEqual(['+down', '+up'])
  now = { down: 0, up: 0 }
  expect(heard()).toEqual(['-down', '-up'])
  now = { down: 1, up: 0 }
  counts.stop()
  expect(heard()).toEqual([])
})
