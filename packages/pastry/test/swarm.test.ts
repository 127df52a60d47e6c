/** Networks that live through drawn faults: healed within a stated time once they are over, whatever they were. */
import { it } from 'vitest'
import { expectHealed } from './support/swarm-runs.ts'

const SEEDS = 15

it(`${SEEDS} networks are right again, and so is every lookup`, () => expectHealed(SEEDS), 120_000)
