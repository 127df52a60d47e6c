/** A minute of streams that are made, broken and cut at random; `fuzz-streams.ts` says what gives more time or less. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { fuzz } from '../../overlay/test/fuzz-streams.ts'
import { FORMATS } from '../src/formats.ts'
import { cuts, cutUp, message, mutate, mutation } from './arbitraries.ts'
import { checkMessage, encode, frame, readAll } from './laws.ts'

const code = fc.oneof(
  fc.constantFrom(...Object.values(FORMATS).map(format => format.code as number), 200),
  fc.integer({ min: 20_000, max: 20_023 }),
  fc.nat({ max: 0xffff })
)
/** Texts that begin as real ones do, so that what is random comes deep inside. */
const text = fc
  .tuple(
    fc.constantFrom(
      '',
      'nick ',
      'nick "',
      '"a" 0 1 ',
      'FILENAME CONTAINS "',
      'BITRATE "AT LEAST" ',
      'MAX_RESULTS '
    ),
    fc.string({ maxLength: 80 })
  )
  .map(([begin, rest]) => Buffer.from(begin + rest))
const made = fc.oneof(
  message.map(encode),
  fc.tuple(code, fc.oneof(text, fc.uint8Array({ maxLength: 600 }))).map(([type, body]) => frame(type, body)),
  fc.uint8Array({ maxLength: 100 })
)

fuzz(read =>
  fc.property(
    fc.array(made, { maxLength: 5 }),
    fc.array(mutation, { maxLength: 8 }),
    cuts,
    (pieces, broken, at) => {
      const bytes = mutate(Buffer.concat(pieces), broken)
      const whole = readAll([bytes])
      expect(readAll(cutUp(bytes, at))).toEqual(whole)
      for (const one of whole.messages) checkMessage(one)
      read(whole.messages.length)
    }
  )
)
