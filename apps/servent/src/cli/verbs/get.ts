/** `get`: downloads a file and verifies it. Ctrl-C pauses; the same command goes on where it stopped. */
import type { GetEvent } from '@servent/node'
import { type Command, Option } from 'commander'
import { ProblemError } from '../../problem.ts'
import {
  formatBytes,
  formatDuration,
  formatPercent,
  formatRate,
  plural,
  shortId
} from '../../terminal/format.ts'
import { bar } from '../../terminal/progress.ts'
import { safe } from '../../terminal/safe.ts'
import { type Act, type Context, exitOf } from '../context.ts'
import { verb } from '../program.ts'

type Begin = { event: 'begin'; id: string; name?: string; size?: number }
type Progress = Extract<GetEvent, { event: 'progress' }>
type Done = Extract<GetEvent, { event: 'done' }>

export function getVerb(program: Command, act: Act): void {
  verb(program, 'get <WHAT>', 'Download and verify: a row of a search or wish, an id, or a ticket', [
    'servent get 1',
    'servent get 2.5',
    'servent get bafybq… --output ~/talk.mp4',
    'servent get servent1… --output ~/Music'
  ])
    .addOption(
      new Option('--output <FILE>', 'Where to put it: a file or folder to make, or a folder that stands')
    )
    .addOption(
      new Option('--priority <LEVEL>', 'Who runs first where not all downloads may').choices([
        'high',
        'normal',
        'low'
      ])
    )
    .action(act(runGet))
}

async function runGet(
  context: Context,
  [what]: string[],
  options: Record<string, unknown>
): Promise<number | undefined> {
  const client = await context.client()
  const output = options.output === undefined ? {} : { output: context.path(options.output as string) }
  const priority = options.priority === undefined ? {} : { priority: options.priority as string }
  const body = { what, ...output, ...priority }
  let begin: Begin | undefined
  let last: Progress | undefined
  try {
    for await (const event of client.events<GetEvent | Begin>({
      method: 'POST',
      path: '/v1/downloads',
      body,
      signal: context.signal
    })) {
      if (context.json) context.emit(event)
      if (event.event === 'begin') {
        begin = event
        announce(context, event)
      } else if (event.event === 'progress') {
        // The first one may still say how it stood before this command.
        const waits = event.phase === 'paused' && last !== undefined
        if (!context.json) sayBanned(context, event, last)
        if (!context.json) sayFolder(context, event, last)
        last = event
        if (waits) throw waiting(event)
        if (!context.json) context.progress.show(progressText(event))
      } else if (event.event === 'done') {
        context.progress.clear()
        if (!context.json) finished(context, event)
      }
    }
    return undefined
  } catch (error) {
    context.progress.clear()
    const again = `servent get ${begin === undefined ? what : shortId(begin.id)}`
    if (context.signal.aborted) return paused(context, again, last)
    if (last?.phase === 'paused') {
      const { problem } = waiting(last)
      throw new ProblemError({
        ...problem,
        try: problem.why === undefined ? again : `${again}, once that is mended`
      })
    }
    throw error
  }
}

/** It stopped without us: a full disk, or somebody paused it. Waiting here would be waiting for that person. */
function waiting(progress: Progress): ProblemError {
  const { reason } = progress
  return new ProblemError({
    code: 'partial',
    message: `The download waits at ${percent(progress)}.`,
    ...(reason === undefined ? {} : { why: reason })
  })
}

function announce(context: Context, { id, name, size }: Begin): void {
  if (context.json) return
  const facts = [name === undefined ? id : safe(name), size === undefined ? '' : formatBytes(size)]
  context.talk.line(facts.filter(fact => fact !== '').join('   '))
}

/** Whoever asked for a folder, or for what calls itself one, sees how much that is as soon as it is known. */
function sayFolder(context: Context, { files, totalBytes }: Progress, last: Progress | undefined): void {
  if (files === undefined || last?.files !== undefined) return
  context.progress.clear()
  context.talk.line(`folder     ${plural(files, 'file')}, ${formatBytes(totalBytes)}; Ctrl-C pauses it`)
}

/** Who was banned since the progress before. */
function sayBanned(context: Context, { banned }: Progress, last: Progress | undefined): void {
  for (const { peer, reason } of banned.slice(last?.banned.length ?? 0)) {
    context.progress.clear()
    context.talk.line(`banned     ${shortId(peer)}: ${safe(reason)}`)
  }
}

function progressText({
  phase,
  verifiedBytes,
  totalBytes,
  sources,
  reason,
  files,
  filesDone
}: Progress): string {
  if (phase === 'locating')
    return `locating   looking for peers that have it${reason === undefined ? '' : `: ${safe(reason)}`}`
  const rate = sources.reduce((sum, source) => sum + source.rate, 0)
  const relayed = sources.filter(source => source.relayed).length
  const partial = sources.filter(source => source.partial).length
  const left = rate > 0 ? `${formatDuration(((totalBytes - verifiedBytes) / rate) * 1000)} left` : ''
  const from =
    sources.length === 0
      ? ''
      : `${plural(sources.length, 'source')}${relayed > 0 ? `, ${relayed} relayed` : ''}${partial > 0 ? `, ${partial} with a part` : ''}`
  const parts = [
    `${phase.padEnd(9)}  ${bar(verifiedBytes, totalBytes)}`,
    `${formatBytes(verifiedBytes)} of ${formatBytes(totalBytes)}`,
    files === undefined ? '' : `${filesDone} of ${plural(files, 'file')}`,
    phase === 'fetching' ? formatRate(rate) : '',
    from,
    phase === 'fetching' ? left : '',
    reason === undefined ? '' : safe(reason)
  ]
  return parts.filter(part => part !== '').join('  ')
}

function finished(context: Context, { path, bytes, sources, seconds, files }: Done): void {
  const rate = seconds > 0 ? `, ${formatRate(bytes / seconds)}` : ''
  const from = sources === 0 ? '' : ` from ${plural(sources, 'source')}`
  context.out.line(`Saved  ${safe(path)}`)
  context.talk.line(
    `       ${files === undefined ? '' : `${plural(files, 'file')}, `}${formatBytes(bytes)}${from} in ${formatDuration(seconds * 1000)}${rate}; every block verified.`
  )
  context.next('servent downloads', 'servent search …')
}

function percent(progress: Progress | undefined): string {
  return progress === undefined ? '0 %' : formatPercent(progress.verifiedBytes, progress.totalBytes)
}

/** The node pauses the download by itself when this command goes. */
function paused(context: Context, again: string, last: Progress | undefined): number {
  if (context.json) {
    context.emit({
      event: 'paused',
      verifiedBytes: last?.verifiedBytes ?? 0,
      totalBytes: last?.totalBytes ?? 0,
      resume: again
    })
  } else {
    context.talk.line(`Paused at ${percent(last)}. Nothing that was verified is lost. Resume: ${safe(again)}`)
  }
  return exitOf('interrupted')
}
