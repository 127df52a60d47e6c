/**
 * `lab`: compares overlays in the simulator, and sees whether they still do what they did. Needs no node. The lab
 * itself is loaded only here, so that other verbs start as fast as without it.
 */
import type { Plan, PlanInput, Results } from '@servent/lab'
import { type Command, Option } from 'commander'
import { labAssets, labBackends } from '../../lab-assets.ts'
import { ProblemError } from '../../problem.ts'
import { plural } from '../../terminal/format.ts'
import { type Act, type Context, exitOf } from '../context.ts'
import { list } from '../options.ts'
import { verb } from '../program.ts'
import { gateOptions, judgeOf, sayGates } from './lab-gates.ts'
import { filesIn, prepareOut, writeOut } from './lab-out.ts'
import { p2psimVerbs } from './lab-p2psim.ts'
import { reportVerb } from './lab-report.ts'
import { runVerb } from './lab-run.ts'
import { resultLines } from './lab-table.ts'
import { inVerb, number, plainLineOf, showProgress } from './lab-words.ts'

export function labVerbs(program: Command, act: Act): void {
  const lab = verb(program, 'lab', 'Compare overlays in a simulator', [
    'servent lab compare --overlays chord,gnutella --nodes 1000 --lookups 1000',
    'servent lab run plans/quick.yaml',
    'servent lab verify'
  ])
  lab.action(() => lab.help())
  compareVerb(lab, act)
  runVerb(lab, act)
  reportVerb(lab, act)
  verifyVerb(lab, act)
  p2psimVerbs(lab, act)
}

function compareVerb(lab: Command, act: Act): void {
  const command = verb(lab, 'compare', 'Run overlays on the same work and show what it takes them', [
    'servent lab compare --overlays chord --nodes 1000 --lookups 4000 --failures 0.3 --set chord.successors=20',
    'servent lab compare --overlays gnutella,fasttrack,chord --workload mixed --seeds 10 --out results',
    'servent lab compare --overlays chord --churn exp:1h --json',
    "servent lab compare --baseline results/results.json --fail-if 'hops.p95>+10%' --fail-if 'success<0.99'"
  ])
  for (const option of [
    new Option(
      '--overlays <a,b>',
      'Which to compare, of napster, gnutella, fasttrack, chord, pastry, kelips and kademlia; default: chord'
    ).argParser(list),
    new Option('--nodes <N>', 'Peers of each network; default: 1000').argParser(number),
    new Option('--lookups <N>', 'Lookups of a run; default: 10000').argParser(number),
    new Option(
      '--searches <N>',
      'Searches by words of a run; default: none, or 1000 by --workload'
    ).argParser(number),
    new Option(
      '--puts <N>',
      'Values put under keys of a run, by overlays that keep values; default: none, or 1000 by --workload'
    ).argParser(number),
    new Option('--gets <N>', 'Values asked for after that; default: as many as puts').argParser(number),
    new Option(
      '--seeds <N>',
      'Runs of each overlay, with seeds that follow each other; default: 1'
    ).argParser(number),
    new Option('--seed <N>', 'Seed of the first run; default: 1').argParser(number),
    new Option(
      '--failures <P>',
      'Part of the peers that dies at one instant, before the lookups: 0 to 0.95'
    ).argParser(number),
    new Option(
      '--liars <P>',
      'Part of the peers that lies, together: 0 to 0.5; in Chord, Pastry, Kelips and Kademlia'
    ).argParser(number),
    new Option('--lies <a,b>', 'How, of wrong-owner, drop and poison; default: all').argParser(list),
    new Option(
      '--churn <C>',
      'Sessions and absences of peers, as exp:1h or exp:1h/exp:10m; or rate:0.05, trace:FILE'
    ),
    new Option(
      '--partition <P>',
      'Part of the peers that is cut off from the others for a while, as 0.3/5m: up to 0.5'
    ),
    new Option(
      '--latency <L>',
      'Round trips: planetlab (default), constant:50, uniform:20-80, exponential:50 or matrix:FILE'
    ),
    new Option(
      '--bandwidth <B>',
      'Bytes a second up and down of each peer, as 1MB or 128kB/1MB; default: without bound'
    ),
    new Option('--resets <R>', 'How often each connection breaks by itself, as 0.1/m; default: never'),
    new Option('--firewalled <P>', 'Part of the peers that nobody can dial, 0 to 0.95; default: 0').argParser(
      number
    ),
    new Option('--workload <W>', 'What peers ask for; values: puts, then gets').choices([
      'lookup',
      'search',
      'mixed',
      'values'
    ]),
    new Option('--freeloaders <P>', 'Part of the peers that share nothing, 0 to 0.99; default: 0').argParser(
      number
    ),
    new Option('--sharing <S>', 'Sharers have as much as others (default), or a few have most').choices([
      'even',
      'heavy'
    ]),
    new Option('--demand <D>', 'Any file is asked for alike (default), or as often as it has copies').choices(
      ['even', 'zipf']
    ),
    new Option('--rare <P>', 'Part of the searches for a file that there is once; default: 0').argParser(
      number
    ),
    new Option('--enough <N>', 'Results that a search wants, 1 to 1000; default: all').argParser(number),
    new Option(
      '--warmup <S>',
      'Virtual seconds before anything is measured; default: 60, 7200 for joined, a half with churn'
    ).argParser(number),
    new Option(
      '--duration <S>',
      'Virtual seconds that are measured; default: 600, or what ten questions a second need'
    ).argParser(number),
    new Option('--start <S>', 'Tables as an observer builds them (default), or peers that join').choices([
      'ideal',
      'joined'
    ]),
    setOption(),
    new Option(
      '--backend <B>',
      'Where the peers are: in a simulator (default), or real ones in this process or in one each'
    ).choices(['simulator', 'in-process', 'processes']),
    workersOption(),
    new Option('--out <DIR>', 'Write results.json and fingerprint.txt there'),
    ...gateOptions()
  ]) {
    command.addOption(option)
  }
  command.action(act(runCompare))
}

function verifyVerb(lab: Command, act: Act): void {
  verb(lab, 'verify', 'Run stored plans and see whether they come out as they did', [
    'servent lab verify',
    'servent lab verify --update',
    'servent lab verify --set chord.stabilise-ms=10000'
  ])
    .addOption(new Option('--update', 'Take what comes out for what should, from now on'))
    .addOption(new Option('--plans <FILE>', 'Stored plans other than the lab’s own'))
    .addOption(setOption())
    .addOption(workersOption())
    .action(
      act((...given) =>
        runVerify(...given).catch(error => {
          throw inVerb('verify', error)
        })
      )
    )
}

const setOption = () =>
  new Option(
    '--set <overlay.key=value>',
    'One setting of one overlay, as chord.successors=20; repeatable. docs/lab.md lists them'
  ).argParser(list)
const workersOption = () =>
  new Option(
    '--workers <N>',
    'Runs at a time at most, as memory allows; makes no difference to results'
  ).argParser(number)

async function runCompare(
  context: Context,
  _: string[],
  options: Record<string, unknown>
): Promise<number | undefined> {
  const { askedOfAll, compare, parseSet, resolvePlan } = await import('@servent/lab')
  const {
    set,
    out,
    baseline: _baseline,
    failIf: _gates,
    ...fields
  } = options as { set?: string[]; out?: string } & Record<string, unknown>
  const plan = resolvePlan({ ...(fields as PlanInput), ...(set === undefined ? {} : { set: parseSet(set) }) })
  const resolvePath = (name: string) => context.path(name)
  const planned = new Map(plan.overlays.map(overlay => [overlay, plan]))
  const judge = await judgeOf(context, options, () => askedOfAll(planned, resolvePath))
  const folder = out === undefined ? undefined : context.path(out)
  if (folder !== undefined) await prepareOut(folder)
  const { progress, signal } = context
  progress.show(beginningOf(plan))
  const results = await compare(plan, {
    signal,
    onProgress: at => showProgress(progress, at),
    workerSource: labAssets()?.workerSource,
    backends: labBackends,
    resolvePath
  })
  progress.clear()
  // Said before they are written: hours of work are not lost with a disk that is full.
  const gates = judge?.(results)
  if (context.json) context.emit({ event: 'done', ...results, ...(gates && { gates }) })
  else context.out.lines(await resultLines(results, context.out.columnsMax))
  const { talk } = context
  talk.line()
  warn(context, results)
  if (folder !== undefined) {
    await writeOut(folder, results)
    talk.line(`Written: ${filesIn(out!)}`)
  }
  if (gates !== undefined) return sayGates(context, gates)
  context.next(again(options, plan.seeds === 1 ? { seeds: 10 } : { out: out ?? 'results' }))
  return undefined
}

/** `failIf` is `--fail-if`: commander keeps flags by names of its own. */
const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`

/** The command again, with something more: several seeds give intervals, a folder keeps all figures. */
export function again(options: Record<string, unknown>, more: Record<string, unknown>): string {
  const flags = Object.entries({ ...options, ...more }).flatMap(([name, value]) =>
    name === 'set'
      ? (value as string[]).map(one => `--set ${quoted(one)}`)
      : `${flagOf(name)} ${quoted(`${value}`)}`
  )
  return ['servent lab compare', ...flags].join(' ')
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

function beginningOf({ nodes, overlays, seeds }: Plan): string {
  return `Running ${plural(nodes, 'peer')} of ${overlays.join(', ')}, ${plural(overlays.length * seeds, 'run')} …`
}

function warn({ notes }: Context, { overlays }: Results): void {
  for (const { overlay, warnings } of overlays)
    for (const warning of warnings) notes.line(`${notes.style('yellow', 'warning:')} ${overlay}: ${warning}`)
}

async function runVerify(
  context: Context,
  _: string[],
  options: Record<string, unknown>
): Promise<number | undefined> {
  const { parseSet, parseStoredPlans, readStoredPlans, renewStoredPlans, storedPlansFile, verify } =
    await import('@servent/lab')
  const {
    set = [],
    update = false,
    workers,
    plans: given
  } = options as { set?: string[]; update?: boolean; workers?: number; plans?: string }
  const assets = labAssets()
  const changed = parseSet(set)
  // The executable has no file of its own that could be written.
  const file =
    given !== undefined ? context.path(given) : assets === undefined ? storedPlansFile() : undefined
  if (update) refuseUpdate(file === undefined, set.length > 0)
  const plans = file === undefined ? parseStoredPlans(assets!.storedPlans) : await readStoredPlans(file)
  const { progress } = context
  const verdicts = await verify(plans, {
    set: changed,
    workers,
    signal: context.signal,
    workerSource: assets?.workerSource,
    onProgress: ({ name, index, plans: count }, at) => {
      const what = `Running ${name}, ${index + 1} of ${count}`
      progress.show(`${what} …`, at && `${what}: ${plainLineOf(at)}`)
    }
  })
  progress.clear()
  if (update) await renewStoredPlans(file!, plans, verdicts)
  const drifted = verdicts.filter(({ same }) => !same)
  const { out, talk } = context
  if (context.json)
    context.emit({ event: 'done', same: drifted.length === 0, updated: update, plans: verdicts })
  else {
    for (const { name, actual, same } of verdicts) {
      const mark = same ? out.style('green', 'same   ') : out.style('red', 'differs')
      out.line(`${mark}  ${name}  ${actual}`)
    }
  }
  if (drifted.length === 0 || update) {
    if (update && !context.json) talk.line(`Written: ${file}`)
    context.next('servent lab compare')
    return
  }
  const names = drifted.map(({ name }) => name).join(', ')
  talk.line(`${talk.style('red', 'error:')} The fingerprint of ${names} is another one than was stored.`)
  talk.line(
    `${talk.style('dim', 'why:')}   something that these runs do has changed, in a rule or in a number`
  )
  talk.line(`${talk.style('dim', 'try:')}   servent lab verify --update, if that was meant; else git bisect`)
  return exitOf('drift')
}

function refuseUpdate(isBinary: boolean, isChanged: boolean): void {
  const message = isBinary
    ? 'The stored plans of this program are inside it, and cannot be renewed.'
    : isChanged
      ? 'Plans are not renewed with --set: what is stored is for the settings as they are.'
      : undefined
  if (message === undefined) return
  throw new ProblemError({
    code: 'usage',
    message,
    try: isBinary ? 'servent lab verify --update in a checkout' : 'servent lab verify --update'
  })
}
