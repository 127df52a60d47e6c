/** `wish`, `wishes` and `unwish`: searches that run by themselves, what they found, and their end. */
import { WISH_FILES_A_DAY_MAX, type WishRow, type WishView } from '@servent/node'
import { type Command, Option } from 'commander'
import { ProblemError } from '../../problem.ts'
import { formatBytes, formatDuration, plural, rowKind, shortId } from '../../terminal/format.ts'
import { safe } from '../../terminal/safe.ts'
import { table } from '../../terminal/table.ts'
import type { Act, Context } from '../context.ts'
import { byteSize, list, queryText, tagFilter, wholeNumber } from '../options.ts'
import { verb } from '../program.ts'

export function wishVerbs(program: Command, act: Act): void {
  verb(program, 'wish <WORDS...>', 'Save a search that runs by itself now and then', [
    'servent wish bela fleck --type audio',
    'servent wish bela fleck --get --max-size 50M --a-day 3'
  ])
    .addOption(new Option('--overlay <O>', 'Ask this overlay only; repeatable').argParser(list))
    .addOption(new Option('--type <T>', 'Media type, as audio or audio/flac'))
    .addOption(
      new Option('--tag <KEY=WORDS>', 'Only files with this tag, as artist=davis; repeatable').argParser(
        tagFilter
      )
    )
    .addOption(
      new Option('--min-size <B>', 'Smallest size in bytes; K, M and G may follow').argParser(byteSize)
    )
    .addOption(new Option('--max-size <B>', 'Largest size').argParser(byteSize))
    .addOption(new Option('--get', 'Fetch what is new, up to --max-size (1 GiB where it is not given)'))
    .addOption(
      new Option('--a-day <N>', 'With --get: most files in 24 hours').argParser(
        wholeNumber(1, WISH_FILES_A_DAY_MAX)
      )
    )
    .action(act(runWish))
  verb(program, 'wishes [N]', 'List saved searches, or what is new of one', [
    'servent wishes',
    'servent wishes 2',
    'servent wishes 2 --all'
  ])
    .addOption(new Option('--all', 'Also what you have looked at'))
    .action(act(runWishes))
  verb(program, 'unwish <N>', 'Take a saved search back', ['servent unwish 2']).action(act(runUnwish))
}

async function runWish(
  context: Context,
  words: string[],
  options: Record<string, unknown>
): Promise<undefined> {
  const { overlay: overlays, type, minSize, maxSize, get, aDay: filesADay } = options
  if (filesADay !== undefined && get !== true) {
    throw new ProblemError({
      code: 'usage',
      message: '--a-day says how much is fetched, and nothing is without --get.',
      try: 'servent wish --help'
    })
  }
  const client = await context.client()
  const saved = await client.call<WishView>({
    method: 'POST',
    path: '/v1/wishes',
    body: {
      text: queryText(words, options.tag),
      overlays,
      type,
      minSize,
      maxSize,
      ...(get === true && { get: { filesADay } })
    },
    signal: context.signal
  })
  if (context.json) {
    context.emit(saved)
    return
  }
  context.out.line(`Wish  ${saved.wish}  ${safe(saved.text)}`)
  context.next(`servent wishes ${saved.wish}`, `servent unwish ${saved.wish}`)
}

async function runWishes(
  context: Context,
  [given]: string[],
  { all = false }: Record<string, unknown>
): Promise<undefined> {
  const client = await context.client()
  if (given !== undefined) return showRows(context, numberOf(given), all === true)
  const answer = await client.call<{ wishes: WishView[] }>({
    method: 'GET',
    path: '/v1/wishes',
    signal: context.signal
  })
  if (context.json) {
    context.emit(answer)
    return
  }
  const { wishes } = answer
  if (wishes.length === 0) {
    context.talk.line('No wishes.')
    context.next('servent wish miles davis')
    return
  }
  const nowMs = Date.now()
  context.out.lines(
    table(
      [
        { title: '#', align: 'right' },
        { title: 'WORDS', shrinkTo: 12 },
        { title: 'NEW', align: 'right' },
        { title: 'FOUND', align: 'right' },
        { title: 'FETCHES' },
        { title: 'LAST', align: 'right' },
        { title: 'NEXT', align: 'right' }
      ],
      wishes.map(one => [
        String(one.wish),
        one.text,
        String(one.newHits),
        String(one.hits),
        one.get === undefined ? 'no' : 'yes',
        one.lastMs === undefined ? '' : `${formatDuration(Math.max(0, nowMs - one.lastMs))} ago`,
        formatDuration(Math.max(0, one.nextMs - nowMs))
      ]),
      context.out.columnsMax
    )
  )
  for (const { wish, reason } of wishes)
    if (reason !== undefined) context.talk.line(`Wish ${wish} could not be searched for: ${safe(reason)}`)
  const fresh = wishes.find(({ newHits }) => newHits > 0)
  context.next(`servent wishes ${fresh?.wish ?? wishes[0]!.wish}`)
}

async function showRows(context: Context, wish: number, all: boolean): Promise<undefined> {
  const client = await context.client()
  const { rows } = await client.call<{ rows: WishRow[] }>({
    method: 'GET',
    path: `/v1/wishes/${wish}/rows?all=${all}`,
    signal: context.signal
  })
  if (context.json) context.emit({ wish, rows })
  else if (rows.length === 0) {
    context.talk.line(`Nothing ${all ? 'was found yet' : 'is new'}.`)
    context.next(all ? 'servent wishes' : `servent wishes ${wish} --all`)
  } else {
    context.out.lines(
      table(
        [
          { title: '#', align: 'right' },
          { title: 'NAME', shrinkTo: 12 },
          { title: 'SIZE', align: 'right' },
          { title: 'TYPE', shrinkTo: 5 },
          { title: 'VIA', shrinkTo: 8 },
          { title: 'ID', shrinkTo: 12 }
        ],
        rows.map(row => [
          `${wish}.${row.row}`,
          row.name,
          formatBytes(row.size),
          rowKind(row),
          row.overlays.join(','),
          shortId(row.id)
        ]),
        context.out.columnsMax
      )
    )
    context.talk.line()
    context.talk.line(`${plural(rows.length, 'file')}, ${rows.filter(({ isNew }) => isNew).length} new.`)
    context.next(`servent get ${wish}.${rows[0]!.row}`)
  }
  // Only now: what could not be written is shown again.
  const through = rows.at(-1)?.row
  if (through !== undefined)
    await client.call({ method: 'POST', path: `/v1/wishes/${wish}/look`, body: { through } })
}

async function runUnwish(context: Context, [given]: string[]): Promise<undefined> {
  const wish = numberOf(given!)
  const client = await context.client()
  const done = await client.call<{ wish: number }>({
    method: 'DELETE',
    path: `/v1/wishes/${wish}`,
    signal: context.signal
  })
  if (context.json) {
    context.emit(done)
    return
  }
  context.out.line(`Taken back  ${done.wish}`)
  context.next('servent wishes')
}

function numberOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new ProblemError({
    code: 'usage',
    message: `${JSON.stringify(text)} is no number of a wish.`,
    try: 'servent wishes lists them'
  })
}
