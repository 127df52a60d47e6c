/**
 * A minute of messages that are made, broken and cut at random. `SERVENT_FUZZ_MS` gives more time or less,
 * `SERVENT_FUZZ_SEED` repeats a run whose seed was printed.
 */
import fc from 'fast-check'
import { writer as writerOf } from 'protons-runtime'
import { expect, it } from 'vitest'
import { type RoutingMessage, readRouting, routingByteLength, writeRouting } from '../src/machine.ts'
import { lookupMessage } from './routing-arbitraries.ts'

const FUZZ_MS = Number(process.env.SERVENT_FUZZ_MS ?? 60_000)
const SEED = Number(process.env.SERVENT_FUZZ_SEED ?? Date.now() % 0x7fff_ffff)
const RUNS_AT_A_TIME = 500

function encode(message: RoutingMessage): Uint8Array {
  const writer = writerOf()
  writeRouting(message, writer)
  return writer.finish()
}

/** Bytes that are changed, taken out and put in. */
const broken = fc
  .tuple(
    lookupMessage.map(encode),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('set', 'cut', 'add'), fc.nat(255)), { maxLength: 6 })
  )
  .map(([bytes, changes]) => {
    const changed = [...bytes]
    for (const [where, how, byte] of changes) {
      const at = where % (changed.length + 1)
      if (how === 'set') changed[at] = byte
      else if (how === 'cut') changed.splice(at, 1)
      else changed.splice(at, 0, byte)
    }
    return Uint8Array.from(changed)
  })
const bytes = fc.oneof(broken, fc.uint8Array({ maxLength: 400 }))

it(
  'no bytes make the codec throw what it may not, and what it reads it writes and reads again',
  () => {
    console.log(`fuzzing with seed ${SEED} for ${FUZZ_MS} ms`)
    const end = performance.now() + FUZZ_MS
    let read = 0
    let refused = 0
    for (let round = 0; round === 0 || performance.now() < end; round += 1) {
      fc.assert(
        fc.property(bytes, input => {
          let message: RoutingMessage | undefined
          try {
            message = readRouting(input)
          } catch (error) {
            expect(error).toMatchObject({ name: 'MalformedError' })
            refused += 1
            return
          }
          if (message === undefined) return
          read += 1
          const again = encode(message)
          expect(again).toHaveLength(routingByteLength(message))
          expect(readRouting(again)).toEqual(message)
        }),
        { seed: SEED + round, numRuns: RUNS_AT_A_TIME }
      )
    }
    console.log(`${read} messages read, ${refused} refused`)
    expect(Math.min(read, refused)).toBeGreaterThan(0)
  },
  FUZZ_MS + 60_000
)
