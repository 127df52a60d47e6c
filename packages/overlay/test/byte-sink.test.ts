/** What is written is as long as it was counted, and read as it was written. */
import { ByteReader, CountingSink, faultOf, StoringSink, toHex, utf8Length } from '@servent/overlay/machine'
import fc from 'fast-check'
import { expect, it } from 'vitest'

const KINDS = ['u8', 'u16', 'u16BigEndian', 'u32', 'u32BigEndian', 'u64'] as const
const MOST = { u8: 8, u16: 16, u16BigEndian: 16, u32: 32, u32BigEndian: 32, u64: 53 } as const

const number = fc
  .constantFrom(...KINDS)
  .chain(kind => fc.record({ kind: fc.constant(kind), value: fc.maxSafeNat().map(n => n % 2 ** MOST[kind]) }))

it('integers, bytes and texts', () => {
  fc.assert(
    fc.property(
      fc.array(number),
      fc.uint8Array({ maxLength: 20 }),
      fc.string({ unit: 'binary', maxLength: 20 }),
      (numbers, bytes, text) => {
        const counted = new CountingSink()
        const write = (sink: CountingSink | StoringSink) => {
          for (const { kind, value } of numbers) sink[kind](value)
          sink.raw(bytes)
          sink.plain(text)
        }
        write(counted)
        const stored = new StoringSink(counted.length)
        write(stored)
        const reader = new ByteReader(stored.stored)
        for (const { kind, value } of numbers) expect(reader[kind]()).toBe(value)
        expect(reader.take(bytes.length)).toEqual(bytes)
        expect(reader.left).toBe(utf8Length(text))
        expect(reader.take(reader.left)).toEqual(new TextEncoder().encode(text))
        expect(() => reader.u8()).toThrow(expect.objectContaining({ name: 'MalformedError' }))
      }
    )
  )
})

it('the order of bytes is little-endian unless a method says otherwise', () => {
  const sink = new StoringSink(20)
  sink.u16(0x0102)
  sink.u16BigEndian(0x0102)
  sink.u32(0x01020304)
  sink.u32BigEndian(0x01020304)
  sink.u64(2 ** 32 + 2)
  expect(toHex(sink.stored)).toBe('02010102040302010102030402000000' + '01000000')
})

it('half of a surrogate pair has the length of what is written for it', () => {
  for (const text of ['\ud800', '\udc00', 'a\ud83d', '\ud83d\ude00', 'é', '€'])
    expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length)
})

it('a part of a body ends where it was said to, and a text at its NUL', () => {
  const reader = new ByteReader(Uint8Array.of(1, 65, 66, 0, 67, 0), 1, 5)
  expect([...reader.untilNul()]).toEqual([65, 66])
  expect(() => reader.untilNul()).toThrow('a text has no NUL at its end')
  expect(reader.left).toBe(1)
  expect(() => reader.u16()).toThrow('it ends too early')
})

it('a number that is not exact is malformed, and only what is malformed is the fault of a peer', () => {
  const read = (...bytes: number[]) => new ByteReader(Uint8Array.from(bytes)).u64()
  expect(read(255, 255, 255, 255, 255, 255, 31, 0)).toBe(Number.MAX_SAFE_INTEGER)
  let fault = ''
  try {
    read(0, 0, 0, 0, 0, 0, 32, 0)
  } catch (error) {
    fault = faultOf(error)
  }
  expect(fault).toBe('a number is over 2^53')
  expect(() => faultOf(new Error('a bug'))).toThrow('a bug')
})
