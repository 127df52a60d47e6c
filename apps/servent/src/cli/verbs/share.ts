/** `share` and `unshare`: what this node offers to others. */
import { existsSync } from 'node:fs'
import type { ShareEvent } from '@servent/node'
import type { Command } from 'commander'
import { ProblemError } from '../../problem.ts'
import { formatBytes, formatLeft, plural } from '../../terminal/format.ts'
import { bar } from '../../terminal/progress.ts'
import { safe } from '../../terminal/safe.ts'
import type { Act, Context } from '../context.ts'
import { verb } from '../program.ts'

type Progress = Extract<ShareEvent, { event: 'progress' }>
type Done = Extract<ShareEvent, { event: 'done' }>

export function shareVerbs(program: Command, act: Act): void {
  verb(program, 'share <PATH...>', 'Offer files or folders to others', [
    'servent share ~/Music',
    'servent share talk.mp4 --json'
  ]).action(act(runShare))
  verb(program, 'unshare <PATH>', 'Stop offering a file or folder', ['servent unshare ~/Music']).action(
    act(runUnshare)
  )
}

async function runShare(context: Context, paths: string[]): Promise<undefined> {
  const wanted = paths.map(path => context.path(path))
  for (const path of wanted) {
    if (existsSync(path)) continue
    throw new ProblemError({
      code: 'not-found',
      message: `There is no ${path}.`,
      try: 'check the spelling; a name with spaces needs quotes'
    })
  }
  const client = await context.client()
  const total: Done = { event: 'done', files: 0, bytes: 0, ids: [], more: 0 }
  for (const path of wanted) {
    const events = client.events<ShareEvent>({
      method: 'POST',
      path: '/v1/shares',
      body: { path },
      signal: context.signal
    })
    for await (const event of events) {
      if (event.event === 'progress') {
        if (context.json) context.emit(event)
        else if (event.event === 'progress') context.progress.show(progressText(event))
      } else if (event.event === 'done') {
        total.files += event.files
        total.bytes += event.bytes
        total.more += event.more
        total.ids.push(...event.ids)
        if (total.ticket === undefined && event.leftOut !== undefined) total.leftOut = event.leftOut
        total.ticket ??= event.ticket
        context.progress.clear()
        const problem = event.ticket === undefined ? ticketProblem(event) : undefined
        if (problem !== undefined)
          context.talk.line(`${context.talk.style('yellow', 'note:')}  ${safe(problem)}`)
        if (!context.json)
          context.out.line(
            `Shared  ${safe(path)}  ${plural(event.files, 'file')}, ${formatBytes(event.bytes)}`
          )
      }
    }
  }
  if (context.json) {
    context.emit(total)
    return
  }
  const [id] = total.ids
  if (total.files === 1 && id !== undefined) context.out.line(`Id      ${id}`)
  // Of several paths the first one's: servent ticket PATH gives the others.
  if (wanted.length === 1 && total.ticket !== undefined) {
    context.out.line(`Ticket  ${total.ticket}`)
    sayLeftOut(context, total.leftOut)
    context.talk.line()
    context.talk.line(
      `With the ticket another computer fetches ${total.files === 1 ? 'it' : 'all of it'}: servent get TICKET`
    )
  }
  if (total.files === 0)
    context.talk.line('Nothing in it can be shared: hidden, temporary and excluded files are left out.')
  context.next('servent library', 'servent status')
}

/** What a ticket of a folder does not stand for. */
export function sayLeftOut({ talk }: Context, leftOut = 0): void {
  if (leftOut === 0) return
  talk.line(
    `${talk.style('yellow', 'note:')}  ${plural(leftOut, 'file')} in it ${leftOut === 1 ? 'is' : 'are'} not in the ticket: not hashed yet, unreadable, or at too long a path. servent library says which; servent ticket PATH gives a new one.`
  )
}

/** Why a path that was shared has no ticket: it stands last. */
function ticketProblem({ files, problems }: Done): string | undefined {
  return files === 0 ? undefined : problems?.at(-1)?.reason
}

function progressText({ phase, files, filesTotal, bytes, bytesTotal, leftMs, name }: Progress): string {
  if (phase === 'scanning') return `Looking  ${plural(filesTotal, 'file')} found`
  const of = `${files} of ${plural(filesTotal, 'file')}, ${formatBytes(bytes)} of ${formatBytes(bytesTotal)}${formatLeft(leftMs)}`
  return `Hashing  ${bar(bytes, bytesTotal)}  ${of}${name === undefined ? '' : `  ${safe(name)}`}`
}

async function runUnshare(context: Context, [given]: string[]): Promise<undefined> {
  const path = context.path(given!)
  const client = await context.client()
  const done = await client.call<{ files: number }>({
    method: 'DELETE',
    path: `/v1/shares?path=${encodeURIComponent(path)}`,
    signal: context.signal
  })
  if (context.json) {
    context.emit(done)
    return
  }
  context.out.line(`No longer shared  ${safe(path)}  ${plural(done.files, 'file')}`)
  context.next('servent library')
}
