/** A wire of two kinds of message, with and without routing beside them. */
import { describe, expect, it } from 'vitest'
import {
  framedCodec,
  type MessageKinds,
  readFields,
  readVarint,
  routedCodec,
  varintFieldLength,
  writeVarint
} from '../src/machine.ts'

interface Count {
  readonly type: 'up' | 'down'
  readonly by: number
}

const BY_MAX = 1_000
const LIMITS = { frameBytes: 8, lengthBytes: 1 }

const KINDS: MessageKinds<Count> = {
  types: ['up', 'down'],
  byteLength: ({ by }) => varintFieldLength(by),
  write: ({ by }, writer) => writeVarint(writer, 1, by),
  read(type, reader, end) {
    let by = 0
    readFields(reader, end, (field, wire) => {
      if (field === 1) by = readVarint(reader, wire, BY_MAX, 'count')
      return field === 1
    })
    return { type, by }
  }
}

/** All that comes of these bytes, one at a time. */
function decoded<Message>(codec: ReturnType<typeof framedCodec<Count>>, bytes: Uint8Array): Message[] {
  const link = codec.open('initiator')
  const found: unknown[] = []
  for (const byte of bytes) link.decode(Uint8Array.of(byte), message => found.push(message))
  expect(link.bufferedBytes).toBe(0)
  return found as Message[]
}

describe('framedCodec', () => {
  const codec = framedCodec<Count>(LIMITS, KINDS)

  it('numbers its kinds from 1, and says how long each frame is', () => {
    const up = codec.open('initiator').encode({ type: 'up', by: 5 })
    const down = codec.open('initiator').encode({ type: 'down', by: 300 })
    expect([...up]).toEqual([4, 0x0a, 2, 8, 5])
    expect([...down]).toEqual([5, 0x12, 3, 8, 0xac, 2])
    expect(codec.byteLength({ type: 'down', by: 300 })).toBe(down.length)
    expect(decoded(codec, Uint8Array.of(...up, ...down))).toEqual([
      { type: 'up', by: 5 },
      { type: 'down', by: 300 }
    ])
  })

  it('passes over a kind that it does not know', () => {
    expect(decoded(codec, Uint8Array.of(4, 0x1a, 2, 8, 5, 4, 0x0a, 2, 8, 5))).toEqual([{ type: 'up', by: 5 }])
  })

  it('refuses two messages in a frame, a broken bound, and bytes that end too early', () => {
    const malformed = expect.objectContaining({ name: 'MalformedError' })
    expect(() => decoded(codec, Uint8Array.of(8, 0x0a, 2, 8, 5, 0x0a, 2, 8, 5))).toThrow(malformed)
    expect(() => decoded(codec, Uint8Array.of(5, 0x0a, 3, 8, 0xe9, 7))).toThrow(malformed)
    expect(() => decoded(codec, Uint8Array.of(4, 0x0a, 3, 8, 5))).toThrow(malformed)
  })

  it('sends no frame that is over its limit, and takes none', () => {
    const longest = { type: 'up', by: 2 ** 28 } as const
    expect(codec.byteLength(longest)).toBe(1 + LIMITS.frameBytes)
    const over = { type: 'up', by: 2 ** 35 } as const
    const limit = expect.objectContaining({ name: 'LimitError', limit: 'FRAME_BYTES_MAX' })
    expect(() => codec.byteLength(over)).toThrow(limit)
    expect(() => codec.open('initiator').encode(over)).toThrow(limit)
    expect(() => decoded(codec, Uint8Array.of(9))).toThrow(
      expect.objectContaining({ name: 'MalformedError' })
    )
  })
})

describe('routedCodec', () => {
  it('has messages of routing in field 1, and its own from 2', () => {
    const codec = routedCodec<Count>({ frameBytes: 64, lengthBytes: 1 }, KINDS)
    const ping = { type: 'ping', id: 7 } as const
    const link = codec.open('initiator')
    const [first, second] = [link.encode(ping), link.encode({ type: 'up', by: 5 })]
    expect(first[1]).toBe(0x0a)
    expect([...second]).toEqual([4, 0x12, 2, 8, 5])
    expect([first, second].map(({ length }) => length)).toEqual([
      codec.byteLength(ping),
      codec.byteLength({ type: 'up', by: 5 })
    ])
    const found: unknown[] = []
    link.decode(Uint8Array.of(...first, ...second), message => found.push(message))
    expect(found).toEqual([ping, { type: 'up', by: 5 }])
  })
})
