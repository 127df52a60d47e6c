/** The codec's turns by one fixed sample of all messages, so that none of them is left to chance. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FORMATS } from '../src/formats.ts'
import { napsterCodec } from '../src/wire.ts'
import { extension, plainSearch, textMessage } from './arbitraries.ts'
import { checkMessage, encode, readAll } from './laws.ts'

const sample = [textMessage, plainSearch, extension].flatMap((made, seed) =>
  fc.sample(made as typeof textMessage, { seed, numRuns: 600 })
)

it('each message of the sample is read as it was made, whole and byte by byte', () => {
  for (const made of sample) {
    const bytes = encode(made)
    expect(readAll([bytes])).toEqual({ messages: [made], malformed: undefined })
    checkMessage(made)
  }
  const some = sample.filter((_, at) => at % 60 === 0)
  const stream = Buffer.concat(some.map(encode))
  expect(readAll(Array.from(stream, byte => Uint8Array.of(byte))).messages).toEqual(some)
})

it('the sample has every text message, and messages are counted by their types', () => {
  const types = new Set(sample.map(({ type }) => type))
  expect(Object.keys(FORMATS).filter(type => !types.has(type as keyof typeof FORMATS))).toEqual([])
  for (const made of sample) expect([made.type, 'text']).toContain(napsterCodec.typeOf?.(made) ?? made.type)
})
