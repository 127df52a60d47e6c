/** Pastry's frames: each bound at its limit and one past it, any stream, and another's protobuf over the same. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NEXT_HOPS_MAX, SILENT_MAX } from '@servent/key-routing/machine'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { writer } from 'protons-runtime'
import { describe, expect, it } from 'vitest'
import { withUnknownFields } from '../../key-routing/test/proto-surgery.ts'
import { bytesOf, cuts, cutUp, mutate, mutation, streamsOf } from '../../overlay/test/wire-streams.ts'
import {
  COLUMNS_MAX,
  DISTANCE_MS_MAX,
  FAILED_TOLD_MAX,
  JOIN_ENTRIES_MAX,
  LEAF_SET_MAX,
  NEIGHBOURHOOD_MAX,
  type NodeMessage,
  ROWS_MAX,
  TABLE_PROBE_MS_MAX
} from '../src/machine.ts'
import { pastryCodec } from '../src/wire.ts'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from '../src/wire-limits.ts'
import { message, nodeMessage } from './wire-arbitraries.ts'

const { encode, readAll } = streamsOf(pastryCodec)

/** The largest that there can be. */
const wide = {
  id: Uint8Array.of(0, 36, 8, 1, 18, 32, ...new Uint8Array(32).fill(7)),
  addresses: Array.from({ length: 8 }, (_, place) => new Uint8Array(256).fill(place + 1))
}
const contact = { id: Uint8Array.of(18, 32, ...new Uint8Array(32).fill(7)), addresses: [] }
const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)

const joinAnswer = {
  type: 'join-answer',
  id: 1,
  standing: 'member',
  leafSet: 16,
  digitBits: 4,
  root: true,
  entries: [],
  neighbours: [],
  leaves: [],
  hops: []
} as const
const leafProbe = {
  type: 'leaf-probe',
  id: 1,
  standing: 'joining',
  leafSet: 16,
  digitBits: 4,
  leaves: [],
  failed: [],
  probePeriodMs: 0
} as const

describe('a frame', () => {
  it('is a varint length and a message, whose fields with their default are left out', () => {
    expect(encode({ type: 'heartbeat' })).toEqual(Uint8Array.of(2, (6 << 3) | 2, 0))
    expect(encode({ type: 'row-request', id: 0x01020304, row: 3, column: 0 })).toEqual(
      Uint8Array.of(9, (7 << 3) | 2, 7, (1 << 3) | 5, 4, 3, 2, 1, 2 << 3, 3)
    )
  })

  it('has at most FRAME_BYTES_MAX bytes, and its length FRAME_LENGTH_BYTES_MAX; one past is refused unread', () => {
    const link = pastryCodec.open('initiator')
    const past = writer()
      .uint32(FRAME_BYTES_MAX + 1)
      .finish()
    expect(past).toHaveLength(FRAME_LENGTH_BYTES_MAX)
    expect(() => link.decode(past, () => {})).toThrow(`at most ${FRAME_BYTES_MAX} bytes`)
    expect(link.bufferedBytes).toBe(FRAME_LENGTH_BYTES_MAX)
    expect(readAll([Uint8Array.of(0x83, 0x80, 0x80, 0x00)]).malformed).toBeTypeOf('string')
  })

  it.each<[string, NodeMessage]>([
    [
      'join-answer',
      {
        ...joinAnswer,
        id: 2 ** 32 - 1,
        entries: times(JOIN_ENTRIES_MAX, wide),
        neighbours: times(NEIGHBOURHOOD_MAX, wide),
        leaves: times(LEAF_SET_MAX, wide),
        hops: times(NEXT_HOPS_MAX, wide)
      }
    ],
    [
      'leaf-probe',
      { ...leafProbe, leaves: times(LEAF_SET_MAX, wide), failed: times(FAILED_TOLD_MAX, wide.id) }
    ],
    ['neighbours', { type: 'neighbours', id: 1, neighbours: times(NEIGHBOURHOOD_MAX, wide) }],
    ['announce', { type: 'announce', entries: times(COLUMNS_MAX, wide) }],
    ['leave', { type: 'leave', leaves: times(LEAF_SET_MAX, wide) }]
  ])('holds the longest %s', (_, longest) => {
    expect(pastryCodec.byteLength(longest)).toBeLessThanOrEqual(FRAME_BYTES_MAX + FRAME_LENGTH_BYTES_MAX)
    expect(readAll([encode(longest)]).messages).toEqual([longest])
  })

  it('that would be longer is not made', () => {
    const past = { ...joinAnswer, entries: times(8 * JOIN_ENTRIES_MAX, wide) }
    expect(() => encode(past)).toThrow(`A frame has at most ${FRAME_BYTES_MAX} bytes`)
  })
})

describe('a bound, at its limit and one past it', () => {
  const join = { type: 'join-request', id: 1, row: 0, neighbours: false, silent: [] } as const
  it.each<[string, (count: number) => NodeMessage, number]>([
    ['rows: ROWS_MAX', row => ({ ...join, row }), ROWS_MAX - 1],
    ['columns: COLUMNS_MAX', column => ({ type: 'row-request', id: 1, row: 1, column }), COLUMNS_MAX],
    ['SILENT_MAX', count => ({ ...join, silent: times(count, contact.id) }), SILENT_MAX],
    ['JOIN_ENTRIES_MAX', count => ({ ...joinAnswer, entries: times(count, contact) }), JOIN_ENTRIES_MAX],
    ['NEIGHBOURHOOD_MAX', count => ({ ...joinAnswer, neighbours: times(count, contact) }), NEIGHBOURHOOD_MAX],
    ['LEAF_SET_MAX', count => ({ ...joinAnswer, leaves: times(count, contact) }), LEAF_SET_MAX],
    ['NEXT_HOPS_MAX', count => ({ ...joinAnswer, hops: times(count, contact) }), NEXT_HOPS_MAX],
    ['a leaf set of LEAF_SET_MAX', leafSet => ({ ...leafProbe, leafSet }), LEAF_SET_MAX],
    ['digits of so many bits', digitBits => ({ ...leafProbe, digitBits }), Math.log2(COLUMNS_MAX)],
    ['leaves of a probe', count => ({ ...leafProbe, leaves: times(count, contact) }), LEAF_SET_MAX],
    ['FAILED_TOLD_MAX', count => ({ ...leafProbe, failed: times(count, contact.id) }), FAILED_TOLD_MAX],
    ['TABLE_PROBE_MS_MAX', probePeriodMs => ({ ...leafProbe, probePeriodMs }), TABLE_PROBE_MS_MAX],
    ['COLUMNS_MAX of a row', count => ({ type: 'row', id: 1, entries: times(count, contact) }), COLUMNS_MAX],
    ['COLUMNS_MAX announced', count => ({ type: 'announce', entries: times(count, contact) }), COLUMNS_MAX],
    [
      'NEIGHBOURHOOD_MAX of an answer',
      count => ({ type: 'neighbours', id: 1, neighbours: times(count, contact) }),
      NEIGHBOURHOOD_MAX
    ],
    ['DISTANCE_MS_MAX', distanceUs => ({ type: 'distance', distanceUs }), 1000 * DISTANCE_MS_MAX],
    ['leaves of who leaves', count => ({ type: 'leave', leaves: times(count, contact) }), LEAF_SET_MAX]
  ])('%s', (_, make, limit) => {
    expect(readAll([encode(make(limit))])).toMatchObject({ messages: [make(limit)], malformed: undefined })
    const refused = readAll([encode(make(limit + 1))])
    expect(refused.messages).toEqual([])
    expect(refused.malformed).toBeTypeOf('string')
  })

  it('is also that something must be there', () => {
    expect(readAll([Uint8Array.of(2, (4 << 3) | 2, 0)]).malformed).toBe('A leaf-probe lacks its standing.')
    for (const sizes of [{ leafSet: 0 }, { digitBits: 0 }])
      expect(readAll([encode({ ...leafProbe, ...sizes })]).malformed).toContain('lacks its')
    expect(readAll([Uint8Array.of(4, (4 << 3) | 2, 2, 2 << 3, 4)]).malformed).toContain(
      'standing is at most 3'
    )
    expect(readAll([Uint8Array.of(4, (4 << 3) | 2, 2, 2 << 3, 0)]).malformed).toBe('A standing is missing.')
  })
})

describe('every message and every stream', () => {
  it('is read as it was made, has the length that it is priced at, and its type as its word', () => {
    fc.assert(
      fc.property(message, made => {
        expect(readAll([encode(made)])).toMatchObject({ messages: [made], malformed: undefined })
        expect(pastryCodec.byteLength(made)).toBe(encode(made).length)
        expect(pastryCodec.typeOf(made)).toBe(made.type)
      }),
      { numRuns: 500 }
    )
  })

  it('that went wrong on its way gives the same wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 3 }),
        fc.array(mutation, { maxLength: 4 }),
        cuts,
        (made, mutations, at) => {
          const stream = mutate(bytesOf(...made.map(encode)), mutations)
          const whole = readAll([stream])
          const parts = readAll(cutUp(stream, at))
          expect(parts.messages).toEqual(whole.messages)
          expect(parts.malformed).toBe(whole.malformed)
          expect(parts.buffered).toBeLessThanOrEqual(FRAME_BYTES_MAX + FRAME_LENGTH_BYTES_MAX)
          for (const read of whole.messages) expect(pastryCodec.byteLength(read)).toBe(encode(read).length)
        }
      ),
      { numRuns: 300 }
    )
  })

  it('of random bytes gives messages or MalformedError', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), chunks => {
        readAll(chunks)
      }),
      { numRuns: 500 }
    )
  })
})

describe('pastry.proto', () => {
  const folders = [join(import.meta.dirname, '../src'), join(import.meta.dirname, '../../key-routing/src')]
  const root = new protobuf.Root()
  root.resolvePath = (_, target) => {
    for (const folder of folders) {
      const path = join(folder, target)
      try {
        readFileSync(path)
        return path
      } catch {
        // It is in the other one.
      }
    }
    return null
  }
  root.loadSync('pastry.proto', { keepCase: false })
  const Frame = root.lookupType('servent.pastry.Frame')
  const nameOf = (type: string) => type.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

  /** As protobuf has it: no type, standings in capitals, and fields that have their default left out. */
  function plain({ type: _, ...fields }: NodeMessage): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(fields)
        .filter(([, value]) => value !== 0 && value !== false)
        .map(([name, value]) => [name, name === 'standing' ? String(value).toUpperCase() : value])
    )
  }

  it('is what another implementation reads and writes, message by message', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(nodeMessage, made => {
        const theirs = Frame.encodeDelimited(Frame.fromObject({ [nameOf(made.type)]: plain(made) })).finish()
        expect(Uint8Array.from(theirs)).toEqual(encode(made))
        seen.add(made.type)
      }),
      { numRuns: 400 }
    )
    expect(seen.size).toBe(12)
  })

  it('may have fields that are not known, wherever a later version may add one', () => {
    fc.assert(
      fc.property(message, made => {
        const frame = Frame.decodeDelimited(encode(made))
        const longer = withUnknownFields(Frame, Uint8Array.from(Frame.encode(frame).finish()))
        const length = writer().uint32(longer.length).finish()
        expect(readAll([bytesOf(length, longer)])).toMatchObject({ messages: [made], malformed: undefined })
      }),
      { numRuns: 200 }
    )
  })
})
