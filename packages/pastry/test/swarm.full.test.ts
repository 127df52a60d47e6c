/** As `swarm.test.ts`, with more seeds. */
import { it } from 'vitest'
import { expectHealed } from './support/swarm-runs.ts'

const SEEDS = 60

it(`${SEEDS} networks are right again, and so is every lookup`, () => expectHealed(SEEDS), 600_000)
