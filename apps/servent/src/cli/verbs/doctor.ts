/** `doctor`: what could keep this node from working. Without a running node it looks from outside. */
import type { DoctorCheck } from '@servent/node'
import type { Command } from 'commander'
import { outsideChecks } from '../../daemon/checks.ts'
import { problemOf } from '../../problem.ts'
import { safe } from '../../terminal/safe.ts'
import { wrap } from '../../terminal/width.ts'
import { type Act, type Context, exitOf } from '../context.ts'
import { verb } from '../program.ts'

export function doctorVerb(program: Command, act: Act): void {
  verb(program, 'doctor', 'Check what could be wrong', ['servent doctor', 'servent doctor --json']).action(
    act(runDoctor)
  )
}

async function runDoctor(context: Context): Promise<number | undefined> {
  const checks: DoctorCheck[] = []
  let client: Awaited<ReturnType<Context['client']>> | undefined
  try {
    client = await context.client()
    const inside = await client.call<{ checks: DoctorCheck[] }>({
      method: 'GET',
      path: '/v1/doctor',
      signal: context.signal
    })
    checks.push(
      { name: 'daemon', ok: true, message: `The node runs (pid ${client.notice.pid}) and answers.` },
      ...inside.checks
    )
  } catch (error) {
    const problem = problemOf(error)
    // None has to run: that is told apart from one that runs and does not answer.
    const none = problem.code === 'no-daemon' && client === undefined
    if (problem.code !== 'usage') {
      checks.push({
        name: 'daemon',
        ok: none,
        message: none ? 'No node is running; looked from outside.' : problem.message,
        try: problem.try ?? 'servent start'
      })
    }
    client = undefined
  }
  checks.unshift(...(await outsideChecks(() => context.load(), client !== undefined)))
  const wrong = checks.filter(check => !check.ok)
  if (context.json) {
    context.emit({ ok: wrong.length === 0, checks })
  } else {
    show(context, checks)
    if (wrong.length === 0) context.next(client === undefined ? 'servent start' : 'servent status')
  }
  return wrong.length === 0 ? undefined : exitOf('failed')
}

function show({ out }: Context, checks: readonly DoctorCheck[]): void {
  const columns = out.columnsMax ?? Number.POSITIVE_INFINITY
  for (const { name, ok, message, try: advice } of checks) {
    const mark = ok ? out.style('green', 'ok    ') : out.style('red', 'wrong ')
    const [first, ...rest] = wrap(`${safe(name)}: ${safe(message)}`, columns - 6)
    out.line(`${mark}${first}`)
    for (const line of rest) out.line(`      ${line}`)
    if (ok || advice === undefined) continue
    for (const line of wrap(`try: ${safe(advice)}`, columns - 6)) out.line(`      ${line}`)
  }
}
