/** Route tables: what goes in, how they are told, and what a hostile teller can make of it. */
import { matches, parseQuery, tokens } from '@servent/overlay/machine'
import fc from 'fast-check'
import { zlibSync } from 'fflate/browser'
import { describe, expect, it } from 'vitest'
import { addHashes, hashesOfQuery, hashWord, slotOf } from '../src/qrp-hash.ts'
import { type PatchPart, patchOf, ToldTable } from '../src/qrp-patch.ts'
import { QueryRoutingTable } from '../src/query-routing-table.ts'
import {
  INFLATE_STEP_BYTES,
  PATCH_DATA_BYTES,
  PATCH_HEADER_BYTES,
  PATCH_MESSAGES_MAX,
  ROUTE_TABLE_BYTES_MAX,
  TABLE_BITS_MAX
} from '../src/tier-constants.ts'
import { decodeOne, encode, roundTrip } from './bytes-of.ts'

const asMalformed = (why: string) =>
  expect.objectContaining({ name: 'MalformedError', message: expect.stringContaining(why) })
const part = (fields: Partial<PatchPart>): PatchPart => ({
  number: 1,
  count: 1,
  compressed: false,
  entryBits: 1,
  data: new Uint8Array(0),
  ...fields
})
const tableWith = (bits: number, slots: Iterable<number>) => {
  const table = new QueryRoutingTable(bits)
  for (const slot of slots) table.put(slot, true)
  return table
}
const slotsOf = (bits: number) => fc.uniqueArray(fc.nat(2 ** bits - 1), { maxLength: 300 })

describe('the words of a file', () => {
  const hashesOf = (name: string, tags = {}, urns: string[] = []) => {
    const hashes = new Set<number>()
    addHashes({ name, tags, urns }, hashes)
    return hashes
  }
  const all = (...words: string[]) => new Set(words.map(hashWord))

  it('are its tokens and what is left of them when letters are cut, three at least', () => {
    expect(hashesOf('Blues, of')).toEqual(all('blues', 'blue', 'blu', 'of'))
  })

  it('are those of its tags, too, and its URNs whole', () => {
    const urn = 'urn:sha1:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB'
    expect(hashesOf('a', { artist: 'Évora' }, [urn])).toEqual(all('a', 'evora', 'evor', 'evo', urn))
  })

  it('of scripts without spaces are pairs of characters, so that a query of two characters passes', () => {
    const table = QueryRoutingTable.of(hashesOf('北京欢迎你.mp3'), 16)
    expect(tokens('北京欢迎你')).toEqual(['北京', '京欢', '欢迎', '迎你'])
    expect(table.mayMatch(hashesOfQuery({ text: '北京', urns: [] }))).toBe(true)
    expect(table.mayMatch(hashesOfQuery({ text: '东京', urns: [] }))).toBe(false)
  })

  it('are hashed from the UTF-8 of the lower-cased word', () => {
    expect(hashWord('Ä')).toBe(hashWord('ä'))
    // c3 a4, the low byte first.
    expect(hashWord('ä')).toBe(Math.imul(0xa4c3, 0x4f1bbcdc) >>> 0)
  })
})

describe('a query', () => {
  const asks = (text: string, ...urns: string[]) => hashesOfQuery({ text, urns })
  const table = QueryRoutingTable.of(['blue', 'kind', 'miles'].map(hashWord), 16)

  it('may match where all its words are, or one of its URNs', () => {
    expect(table.mayMatch(asks('kind blue'))).toBe(true)
    expect(table.mayMatch(asks('kind green'))).toBe(false)
    const urn = 'urn:sha1:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB'
    table.put(slotOf(hashWord(urn), 16), true)
    expect(table.mayMatch(asks('green', 'urn:cid:x', urn.toLowerCase()))).toBe(true)
    expect(table.mayMatch(asks('green', 'urn:cid:x'))).toBe(false)
  })

  it('asks for the words of tags, and not for filters and what must not be there', () => {
    expect(table.mayMatch(asks('kind artist=miles type:audio size:>1M -green'))).toBe(true)
    expect(table.mayMatch(asks('kind artist=davis'))).toBe(false)
  })

  it('that nobody can read matches nowhere, as with those that would answer it', () => {
    expect(() => parseQuery('size:large')).toThrow()
    expect(asks('size:large')).toEqual({ words: [], urns: [] })
    expect(table.mayMatch(asks('size:large'))).toBe(false)
    expect(table.mayMatch(asks(''))).toBe(false)
  })

  it('for a content in any spelling of its URN meets the one that its sharer told', () => {
    const bitprint = `urn:bitprint:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB.${'A'.repeat(39)}`
    expect(asks('', bitprint).urns).toEqual(asks('', 'urn:sha1:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB').urns)
    expect(asks('', 'urn:cid:nonsense').urns).toEqual([hashWord('urn:cid:nonsense')])
  })
})

describe('a table', () => {
  it('never says no where a file matches, whatever it is called, over updates by patches', () => {
    const name = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
      fc.string({ unit: fc.constantFrom(...'日本語のテキスト漢字かな', ' '), minLength: 1, maxLength: 12 }),
      fc.string({
        unit: fc.constantFrom(...'абвгд ёЁйЙ', ...'אבגד ', ...'กขคงา ', ...'ßıİſΣς '),
        minLength: 1
      })
    )
    const file = fc.record({ name, tags: fc.dictionary(fc.constantFrom('artist', 'album'), name) })
    let asked = 0
    fc.assert(
      fc.property(
        fc.array(fc.array(file, { maxLength: 6 }), { minLength: 1, maxLength: 3 }),
        fc.constantFrom(10, 13, 16),
        fc.constantFrom(1 as const, 4 as const),
        fc.nat(),
        (catalogues, bits, entryBits, pick) => {
          const told = new ToldTable(bits)
          let said: QueryRoutingTable | undefined
          for (const files of catalogues) {
            const hashes = new Set<number>()
            for (const one of files) addHashes({ ...one, urns: ['urn:x:y'] }, hashes)
            const table = QueryRoutingTable.of(hashes, bits)
            for (const some of patchOf(said, table, entryBits)) told.take(some)
            said = table
            expect(told.table.equals(table)).toBe(true)
            for (const one of files) {
              expect(told.table.mayMatch(hashesOfQuery({ text: '', urns: ['urn:x:y'] }))).toBe(true)
              // Any two of its words make a query for it.
              const words = [one.name, ...Object.values(one.tags)].flatMap(tokens)
              if (words.length === 0) continue
              const text = [words[pick % words.length]!, words[(pick >>> 8) % words.length]!]
                .map(word => `"${word}"`)
                .join(' ')
              if (!matches(parseQuery(text), { ...one, type: '', size: 1 })) continue
              asked += 1
              expect(told.table.mayMatch(hashesOfQuery({ text, urns: [] }))).toBe(true)
            }
          }
        }
      ),
      { numRuns: 100 }
    )
    expect(asked).toBeGreaterThan(100)
  })

  it('knows how full it is, slot by slot and added up', () => {
    fc.assert(
      fc.property(slotsOf(10), slotsOf(10), (mine, other) => {
        const table = tableWith(10, mine)
        expect(table.fill).toBe(mine.length / 1024)
        table.or(tableWith(10, other))
        const both = new Set([...mine, ...other])
        expect([...table.present()]).toEqual([...both].sort((a, b) => a - b))
        expect(table.fill).toBe(both.size / 1024)
        for (const slot of both) table.put(slot, false)
        expect(table.fill).toBe(0)
      })
    )
  })

  it('adds up with larger and smaller ones without losing a word', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 40 }),
        fc.constantFrom(10, 12, 16),
        fc.constantFrom(10, 12, 16),
        (hashes, from, to) => {
          const sum = new QueryRoutingTable(to)
          sum.or(QueryRoutingTable.of(hashes, from))
          for (const hash of hashes) expect(sum.has(slotOf(hash, to))).toBe(true)
        }
      )
    )
  })

  it('equals one with the same slots set', () => {
    expect(tableWith(10, [1]).equals(tableWith(10, [1]))).toBe(true)
    expect(tableWith(10, [1]).equals(tableWith(10, [2]))).toBe(false)
    expect(tableWith(10, [1]).equals(tableWith(10, []))).toBe(false)
    expect(tableWith(10, []).equals(tableWith(11, []))).toBe(false)
    expect(tableWith(10, []).equals(undefined)).toBe(false)
  })

  it('has at most 2^TABLE_BITS_MAX slots', () => {
    expect(new QueryRoutingTable(TABLE_BITS_MAX).slots).toBe(2_097_152)
    for (const bits of [0, TABLE_BITS_MAX + 1, 10.5])
      expect(() => new QueryRoutingTable(bits)).toThrow(RangeError)
  })
})

describe('a patch', () => {
  it('turns any table into any other of its size, in entries of every width', () => {
    fc.assert(
      fc.property(
        slotsOf(12),
        slotsOf(12),
        fc.constantFrom(1 as const, 4 as const),
        (before, after, bits) => {
          const told = new ToldTable(12)
          const [from, to] = [tableWith(12, before), tableWith(12, after)]
          for (const some of patchOf(undefined, from, bits)) told.take(some)
          for (const some of patchOf(from, to, bits)) told.take(some)
          expect(told.table.equals(to)).toBe(true)
          expect(told.complete).toBe(true)
        }
      )
    )
  })

  it.each([
    [1, [0b0100_0000, 0], [0b0100_0000, 0]],
    [2, [0b0011_0000, 0, 0, 0], [0b0001_0000, 0, 0, 0]],
    [4, [0x0a, 0, 0, 0, 0, 0, 0, 0], [0x06, 0, 0, 0, 0, 0, 0, 0]],
    [8, [0, 0xfa, ...Array(14).fill(0)], [0, 0x06, ...Array(14).fill(0)]]
  ])('of %i bits sets a slot and clears it', (entryBits, set, clear) => {
    const told = new ToldTable(4)
    told.take(part({ entryBits, data: Uint8Array.from(set) }))
    expect([...told.table.present()]).toEqual([1])
    told.take(part({ entryBits, data: Uint8Array.from(clear) }))
    expect([...told.table.present()]).toEqual([])
  })

  it('comes in messages of PATCH_DATA_BYTES, or in PATCH_MESSAGES_MAX longer ones, which fit a descriptor', () => {
    // A table like noise does not compress.
    let seed = 1
    const noise = new QueryRoutingTable(16)
    for (let slot = 0; slot < noise.slots; slot += 1) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      noise.put(slot, seed >>> 31 === 1)
    }
    const parts = patchOf(undefined, noise, 1)
    expect(parts.map(({ data }) => data.length)).toEqual(Array(8).fill(PATCH_DATA_BYTES))
    const largest = new QueryRoutingTable(TABLE_BITS_MAX)
    for (let slot = 0; slot < largest.slots; slot += 1) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      largest.put(slot, seed >>> 31 === 1)
    }
    const many = patchOf(undefined, largest, 4)
    expect(many.length).toBeLessThanOrEqual(PATCH_MESSAGES_MAX)
    expect(many.length).toBeGreaterThan(PATCH_MESSAGES_MAX - 5)
    const widest = Math.max(...many.map(({ data }) => data.length))
    expect(PATCH_HEADER_BYTES + widest).toBeLessThanOrEqual(ROUTE_TABLE_BYTES_MAX)
    // Were all entries as wide as may be and nothing compressed, they would fit still.
    const inflated = 2 ** TABLE_BITS_MAX + 2 ** TABLE_BITS_MAX / 1024
    expect(PATCH_HEADER_BYTES + Math.ceil(inflated / PATCH_MESSAGES_MAX)).toBeLessThanOrEqual(
      ROUTE_TABLE_BYTES_MAX
    )
  })

  it('must have all its parts, in their order', () => {
    const half = { count: 2, data: new Uint8Array(64) }
    expect(() => new ToldTable(10).take(part({ ...half, number: 2 }))).toThrow(asMalformed('missing'))
    const told = new ToldTable(10)
    told.take(part({ ...half, number: 1 }))
    expect([told.complete, told.between]).toEqual([false, false])
    expect(() => told.take(part({ ...half, number: 1 }))).toThrow(asMalformed('missing'))
    expect(() => told.take(part({ ...half, number: 2, count: 3 }))).toThrow(asMalformed('missing'))
    told.take(part({ ...half, number: 2 }))
    expect([told.complete, told.between]).toEqual([true, true])
  })

  it('is as long as its table: at the limit it is read, one byte more or less it is not', () => {
    const bytes = 2 ** 10 / 8
    for (const compressed of [false, true]) {
      const made = (length: number) => {
        const data = new Uint8Array(length)
        return part({ compressed, data: compressed ? zlibSync(data) : data })
      }
      new ToldTable(10).take(made(bytes))
      expect(() => new ToldTable(10).take(made(bytes + 1))).toThrow(asMalformed('longer'))
      expect(() => new ToldTable(10).take(made(bytes - 1))).toThrow(asMalformed('shorter'))
    }
  })

  it('that is a bomb is given up at its first step', () => {
    // A gibibyte of zeros would be one of a megabyte; this is sixteen megabytes in 16 KiB.
    const bomb = zlibSync(new Uint8Array(2 ** 24), { level: 9 })
    expect(bomb.length).toBeLessThan(20_000)
    // Its end is broken, which nobody finds who does not inflate so far.
    bomb.fill(0xff, bomb.length >> 1)
    expect(() => new ToldTable(10).take(part({ compressed: true, data: bomb }))).toThrow(
      asMalformed('longer')
    )
    // Deflate makes at most 1,032 bytes of one.
    expect(INFLATE_STEP_BYTES * 1032).toBeLessThan(2 ** 19)
  })

  it('that cannot be inflated, or ends too early, is refused', () => {
    const data = zlibSync(new Uint8Array(128))
    const cut = part({ compressed: true, data: data.subarray(0, 6) })
    expect(() => new ToldTable(10).take(cut)).toThrow(asMalformed('shorter'))
    const broken = part({ compressed: true, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) })
    expect(() => new ToldTable(10).take(broken)).toThrow(asMalformed('cannot be inflated'))
    expect(() => new ToldTable(10).take(part({ compressed: true }))).toThrow(
      asMalformed('cannot be inflated')
    )
  })
})

describe('a route table update on the wire', () => {
  it('is read as it was made', () => {
    const header = { guid: '00'.repeat(16), ttl: 1, hops: 0 }
    const reset = { type: 'table-reset', ...header, bits: 16, infinity: 7 } as const
    const patch = {
      type: 'table-patch',
      ...header,
      number: 1,
      count: 2,
      compressed: true,
      entryBits: 4,
      data: Uint8Array.of(1)
    } as const
    for (const message of [reset, patch]) expect(roundTrip(message)).toEqual(message)
    expect(encode(patch)).toHaveLength(23 + PATCH_HEADER_BYTES + 1)
  })

  it.each([
    ['a size that is no power of two', '<00 03 00 00 00 07>', 'power of two'],
    ['a table over the limit', '<00 00 00 40 00 07>', 'power of two'],
    ['a table of one slot', '<00 01 00 00 00 07>', 'power of two'],
    ['no place in its patch', '<01 00 01 00 04>', 'no place'],
    ['a place past the end', '<01 02 01 00 04>', 'no place'],
    ['a compressor that nobody knows', '<01 01 01 02 04>', 'compressed'],
    ['entries of three bits', '<01 01 01 00 03>', 'bits'],
    ['nothing at all', '<>', 'too early']
  ])('with %s is malformed', (_, payload, why) => {
    expect(decodeOne(0x30, payload)).toMatchObject({
      type: 'malformed',
      reason: expect.stringContaining(why)
    })
  })

  it('of the largest table is read, and of a variant that is not invented yet passed over', () => {
    expect(decodeOne(0x30, '<00 00 00 20 00 07>')).toMatchObject({
      type: 'table-reset',
      bits: TABLE_BITS_MAX
    })
    expect(decodeOne(0x30, '<02 01>')).toMatchObject({ type: 'other', descriptor: 0x30 })
  })
})
