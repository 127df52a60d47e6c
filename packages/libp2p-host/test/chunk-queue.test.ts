/** What comes in small pieces costs no more than what comes in large ones. */
import type { Stream } from '@libp2p/interface'
import type { LinkCodec } from '@servent/overlay'
import { expect, test } from 'vitest'
import { ChunkQueue } from '../src/chunk-queue.ts'
import {
  CHUNK_MERGE_BYTES_MAX,
  DECODE_BYTES_MAX,
  hostLimits,
  SLICE_DECODES_MAX,
  SLICE_MESSAGES_MAX
} from '../src/limits.ts'
import { LinkReceiver, type ReceiverEvents } from '../src/link-receiver.ts'
import type { Task, Turns } from '../src/turns.ts'
import { pattern } from './support/stream-pair.ts'

function drained(queue: ChunkQueue): number[] {
  const all: number[] = []
  for (let piece = queue.take(); piece !== undefined; piece = queue.take()) all.push(...piece)
  return all
}

test('pieces up to CHUNK_MERGE_BYTES_MAX in all are merged, and one byte more begins another', () => {
  const queue = new ChunkQueue()
  for (let piece = 0; piece < CHUNK_MERGE_BYTES_MAX; piece += 1) queue.push(Uint8Array.of(piece))
  expect(queue.length).toBe(1)
  queue.push(Uint8Array.of(1))
  expect(queue.length).toBe(2)
  expect(queue.bytes).toBe(CHUNK_MERGE_BYTES_MAX + 1)
})

test('at most DECODE_BYTES_MAX are taken at a time', () => {
  const queue = new ChunkQueue()
  queue.push(new Uint8Array(DECODE_BYTES_MAX))
  queue.push(new Uint8Array(DECODE_BYTES_MAX + 1))
  expect([queue.take(), queue.take(), queue.take(), queue.take()].map(piece => piece?.length)).toEqual([
    DECODE_BYTES_MAX,
    DECODE_BYTES_MAX,
    1,
    undefined
  ])
})

test('bytes come out as they went in, however they were cut and whenever they were taken', () => {
  const bytes = pattern(60_000)
  const queue = new ChunkQueue()
  const out: number[] = []
  let offset = 0
  for (let step = 0; offset < bytes.length; step += 1) {
    const length = [1, 700, 0, 3, 5_000, 40, 9_000, 2][step % 8]!
    queue.push(bytes.subarray(offset, offset + length))
    offset += length
    if (step % 3 === 0) out.push(...(queue.take() ?? []))
  }
  out.push(...drained(queue))
  expect(Uint8Array.from(out)).toEqual(bytes)
  expect([queue.bytes, queue.length]).toEqual([0, 0])
})

interface Receiving {
  readonly task: Task
  readonly pieces: number[]
  readonly handled: () => number
  arrive(pieces: Uint8Array[]): void
}

/** A receiver whose codec finds `messagesIn(bytes)` messages in each piece. */
function receiver(messagesIn: (bytes: number) => number): Receiving {
  const stream = Object.assign(new EventTarget(), { status: 'open', readStatus: 'readable', pause: () => {} })
  const pieces: number[] = []
  let handled = 0
  const codec: LinkCodec<string> = {
    bufferedBytes: 0,
    encode: () => new Uint8Array(1),
    decode: (piece, emit) => {
      pieces.push(piece.length)
      for (let count = messagesIn(piece.length); count > 0; count -= 1) emit('message')
    }
  }
  const events: ReceiverEvents<string> = {
    arrived: () => {},
    message: () => {
      handled += 1
    },
    malformed: () => {},
    limited: () => {},
    decoded: () => {},
    ended: () => {}
  }
  const clock = { nowMs: () => 0, wallMs: () => 0, setTimeout: () => 0, clearTimeout: () => {} }
  // Others work: this one waits for its turn.
  const turns = { add: () => {}, remove: () => {}, yielding: false } as unknown as Turns
  const task = new LinkReceiver(stream as unknown as Stream, codec, hostLimits(), clock, turns, events)
  return {
    task,
    pieces,
    handled: () => handled,
    arrive: some => {
      for (const data of some) stream.dispatchEvent(Object.assign(new Event('message'), { data }))
    }
  }
}

test('160,000 pieces of one byte are handled in as many slices as their bytes need', () => {
  const { task, pieces, arrive } = receiver(() => 0)
  arrive(Array.from({ length: 160_000 }, () => new Uint8Array(1)))
  let slices = 1
  for (let before = 0; task.slice(); slices += 1) {
    expect(pieces.length - before).toBeLessThanOrEqual(SLICE_DECODES_MAX)
    before = pieces.length
  }
  expect(pieces).toHaveLength(Math.ceil(160_000 / CHUNK_MERGE_BYTES_MAX))
  expect(slices).toBe(Math.ceil((pieces.length + 1) / SLICE_DECODES_MAX))
})

test('a slice decodes SLICE_DECODES_MAX pieces, and one more is for the next', () => {
  const { task, pieces, arrive } = receiver(() => 0)
  arrive([new Uint8Array((SLICE_DECODES_MAX + 1) * DECODE_BYTES_MAX)])
  expect(task.slice()).toBe(true)
  expect(pieces).toHaveLength(SLICE_DECODES_MAX)
  expect(task.slice()).toBe(false)
  expect(pieces).toHaveLength(SLICE_DECODES_MAX + 1)
})

test('a slice handles SLICE_MESSAGES_MAX messages, and one more is for the next', () => {
  const { task, handled, arrive } = receiver(() => SLICE_MESSAGES_MAX + 1)
  arrive([new Uint8Array(1)])
  expect(task.slice()).toBe(true)
  expect(handled()).toBe(SLICE_MESSAGES_MAX)
  expect(task.slice()).toBe(false)
  expect(handled()).toBe(SLICE_MESSAGES_MAX + 1)
})
