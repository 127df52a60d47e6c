/** `put` and `value`: a store of keys and values that the peers of the key-routed overlays are together. */
import type { PutView, ValueView } from '@servent/node'
import { type Command, Option } from 'commander'
import { formatBytes, plural, shortPeer } from '../../terminal/format.ts'
import { safe } from '../../terminal/safe.ts'
import { type Act, type Context, exitOf } from '../context.ts'
import { list } from '../options.ts'
import { verb } from '../program.ts'

/** As the API answers: bytes that are no text are in base64. */
type ValueAnswer = Omit<ValueView, 'value'> & {
  readonly value: string
  readonly encoding: 'utf8' | 'base64'
  readonly bytes: number
}

const overlayOption = () => new Option('--overlay <O>', 'On this overlay only; repeatable').argParser(list)

export function valueVerbs(program: Command, act: Act): void {
  verb(program, 'put <KEY> <VALUE>', 'Keep a value under a key on peers of the network', [
    'servent put greeting hello',
    'servent put sensors/attic \'{"celsius":21}\' --json'
  ])
    .addOption(overlayOption())
    .action(act(runPut))
  verb(program, 'value <KEY>', 'Print the newest value under a key', [
    'servent value greeting',
    'servent value sensors/attic --json | jq -r .value'
  ])
    .addOption(overlayOption())
    .action(act(runValue))
}

async function runPut(
  context: Context,
  [key, value]: string[],
  { overlay: overlays }: Record<string, unknown>
): Promise<number | undefined> {
  const client = await context.client()
  const done = await client.call<PutView>({
    method: 'POST',
    path: '/v1/values',
    body: { key, value, overlays },
    signal: context.signal
  })
  const missed = done.overlays.some(({ reason }) => reason !== undefined)
  if (context.json) {
    context.emit(done)
    return missed ? exitOf('partial') : undefined
  }
  const { out, talk } = context
  const kept = done.overlays.filter(({ reason }) => reason === undefined)
  const places = kept.map(({ name, copies }) => `${name}: ${plural(copies, 'copy', 'copies')}`).join(', ')
  out.line(`Kept  ${safe(done.key)}  ${formatBytes(done.bytes)}  ${places}`)
  for (const { name, reason } of done.overlays) {
    if (reason === undefined) continue
    talk.line(`${talk.style('yellow', 'note:')}  ${name} did not keep it`)
    talk.line(`why:   ${safe(reason)}`)
    talk.line(`try:   servent overlay ${name}, then the same command again`)
  }
  context.next(`servent value ${safe(key!)}`)
  return missed ? exitOf('partial') : undefined
}

async function runValue(
  context: Context,
  [key]: string[],
  { overlay: overlays }: Record<string, unknown>
): Promise<undefined> {
  const client = await context.client()
  const query = new URLSearchParams({ key: key! })
  for (const name of (overlays as string[] | undefined) ?? []) query.append('overlay', name)
  const found = await client.call<ValueAnswer>({
    method: 'GET',
    path: `/v1/values?${query}`,
    signal: context.signal
  })
  if (context.json) {
    context.emit(found)
    return
  }
  const { out, talk } = context
  // Into a pipe or a file go the lines as they are; a terminal must not be fooled by them.
  if (out.columnsMax === undefined) out.raw(`${found.value}\n`)
  else for (const line of found.value.split('\n')) out.line(safe(line))
  const shown = found.encoding === 'base64' ? ', no text: shown in base64' : ''
  talk.line()
  talk.line(
    `${formatBytes(found.bytes)}${shown}. From ${plural(found.holders, 'peer')} of ${found.overlay}, put there by ${shortPeer(found.writer)}.`
  )
  context.next(`servent put ${safe(key!)} VALUE`)
}
