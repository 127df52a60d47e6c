/**
 * What was published of FastTrack's participation level (KaZaA's help, as kazaaplatinum.com and everything2.com kept
 * it), of KaZaA Lite's way around it, and of BarterCast (Meulpolder, Pouwelse, Epema and Sips 2009).
 */
import { bandOf, participationLevel } from '@servent/fasttrack/credit'
import { describe, expect, test } from 'vitest'
import {
  CREDIT_HOPS,
  CREDIT_HOPS_MAX,
  LEVEL_MAX,
  LEVEL_OF_EVEN,
  NEWCOMER_GIVEN_BYTES,
  NEWCOMER_LEVEL,
  NEWCOMER_TAKEN_BYTES
} from '../../src/credit/constants.ts'
import { GiB, MiB, TiB, view } from './helpers.ts'

describe('KaZaA’s help', () => {
  test('participation begins at 10, of 0 to 1000', () => {
    expect(NEWCOMER_LEVEL).toBe(10)
    expect(LEVEL_MAX).toBe(1000)
    expect(participationLevel(0, 0)).toBe(10)
    expect(view().participation.levelOf('stranger', 0)).toBe(10)
  })

  test('it is megabytes uploaded by megabytes downloaded, times 100', () => {
    expect(LEVEL_OF_EVEN).toBe(100)
    const published = (uploaded: number, downloaded: number) => Math.floor((uploaded / downloaded) * 100)
    for (const [uploaded, downloaded] of [
      [500, 250],
      [250, 500],
      [1000, 1000],
      [2500, 251],
      [25, 250]
    ] as const) {
      expect(participationLevel(uploaded * MiB, downloaded * MiB)).toBe(published(uploaded, downloaded))
    }
  })

  test('it goes to 1000 and no further, and to 0', () => {
    expect(participationLevel(10 * GiB, GiB)).toBe(1000)
    expect(participationLevel(11 * GiB, GiB)).toBe(1000)
    expect(participationLevel(0, NEWCOMER_GIVEN_BYTES * 100)).toBe(1)
    expect(participationLevel(0, NEWCOMER_GIVEN_BYTES * 100 + MiB)).toBe(0)
  })

  test.each([
    [0, 'Low'],
    [10, 'Low'],
    [50, 'Low'],
    [51, 'Medium'],
    [100, 'Medium'],
    [101, 'High'],
    [200, 'High'],
    [201, 'Guru'],
    [500, 'Guru'],
    [501, 'Deity'],
    [900, 'Deity'],
    [901, 'Supreme Being'],
    [1000, 'Supreme Being']
  ] as const)('%d is %s', (level, band) => {
    expect(bandOf(level)).toBe(band)
  })

  test('only what was verified counts, all of it once: a rating of integrity that all have is none', () => {
    const { accounts, participation } = view()
    accounts.gave('a', 500 * MiB)
    accounts.took('a', 250 * MiB)
    expect(participation.levelOf('a', 0)).toBe(200)
  })
})

describe('a newcomer', () => {
  test('is one who gave and took a little, so that a byte makes no Supreme Being and no freeloader', () => {
    expect((NEWCOMER_GIVEN_BYTES * LEVEL_OF_EVEN) / NEWCOMER_TAKEN_BYTES).toBe(NEWCOMER_LEVEL)
    expect(participationLevel(NEWCOMER_GIVEN_BYTES, NEWCOMER_TAKEN_BYTES)).toBe(10)
    expect(participationLevel(1, 0)).toBe(10)
    expect(participationLevel(0, 1)).toBe(10)
    expect(participationLevel(NEWCOMER_GIVEN_BYTES * 1.1, 0)).toBe(11)
    expect(participationLevel(0, NEWCOMER_TAKEN_BYTES + MiB)).toBe(9)
  })
})

describe('KaZaA Lite', () => {
  test('simply wrote 1000: nothing that a peer says of itself is asked for here', () => {
    const { participation, signed } = view()
    signed('liar', 'its other key', TiB)
    expect(participation.levelOf('liar', 0)).toBe(10)
  })
})

describe('BarterCast', () => {
  test('2: credit goes over two hops: those who gave me, and those who gave them', () => {
    expect(CREDIT_HOPS).toBe(2)
    expect(CREDIT_HOPS_MAX).toBe(4)
    const { accounts, participation, signed } = view()
    accounts.gave('friend', GiB)
    signed('its friend', 'friend', GiB)
    signed('third', 'its friend', GiB)
    expect(participation.levelOf('third', 0)).toBe(10)
    expect(participation.levelOf('its friend', 0)).toBe(409)
  })

  test('and over up to four where that is set, and no more', () => {
    const { accounts, participation, signed } = view({ hops: CREDIT_HOPS_MAX })
    accounts.gave('1', GiB)
    for (const hop of [2, 3, 4, 5]) signed(String(hop), String(hop - 1), GiB)
    expect(participation.levelOf('5', 0)).toBe(10)
    expect(participation.levelOf('4', 0)).toBe(409)
    for (const hops of [0, 1.5, CREDIT_HOPS_MAX + 1]) expect(() => view({ hops })).toThrow(RangeError)
  })

  test('credit is what the narrowest edge on the way carried', () => {
    const { accounts, participation, signed } = view()
    accounts.gave('friend', 500 * MiB)
    signed('its friend', 'friend', 100 * GiB)
    participation.levelOf('its friend', 0)
    expect(participation.creditOf('its friend')).toBe(500 * MiB)
  })

  test('what was taken counts against a peer over two hops as well', () => {
    const { accounts, participation, signed } = view()
    accounts.took('middle', GiB)
    signed('middle', 'taker', 500 * MiB)
    expect(participation.levelOf('taker', 0)).toBe(5)
  })
})
