/** As `invariants.test.ts`, with more seeds. */
import { it } from 'vitest'
import { expectInvariants } from './support/fault-run.ts'

const SEEDS = 16

it(`K1 to K6 hold under joins and deaths of ${SEEDS} seeds`, () => expectInvariants(SEEDS), 900_000)
