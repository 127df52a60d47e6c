/** Says what went wrong: what, why, and what to try. In JSON where that was asked for. */
import { MEANINGS, type Problem } from '../problem.ts'
import { Output } from '../terminal/output.ts'
import { safe, safeJson } from '../terminal/safe.ts'
import type { Io } from './context.ts'
import { spelled } from './spelling.ts'

/** Writes the problem and gives its exit code. `--quiet` does not silence it. */
export function report(problem: Problem, io: Io, options: { json: boolean; color?: boolean }): number {
  const { exit } = MEANINGS[problem.code]
  if (options.json) {
    const { code, message, why, try: advice } = problem
    io.stdout.write(`${safeJson({ event: 'error', code, exit, message, why, try: advice })}\n`)
    return exit
  }
  const talk = new Output(io.stderr, { color: options.color ?? true, env: io.env })
  talk.line(`${talk.style('red', 'error:')} ${safe(problem.message)}`)
  if (problem.why !== undefined) talk.line(`${talk.style('dim', 'why:')}   ${safe(problem.why)}`)
  if (problem.try !== undefined)
    talk.line(`${talk.style('dim', 'try:')}   ${safe(spelled(problem.try, io.env))}`)
  return exit
}
