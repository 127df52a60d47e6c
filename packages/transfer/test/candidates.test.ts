/** When each provider of a file is asked, in virtual time, and every bound on what is kept of them. */
import { describe, expect, test } from 'vitest'
import { Candidates } from '../src/candidates.ts'
import { SourceBusyError } from '../src/errors.ts'
import { busyFrom, nameFrom } from '../src/http-words.ts'
import { DOWNLOAD_LIMITS } from '../src/limits.ts'

const limits = {
  ...DOWNLOAD_LIMITS,
  providersMax: 3,
  retryMs: 1_000,
  retryMsMax: 8_000,
  roundsMax: 5,
  queueWaitMsMin: 1_000,
  queueWaitMsMax: 60_000
}
const from = (peerId: string, addresses = ['/ip4/127.0.0.1/tcp/1']) => ({ peerId, addresses })

test('asked in the order in which they wait', () => {
  const all = new Candidates(limits, [])
  expect(all.waitMs(0)).toBeUndefined()
  expect([all.add(from('a')), all.add(from('b')), all.add(from('a'))]).toEqual([true, true, false])
  expect(all.take(0)?.peerId).toBe('a')
  expect(all.take(0)?.peerId).toBe('b')
  expect(all.take(0)).toBeUndefined()
  all.served('a', 10)
  expect(all.waitMs(4)).toBe(6)
  expect(all.take(9)).toBeUndefined()
  expect(all.take(10)?.peerId).toBe('a')
})

test('who gave bytes and was lost is tried at the longest wait until its time is over, others are not', () => {
  const all = new Candidates({ ...limits, giverPatienceMs: 100_000 }, [])
  all.add(from('giver'))
  all.add(from('other'))
  all.gave('giver', 1)
  const rounds = (peer: string) => {
    let nowMs = 0
    for (let round = 1; ; round += 1) {
      all.take(nowMs)
      all.failed(peer, 'gone', 0.5, nowMs)
      const waitMs = all.waitMs(nowMs)
      if (waitMs === undefined) return { round, nowMs }
      nowMs += waitMs
    }
  }
  // Alone, so that what waits is what failed.
  all.gone('other', 'away', 0, 0)
  expect(rounds('giver')).toEqual({ round: 16, nowMs: 103_000 })
  const one = new Candidates({ ...limits, giverPatienceMs: 100_000 }, [])
  one.add(from('other'))
  for (let round = 0; round < limits.roundsMax; round += 1) {
    one.take(1e6 * round)
    one.failed('other', 'gone', 0.5, 0)
  }
  expect(one.waitMs(0)).toBeUndefined()
})

test('a lost one waits twice as long each time, up to the longest, and is given up after its rounds', () => {
  const all = new Candidates(limits, [])
  all.add(from('a'))
  const waits = []
  for (let round = 0; round < 5; round += 1) {
    all.take(0)
    all.failed('a', 'gone', 0.5, 0)
    waits.push(all.waitMs(0))
    all.gave('b', 1)
    if (round < 4) all.take(1e9)
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, undefined])
  expect(all.reason).toBe('a: gone')
})

test('chance moves a wait by a quarter at most', () => {
  for (const [jitter, wait] of [
    [0, 750],
    [1, 1_250]
  ] as const) {
    const all = new Candidates(limits, [])
    all.add(from('a'))
    all.failed('a', 'gone', jitter, 0)
    expect(all.waitMs(0)).toBe(wait)
  }
})

test('one that gives right bytes begins anew', () => {
  const all = new Candidates(limits, [])
  all.add(from('a'))
  for (let round = 0; round < 20; round += 1) {
    all.gave('a', 1)
    all.failed('a', 'lost', 0.5, 0)
  }
  expect(all.waitMs(0)).toBe(1_000)
})

test('who gave most is asked first, and remembered first; who gave way waits', () => {
  const all = new Candidates(limits, [])
  for (const peer of ['a', 'b', 'c']) all.add(from(peer))
  all.gave('b', 5)
  all.gave('c', 9)
  expect(all.providers.map(({ peerId }) => peerId)).toEqual(['c', 'b', 'a'])
  expect([0, 0, 0, 0].map(nowMs => all.take(nowMs)?.peerId)).toEqual(['c', 'b', 'a', undefined])
  all.slow('c', '1 byte a second.', 0)
  expect(all.waitMs(0)).toBe(limits.slowWaitMs)
  expect(all.reason).toBe('c: It is slow: 1 byte a second.')
})

test.each([
  [999, 1_000],
  [1_000, 1_000],
  [60_000, 60_000],
  [60_001, 60_000],
  [1e12, 60_000]
])('a busy one that wants %i ms is asked after %i', (wish, wait) => {
  const all = new Candidates(limits, [])
  all.add(from('a'))
  all.busy('a', 'busy', wish, 0)
  expect(all.waitMs(0)).toBe(wait)
})

test('as many as may be known, and one past them; who is given up makes room', () => {
  const all = new Candidates(limits, [])
  expect(['a', 'b', 'c', 'd'].map(peer => all.add(from(peer)))).toEqual([true, true, true, false])
  all.gone('b', 'not there', 0.5, 0)
  expect(all.add(from('d'))).toBe(true)
  expect(all.providers.map(({ peerId }) => peerId)).toEqual(['a', 'c', 'd'])
})

test('one that is fetching the file too and has nothing is asked again soon, and has not failed', () => {
  const all = new Candidates(limits, [])
  all.add(from('a'))
  for (let nowMs = 0; nowMs < 30_000; nowMs += 3_000) {
    expect(all.take(nowMs)?.peerId).toBe('a')
    // It gets on.
    all.lacks('a', 'nothing yet', 1 + nowMs, nowMs)
    expect(all.waitMs(nowMs)).toBe(limits.partialAgainMs)
  }
  // It has stopped for now, perhaps: tried again, and given up in the end.
  for (let times = 0; times < limits.roundsMax; times += 1) all.gone('a', 'it has it no more', 0.5, 30_000)
  expect(all.waitMs(30_000)).toBeUndefined()
})

test('one that gets no more itself is asked twice as seldom each time, up to partialAgainMsMax', () => {
  const all = new Candidates(limits, [])
  all.add(from('a'))
  const waits = [5, 5, 4, 5, 5, 5, 5].map(blocks => {
    all.lacks('a', 'nothing yet', blocks, 0)
    return all.waitMs(0)
  })
  expect(waits).toEqual([3_000, 6_000, 12_000, 24_000, 48_000, limits.partialAgainMsMax, 60_000])
  all.lacks('a', 'nothing yet', 6, 0)
  expect(all.waitMs(0)).toBe(3_000)
  all.lacks('a', 'nothing yet', 6, 0)
  all.gave('a', 1)
  all.lacks('a', 'nothing yet', 6, 0)
  expect(all.waitMs(0)).toBe(3_000)
})

test('only such ones are left, or somebody else who may be asked', () => {
  const all = new Candidates(limits, [])
  for (const peer of ['a', 'b']) {
    all.add(from(peer))
    expect(all.isOnlyLacking).toBe(false)
    all.lacks(peer, 'nothing yet', 1, 0)
    expect(all.isOnlyLacking).toBe(true)
  }
  // It has some, and no free slot.
  all.busy('a', 'wait', 1_000, 0)
  expect(all.isOnlyLacking).toBe(false)
  all.gone('a', 'it has it no more', 0, 0)
  all.lacks('a', 'nothing yet', 1, 0)
  expect(all.isOnlyLacking).toBe(true)
  all.gave('b', 1)
  expect(all.isOnlyLacking).toBe(false)
})

test('those that are fetching the file too and gave nothing make room, so that they keep nobody out', () => {
  const all = new Candidates(limits, [])
  for (const peer of ['a', 'b', 'c']) {
    all.add(from(peer))
    all.take(0)
    if (peer === 'b') all.gave(peer, 1)
    all.lacks(peer, 'nothing yet', 1, 0)
  }
  expect([all.add(from('d')), all.add(from('e')), all.add(from('f'))]).toEqual([true, true, false])
  expect(all.providers.map(({ peerId }) => peerId)).toEqual(['b', 'd', 'e'])
})

test('as many bans as providers, and the oldest goes first', () => {
  const all = new Candidates(limits, [{ peer: 'a', reason: 'lied' }])
  expect(all.add(from('a'))).toBe(false)
  for (const peer of ['b', 'c', 'd']) all.ban(peer, 'lied')
  expect(all.bans.map(({ peer }) => peer)).toEqual(['b', 'c', 'd'])
  expect(all.add(from('a'))).toBe(true)
})

test('sixteen addresses of one peer are kept, new ones first', () => {
  const all = new Candidates(limits, [])
  const addresses = Array.from({ length: 17 }, (_value, index) => `/ip4/127.0.0.1/tcp/${index}`)
  all.add(from('a', addresses))
  expect(all.providers[0]!.addresses).toHaveLength(16)
  all.add(from('a', ['/ip4/10.0.0.1/tcp/1']))
  expect(all.providers[0]!.addresses).toEqual(['/ip4/10.0.0.1/tcp/1', ...addresses.slice(0, 15)])
})

describe('a 503', () => {
  test('with Gnutella’s queue', () => {
    const error = busyFrom({
      'x-queue': 'position=2, length=5,limit=4,pollMin=45,pollMax=120',
      'retry-after': '9'
    })
    expect(error).toBeInstanceOf(SourceBusyError)
    expect(error).toMatchObject({ retryMs: 45_000, position: 2, length: 5 })
    expect(error.message).toBe('It has no free upload slot: place 2 of 5.')
  })

  test('that says how this peer stands with the source', () => {
    const { message } = busyFrom({
      'x-queue': 'position=2,length=5,pollMin=45',
      'x-servent-standing': 'newcomer; given=0; taken=10485760'
    })
    expect(message).toBe(
      'It has no free upload slot: place 2 of 5, as a newcomer that gave it 0.0 MiB and took 10.0.'
    )
    const level = {
      'x-servent-standing': 'giver; given=1048576; taken=0',
      'x-servent-level': '612; band=Deity'
    }
    expect(busyFrom(level).message).toBe(
      'It has no free upload slot, as a giver that gave it 1.0 MiB and took 0.0, at level 612 (Deity).'
    )
    for (const wrong of [
      '12345; band=Low',
      '1; band=',
      '1; band=<b>',
      `1; band=${'x'.repeat(33)}`,
      '-1; band=Low'
    ])
      expect(busyFrom({ 'x-servent-level': wrong }).message).toBe('It has no free upload slot.')
    expect(busyFrom({ 'x-servent-standing': 'king; given=0; taken=0' }).message).toBe(
      'It has no free upload slot.'
    )
  })

  test.each([
    [{ 'retry-after': '7' }, 7_000],
    [{}, 10_000],
    [{ 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' }, 10_000],
    [{ 'x-queue': 'position=-1,pollMin=1e9,=,,x' }, 10_000]
  ])('%o waits %i ms', (headers, retryMs) => {
    expect(busyFrom(headers)).toMatchObject({ retryMs, position: undefined })
  })
})

test.each([
  ["attachment; filename*=UTF-8''gro%C3%9F.txt", 'groß.txt'],
  ["attachment; filename=x; filename*=utf-8''..%2Fa", '../a'],
  ['attachment; filename="x"', undefined],
  ["attachment; filename*=UTF-8''%ff", undefined],
  [undefined, undefined]
])('the name in %s is %s', (header, name) => {
  expect(nameFrom(header)).toBe(name)
})
