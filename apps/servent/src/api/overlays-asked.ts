/** Which overlays a request asks for. */
import { ProblemError } from '../problem.ts'

/** Refuses a name of none before the answer begins, so that it has a status of its own. */
export function checkOverlays(wanted: readonly string[] | undefined, running: readonly string[]): void {
  for (const name of wanted ?? []) {
    if (running.includes(name)) continue
    throw new ProblemError({
      code: 'usage',
      message: `This node does not run an overlay ${JSON.stringify(name)}.`,
      why: `it runs: ${running.join(', ')}`,
      try: 'leave --overlay out, or start the node with --overlays'
    })
  }
}
