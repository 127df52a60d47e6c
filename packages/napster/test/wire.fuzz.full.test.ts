/**
 * A minute of streams that are made, broken and cut at random. `SERVENT_FUZZ_MS` gives more time or less,
 * `SERVENT_FUZZ_SEED` repeats a run whose seed was printed.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FORMATS } from '../src/formats.ts'
import { cuts, cutUp, message, mutate, mutation } from './arbitraries.ts'
import { checkMessage, encode, frame, readAll } from './laws.ts'

const FUZZ_MS = Number(process.env.SERVENT_FUZZ_MS ?? 60_000)
const SEED = Number(process.env.SERVENT_FUZZ_SEED ?? Date.now() % 0x7fff_ffff)
const RUNS_AT_A_TIME = 200

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

it(
  'no stream makes the codec throw what it may not, hold more than it may, or read twice differently',
  () => {
    console.log(`fuzzing with seed ${SEED} for ${FUZZ_MS} ms`)
    const end = performance.now() + FUZZ_MS
    let streams = 0
    let messages = 0
    for (let round = 0; round === 0 || performance.now() < end; round += 1) {
      fc.assert(
        fc.property(
          fc.array(made, { maxLength: 5 }),
          fc.array(mutation, { maxLength: 8 }),
          cuts,
          (pieces, broken, at) => {
            const bytes = mutate(Buffer.concat(pieces), broken)
            const whole = readAll([bytes])
            expect(readAll(cutUp(bytes, at))).toEqual(whole)
            for (const read of whole.messages) checkMessage(read)
            streams += 1
            messages += whole.messages.length
          }
        ),
        { seed: SEED + round, numRuns: RUNS_AT_A_TIME }
      )
    }
    console.log(`${streams} streams, ${messages} messages`)
    expect(messages).toBeGreaterThan(0)
  },
  FUZZ_MS + 60_000
)
