import {
  isFileName,
  isMediaType,
  isPeerIdBytes,
  isTagName,
  peerIdBytes,
  peerIdText,
  randomBelow,
  randomBytes,
  utf8Bytes
} from '@servent/overlay/machine'
import { RecordingEffects } from '@servent/overlay/testing'
import { describe, expect, test } from 'vitest'

const ED25519 = '12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA'
const RSA = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'

test('PeerIds of the libp2p specification are read and written', () => {
  for (const text of [ED25519, RSA]) expect(peerIdText(peerIdBytes(text)!)).toBe(text)
  expect([peerIdBytes(ED25519)!.length, peerIdBytes(RSA)!.length]).toEqual([38, 34])
})

test('what is no PeerId is none', () => {
  for (const text of [
    '',
    '1',
    'z',
    ED25519.slice(1),
    `${ED25519}1`,
    '0OIl',
    ' ',
    'x'.repeat(58),
    '1'.repeat(59),
    'bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe'
  ]) {
    expect(peerIdBytes(text), text).toBeUndefined()
  }
  // A hash of another function, of another length, and keys at the bound and over it.
  expect(isPeerIdBytes(Uint8Array.of(0x12, 32, ...new Uint8Array(32)))).toBe(true)
  expect(isPeerIdBytes(Uint8Array.of(0x13, 32, ...new Uint8Array(32)))).toBe(false)
  expect(isPeerIdBytes(Uint8Array.of(0x12, 31, ...new Uint8Array(31)))).toBe(false)
  expect(isPeerIdBytes(Uint8Array.of(0, 40, ...new Uint8Array(40)))).toBe(true)
  expect(isPeerIdBytes(Uint8Array.of(0, 41, ...new Uint8Array(41)))).toBe(false)
  expect(isPeerIdBytes(Uint8Array.of(0, 1, 9))).toBe(true)
  expect(isPeerIdBytes(Uint8Array.of(0, 0))).toBe(false)
})

test('PEER_ID_CHARACTERS_MAX: the longest PeerId has 58 characters, and nothing longer is decoded', () => {
  const longest = Uint8Array.of(0, 40, ...new Uint8Array(40).fill(255))
  expect(peerIdText(longest).length).toBeLessThanOrEqual(58)
  expect(peerIdBytes(peerIdText(longest))).toEqual(longest)
  // Leading ones are zero bytes: 59 of them are too many characters, 58 too many bytes.
  expect(peerIdBytes('1'.repeat(58))).toBeUndefined()
  expect(peerIdBytes('1'.repeat(59))).toBeUndefined()
})

test('names of files and tags, media types, and bytes of texts', () => {
  expect([isFileName('a'), isFileName('..'), isFileName('a/b')]).toEqual([true, false, false])
  expect([isTagName('artist'), isTagName('track.no-1_x'), isTagName('Artist'), isTagName('')]).toEqual([
    true,
    true,
    false,
    false
  ])
  expect([
    isMediaType('audio/flac'),
    isMediaType('image/svg+xml'),
    isMediaType('audio'),
    isMediaType('audio/')
  ]).toEqual([true, true, false, false])
  expect([utf8Bytes('aä語𝔘'), utf8Bytes('\ud800')]).toEqual([10, undefined])
})

describe('chance', () => {
  test('a number below n, each as often', () => {
    const effects = new RecordingEffects({ seed: 3 })
    const counts = new Array(6).fill(0)
    for (let draw = 0; draw < 6000; draw += 1) counts[randomBelow(effects, 6)] += 1
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  test('draws from the incomplete stretch are drawn again', () => {
    const draws = [2 ** 32 - 1, 4]
    expect(randomBelow({ random: () => draws.shift()! }, 3)).toBe(1)
    expect(draws).toEqual([])
    expect(randomBelow({ random: () => 2 ** 32 - 1 }, 2 ** 32)).toBe(2 ** 32 - 1)
  })

  test('DRAWS_MAX: a source that is stuck is asked 32 times and hangs nobody', () => {
    let draws = 0
    const stuck = { random: () => 2 ** 32 - 1 + 0 * draws++ }
    expect(randomBelow(stuck, 3)).toBeLessThan(3)
    expect(draws).toBe(32)
  })

  test('nothing lies below 1, and no more than 2^32 can be drawn', () => {
    const source = { random: () => 0 }
    expect(randomBelow(source, 1)).toBe(0)
    expect(randomBelow(source, 2 ** 32)).toBe(0)
    for (const n of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN])
      expect(() => randomBelow(source, n)).toThrow(RangeError)
  })

  test('bytes use all 32 bits of a draw', () => {
    expect([...randomBytes({ random: () => 0x04030201 }, 6)]).toEqual([1, 2, 3, 4, 1, 2])
    expect(randomBytes({ random: () => 0 }, 0)).toHaveLength(0)
  })
})
