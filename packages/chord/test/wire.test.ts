/** Chord's frames byte by byte, each bound at its limit and one past it, and another's protobuf over the same. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPLICAS_MAX } from '@servent/key-routing/machine'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { writer } from 'protons-runtime'
import { describe, expect, it } from 'vitest'
import { withUnknownFields } from '../../key-routing/test/proto-surgery.ts'
import { bytesOf, streamsOf } from '../../overlay/test/wire-streams.ts'
import {
  CANDIDATE_STEPS_MAX,
  FINGERS_MAX,
  FORMING_MEMBERS_MAX,
  SUCCESSORS_MAX,
  VIRTUAL_NODES_MAX
} from '../src/constants.ts'
import type { ChordMessage, Member, RingMessage, RingNode } from '../src/messages.ts'
import { chordCodec } from '../src/wire.ts'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from '../src/wire-limits.ts'
import { message, ringMessage } from './wire-arbitraries.ts'

const { encode, readAll } = streamsOf(chordCodec)

const ID = Uint8Array.of(18, 32, ...new Uint8Array(32).fill(7))
const contact = { id: ID, addresses: [] }
/** The largest that there can be. */
const wide = {
  id: Uint8Array.of(0, 36, 8, 1, 18, 32, ...new Uint8Array(32).fill(7)),
  addresses: Array.from({ length: 8 }, (_, place) => new Uint8Array(256).fill(place + 1))
}
const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)
const wideNode: RingNode = { contact: wide, index: VIRTUAL_NODES_MAX - 1 }
const wideMember: Member = { contact: wide, virtualNodes: VIRTUAL_NODES_MAX }

const read = (...parts: (Uint8Array | readonly number[])[]) => readAll([bytesOf(...parts)])

describe('a frame', () => {
  it('is a varint length and a message', () => {
    expect(encode({ type: 'notify', index: 1, sender: 2 })).toEqual(
      Uint8Array.of(6, (4 << 3) | 2, 4, 1 << 3, 1, 2 << 3, 2)
    )
    expect(encode({ type: 'notify', index: 0, sender: 0 })).toEqual(Uint8Array.of(2, (4 << 3) | 2, 0))
    expect(encode({ type: 'fingers-request', id: 0x01020304, index: 0 })).toEqual(
      Uint8Array.of(7, (7 << 3) | 2, 5, (1 << 3) | 5, 4, 3, 2, 1)
    )
    expect(encode({ type: 'candidate', index: 0, node: { contact, index: 3 }, steps: 0 })).toEqual(
      bytesOf([44, (5 << 3) | 2, 42, (2 << 3) | 2, 40, 10, 36, 10, 34], ID, [2 << 3, 3])
    )
  })

  it('of a kind that is not known is passed over', () => {
    const notify = encode({ type: 'notify', index: 1, sender: 2 })
    expect(read([4, (11 << 3) | 2, 2, 1, 1], notify).messages).toHaveLength(1)
    expect(read([4, (11 << 3) | 2, 2, 1, 1], notify).malformed).toBeUndefined()
  })

  it('may have fields that are not known', () => {
    expect(read([8, (4 << 3) | 2, 6, 1 << 3, 1, 2 << 3, 2, 9 << 3, 9]).messages).toEqual([
      { type: 'notify', index: 1, sender: 2 }
    ])
  })

  it.each([
    ['empty', [0], 'A frame is empty.'],
    ['two messages', [4, (4 << 3) | 2, 0, (4 << 3) | 2, 0], 'A frame holds one message.'],
    ['a message longer than its frame', [2, (4 << 3) | 2, 9], 'longer'],
    ['a message that ends within a field', [3, (4 << 3) | 2, 1, 1 << 3], 'index out of range'],
    ['a message of another wire type', [2, 4 << 3, 1], 'wrong wire type'],
    ['groups in groups', [200, 1, ...times(200, (15 << 3) | 3)], '']
  ])('that is %s ends the link', (_, bytes, why) => {
    const { messages, malformed } = read(bytes as number[], encode({ type: 'notify', index: 1, sender: 2 }))
    expect(malformed).toContain(why)
    expect(messages).toEqual([])
  })

  it('after which a link is malformed stays so', () => {
    const link = chordCodec.open('initiator')
    expect(() => link.decode(Uint8Array.of(0), () => {})).toThrow('A frame is empty.')
    expect(() => link.decode(encode({ type: 'notify', index: 1, sender: 2 }), () => {})).toThrow(
      'This link was malformed before.'
    )
  })
})

describe('the length of a frame', () => {
  const varint = (value: number) => [(value & 0x7f) | 0x80, ((value >> 7) & 0x7f) | 0x80, value >> 14]
  /** A frame of an unknown kind, so that its inside is of no matter. */
  const frameOf = (length: number) => {
    const inside = length - 4
    return bytesOf(varint(length), [(15 << 3) | 2], varint(inside), new Uint8Array(inside))
  }

  it('is at most FRAME_BYTES_MAX', () => {
    const notify = encode({ type: 'notify', index: 1, sender: 2 })
    const { messages, malformed, buffered } = readAll([
      frameOf(FRAME_BYTES_MAX).subarray(0, 100_000),
      bytesOf(frameOf(FRAME_BYTES_MAX).subarray(100_000), notify)
    ])
    expect([messages.length, malformed, buffered]).toEqual([1, undefined, 100_000])
  })

  it('one past it is refused before anything is buffered', () => {
    const link = chordCodec.open('initiator')
    expect(() => link.decode(bytesOf(varint(FRAME_BYTES_MAX + 1)), () => {})).toThrow(
      `A frame has at most ${FRAME_BYTES_MAX} bytes, not ${FRAME_BYTES_MAX + 1}.`
    )
    expect(link.bufferedBytes).toBe(FRAME_LENGTH_BYTES_MAX)
  })

  it('has at most FRAME_LENGTH_BYTES_MAX bytes', () => {
    expect(read([0x83, 0x80, 0x00, (4 << 3) | 2, 1, 1]).malformed).not.toContain('The length')
    expect(read([0x83, 0x80, 0x80, 0x00]).malformed).toBe(
      `The length of a frame has at most ${FRAME_LENGTH_BYTES_MAX} bytes.`
    )
  })

  it('leaves room for the longest message of every type', () => {
    const longest: ChordMessage[] = [
      {
        type: 'found',
        origin: wide.id,
        id: 2 ** 32 - 1,
        root: wide,
        from: ID.subarray(2),
        to: ID.subarray(2),
        replicas: times(REPLICAS_MAX, wide),
        hops: 128,
        timeouts: 64
      },
      {
        type: 'neighbours',
        id: 2 ** 32 - 1,
        standing: 'ring',
        version: 2 ** 32 - 1,
        unchanged: true,
        listLength: SUCCESSORS_MAX,
        predecessor: wideNode,
        successors: times(SUCCESSORS_MAX, wideNode)
      },
      { type: 'candidate', index: 31, node: wideNode, steps: CANDIDATE_STEPS_MAX },
      { type: 'leave', sender: 31, predecessor: wideNode, successors: times(SUCCESSORS_MAX, wideNode) },
      { type: 'fingers', id: 2 ** 32 - 1, fingers: times(FINGERS_MAX, wideNode) },
      {
        type: 'members',
        id: 2 ** 32 - 1,
        standing: 'forming',
        listLength: SUCCESSORS_MAX,
        virtualNodes: VIRTUAL_NODES_MAX,
        members: times(FORMING_MEMBERS_MAX, wideMember)
      }
    ]
    for (const message of longest) {
      const bytes = encode(message)
      expect(readAll([bytes]).messages).toEqual([message])
      expect(bytes.length, message.type).toBeLessThanOrEqual(FRAME_BYTES_MAX + FRAME_LENGTH_BYTES_MAX)
    }
  })

  it('is refused where it is made, one past the limit', () => {
    const members = times(80, wideMember)
    const message = { type: 'members-request', id: 1, listLength: 8, virtualNodes: 1, members } as const
    expect(() => chordCodec.byteLength(message)).toThrow(
      expect.objectContaining({ limit: 'FRAME_BYTES_MAX' })
    )
    expect(() => encode(message)).toThrow(expect.objectContaining({ name: 'LimitError' }))
  })
})

describe('a bound', () => {
  const node = { contact, index: 0 }
  const member = { contact, virtualNodes: 1 }
  const tables = { version: 1, unchanged: false, listLength: 8, successors: [] } as const
  const neighbours = { type: 'neighbours', id: 1, standing: 'ring', ...tables } as const
  const request = { type: 'members-request', id: 1, listLength: 8, virtualNodes: 1, members: [] } as const
  const members = { ...request, type: 'members', standing: 'forming' } as const
  const address = (length: number) => new Uint8Array(length).fill(1)

  it.each<[string, ChordMessage, ChordMessage]>([
    [
      'SUCCESSORS_MAX in neighbours',
      { ...neighbours, successors: times(SUCCESSORS_MAX, node) },
      { ...neighbours, successors: times(SUCCESSORS_MAX + 1, node) }
    ],
    [
      'SUCCESSORS_MAX as r of neighbours',
      { ...neighbours, listLength: SUCCESSORS_MAX },
      { ...neighbours, listLength: SUCCESSORS_MAX + 1 }
    ],
    [
      'SUCCESSORS_MAX in leave',
      { type: 'leave', sender: 0, successors: times(SUCCESSORS_MAX, node) },
      { type: 'leave', sender: 0, successors: times(SUCCESSORS_MAX + 1, node) }
    ],
    [
      'FINGERS_MAX',
      { type: 'fingers', id: 1, fingers: times(FINGERS_MAX, node) },
      { type: 'fingers', id: 1, fingers: times(FINGERS_MAX + 1, node) }
    ],
    [
      'FORMING_MEMBERS_MAX of a question',
      { ...request, members: times(FORMING_MEMBERS_MAX, member) },
      { ...request, members: times(FORMING_MEMBERS_MAX + 1, member) }
    ],
    [
      'FORMING_MEMBERS_MAX of an answer',
      { ...members, members: times(FORMING_MEMBERS_MAX, member) },
      { ...members, members: times(FORMING_MEMBERS_MAX + 1, member) }
    ],
    [
      'VIRTUAL_NODES_MAX of an index',
      { type: 'notify', index: VIRTUAL_NODES_MAX - 1, sender: 0 },
      { type: 'notify', index: VIRTUAL_NODES_MAX, sender: 0 }
    ],
    [
      'VIRTUAL_NODES_MAX of a node',
      { type: 'candidate', index: 0, node: { contact, index: VIRTUAL_NODES_MAX - 1 }, steps: 0 },
      { type: 'candidate', index: 0, node: { contact, index: VIRTUAL_NODES_MAX }, steps: 0 }
    ],
    [
      'VIRTUAL_NODES_MAX of a member',
      { ...request, members: [{ contact, virtualNodes: VIRTUAL_NODES_MAX }] },
      { ...request, members: [{ contact, virtualNodes: VIRTUAL_NODES_MAX + 1 }] }
    ],
    [
      'one place of a member at least',
      { ...request, members: [member] },
      { ...request, members: [{ contact, virtualNodes: 0 }] }
    ],
    [
      'SUCCESSORS_MAX of a list length',
      { ...request, listLength: SUCCESSORS_MAX },
      { ...request, listLength: SUCCESSORS_MAX + 1 }
    ],
    ['a list of 1 at least', { ...request, listLength: 1 }, { ...request, listLength: 0 }],
    ['a virtual node at least', { ...members, virtualNodes: 1 }, { ...members, virtualNodes: 0 }],
    [
      'CANDIDATE_STEPS_MAX',
      { type: 'candidate', index: 0, node, steps: CANDIDATE_STEPS_MAX },
      { type: 'candidate', index: 0, node, steps: CANDIDATE_STEPS_MAX + 1 }
    ],
    [
      'addresses of a contact',
      {
        type: 'candidate',
        index: 0,
        node: { contact: { id: ID, addresses: times(8, address(256)) }, index: 0 },
        steps: 0
      },
      {
        type: 'candidate',
        index: 0,
        node: { contact: { id: ID, addresses: times(9, address(1)) }, index: 0 },
        steps: 0
      }
    ],
    [
      'bytes of an address',
      {
        type: 'candidate',
        index: 0,
        node: { contact: { id: ID, addresses: [address(1)] }, index: 0 },
        steps: 0
      },
      {
        type: 'candidate',
        index: 0,
        node: { contact: { id: ID, addresses: [address(257)] }, index: 0 },
        steps: 0
      }
    ],
    [
      'bytes of a PeerId',
      { type: 'candidate', index: 0, node: { contact: wide, index: 0 }, steps: 0 },
      {
        type: 'candidate',
        index: 0,
        node: { contact: { id: address(43), addresses: [] }, index: 0 },
        steps: 0
      }
    ]
  ])('%s', (_, within, past) => {
    expect(readAll([encode(within)])).toMatchObject({ messages: [within], malformed: undefined })
    const refused = readAll([encode(past)])
    expect(refused.messages).toEqual([])
    expect(refused.malformed).toBeTypeOf('string')
  })

  it('is also that something must be there', () => {
    // A candidate without node, neighbours without standing, a node without contact.
    expect(read([2, (5 << 3) | 2, 0]).malformed).toBe('A node is missing.')
    expect(read([2, (3 << 3) | 2, 0]).malformed).toBe('A standing is missing.')
    expect(read([4, (5 << 3) | 2, 2, (2 << 3) | 2, 0]).malformed).toBe('A contact is missing.')
    expect(read([4, (3 << 3) | 2, 2, 2 << 3, 4]).malformed).toContain('A standing is at most 3')
  })
})

describe('chord.proto', () => {
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
  root.loadSync('chord.proto', { keepCase: false })
  const Frame = root.lookupType('servent.chord.Frame')
  const STANDINGS: Record<string, string> = { ring: 'RING', forming: 'FORMING', out: 'OUT' }
  const nameOf = (type: string) => type.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

  /** As protobuf has it: no type, standings in capitals. */
  function plain({ type: _, ...fields }: RingMessage): Record<string, unknown> {
    return 'standing' in fields ? { ...fields, standing: STANDINGS[fields.standing] } : fields
  }

  /** Fields that have their default are left out, as proto3 does. */
  function present(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(present)
    if (value instanceof Uint8Array) return value
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, field]) => field !== 0 && field !== false && field !== '' && field !== undefined)
        .map(([name, field]) => [name, present(field)])
    )
  }

  it('is what another implementation reads and writes, message by message', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(ringMessage, message => {
        const theirs = Frame.encodeDelimited(
          Frame.fromObject({ [nameOf(message.type)]: present(plain(message)) })
        ).finish()
        expect(Uint8Array.from(theirs)).toEqual(encode(message))
        const object = Frame.toObject(Frame.decodeDelimited(encode(message)), {
          enums: String,
          bytes: Uint8Array,
          defaults: true
        })
        expect(object[nameOf(message.type)]).toMatchObject(present(plain(message)) as object)
        seen.add(message.type)
      }),
      { numRuns: 400 }
    )
    expect(seen.size).toBe(9)
  })

  it('may have fields that are not known, wherever a later version may add one', () => {
    fc.assert(
      fc.property(message, made => {
        const frame = Frame.decodeDelimited(encode(made))
        const longer = withUnknownFields(Frame, Uint8Array.from(Frame.encode(frame).finish()))
        const length = writer().uint32(longer.length).finish()
        expect(read(length, longer)).toMatchObject({ messages: [made], malformed: undefined })
      }),
      { numRuns: 400 }
    )
  })

  it('has a number for every type, and the embedded ones under the first', () => {
    const { fieldsArray } = Frame
    expect(fieldsArray.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    const ping = encode({ type: 'ping', id: 5 })
    const object = Frame.toObject(Frame.decodeDelimited(ping))
    expect(object).toEqual({ routing: { ping: { id: 5 } } })
    expect(Uint8Array.from(Frame.encodeDelimited(Frame.fromObject(object)).finish())).toEqual(ping)
  })
})
