/** `servent` alone: the first verbs with an example of each, and what is going on here. */
import { readNotice } from '../daemon/notice.ts'
import { facts } from '../terminal/table.ts'
import { VERSION } from '../version.ts'
import { answers } from './client.ts'
import type { Context } from './context.ts'
import { spelled } from './spelling.ts'

const FIRST_VERBS: readonly (readonly [string, string])[] = [
  ['servent start', 'run your node in the background'],
  ['servent share ~/Music', 'offer a file or a folder'],
  ['servent search miles davis', 'ask the network for files'],
  ['servent get 1', 'download and verify a result, an id or a ticket'],
  ['servent status', 'see what is going on']
]

export async function startPage(context: Context): Promise<undefined> {
  const { config } = await context.load()
  const told = await readNotice(config.dataDir)
  // A killed node leaves its notice.
  const notice = told !== undefined && (await answers(told)) ? told : undefined
  if (context.json) {
    context.emit({
      version: VERSION,
      running: notice !== undefined,
      verbs: FIRST_VERBS.map(([command, does]) => ({ command, does }))
    })
    return
  }
  const { out } = context
  out.line(`${out.style('bold', 'servent')} ${VERSION}: find and share files with peers`)
  out.line()
  const spelling = (command: string) => spelled(command, context.io.env)
  for (const line of facts(FIRST_VERBS.map(([command, does]) => [spelling(command), does])))
    out.line(`  ${line}`)
  out.line()
  out.line(
    notice === undefined
      ? `No node is running and nothing is shared. Begin with: ${spelling('servent start')}`
      : `Your node is running (pid ${notice.pid}).`
  )
  out.line(`All verbs: ${spelling('servent --help')}`)
}
