/**
 * A study as runs of p2psim (Li, Stribling, Morris, Kaashoek, INFOCOM 2005): its files, a script that runs them, and a
 * manifest by which what comes out is read back. Each run is two of p2psim's, one that ends when the measured time
 * begins: what was sent until then is taken off, for p2psim counts all.
 */
import { createHash } from 'node:crypto'
import { randomOf } from '@servent/simulator'
import { PlanError } from '../errors.ts'
import { filesIn, latencyOfPlan } from '../models.ts'
import { askedOf, seedsOf } from '../plan.ts'
import { seedText } from '../run.ts'
import { planStudy } from '../study/plan-study.ts'
import type { Point, Study } from '../study/study.ts'
import { eventTexts, topologyText } from './files.ts'
import { MANIFEST, type Manifest, P2PSIM_SCHEMA } from './manifest.ts'
import { protocolLine, whyNot } from './protocol.ts'
import { liveSeconds, type Schedule, scheduleOf } from './schedule.ts'

/** After the measured time, for lookups under way: longer than any budget that p2psim's authors gave them. */
const TAIL_MS = 10_000
const NAME_CHARACTERS = 12

export interface ExportOptions {
  readonly resolvePath?: (name: string) => string
  /** Takes each file of the folder, its name with folders before it. */
  readonly write: (name: string, text: string) => Promise<void>
}

/** @throws PlanError  p2psim has none of the study's points, or a file that one names cannot be read */
export async function exportP2psim(given: Study, options: ExportOptions): Promise<Manifest> {
  const { write, resolvePath = name => name } = options
  const { study, texts, sums } = await planStudy(given, resolvePath)
  const all = study.parts.flatMap(part => part.points.map(point => ({ part: part.name, point })))
  const left = all.map(({ part, point }) => ({ part, point, why: whyNot(point) }))
  if (left.every(({ why }) => why !== undefined))
    throw new PlanError(`p2psim can run nothing of ${study.name}: ${left[0]!.why}.`)
  const written = new Set<string>()
  /** Equal texts are written once. */
  const store = async (folder: string, text: string): Promise<string> => {
    const name = `${folder}/${hashOf(text)}.txt`
    if (!written.has(name)) await write(name, text)
    written.add(name)
    return name
  }
  const schedules = new Map<string, Schedule>()
  const points: Manifest['points'] = []
  const commands: string[] = []
  for (const [index, { part, point, why }] of left.entries()) {
    if (why !== undefined) continue
    const { overlay, at, set, plan } = point
    const files = filesIn(texts, plan)
    const runs = []
    for (const seed of seedsOf(plan)) {
      const schedule = known(schedules, scheduleKey(point, seed), () => scheduleOf(plan, files, seed))
      const endMs = schedule.toMs + TAIL_MS
      const network = latencyOfPlan(plan, files, randomOf(seedText(seed)).fork('latency'))
      const topology = await store('topologies', topologyText(network, schedule.places))
      const keys = overlay === 'chord' ? 'bits' : 'addresses'
      const events = eventTexts(schedule, keys, endMs)
      const protocol = await store('protocols', protocolLine(point))
      const name = `${part}-${overlay}-${index}-seed-${seed}`
      const logs = { before: '', whole: '' }
      for (const length of ['before', 'whole'] as const) {
        const list = await store('events', events[length])
        const generator = await store('generators', `generator FileEventGenerator name=${list}\n`)
        // Files are named by what is in them. A log of other files has another name: none stands for a run that it is not of.
        const what = `${seed} ${protocol} ${topology} ${generator}`
        logs[length] = `out/${name}-${length}-${hashOf(what)}.log`
        commands.push(`run ${what} ${logs[length]}`)
      }
      // The well-known node is one more, and lives all the time.
      const wellKnownS = (endMs - schedule.fromMs) / 1000
      const live_s = liveSeconds(schedule, schedule.fromMs, endMs) + wellKnownS
      runs.push({ seed, ...logs, live_s })
    }
    points.push({ part, overlay, at: { ...at }, set: { ...set }, plan: askedOf(plan, sums), runs })
  }
  const manifest: Manifest = {
    schema: P2PSIM_SCHEMA,
    study: study.name,
    points,
    left_out: left.flatMap(({ part, point: { overlay, at, set }, why }) =>
      why === undefined ? [] : [{ part, overlay, at: { ...at }, set: { ...set }, why }]
    )
  }
  await write('run.sh', scriptOf(commands))
  await write(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`)
  return manifest
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, NAME_CHARACTERS)

/** Who comes, goes and looks up is the same in every overlay, however it is set. */
function scheduleKey({ plan }: Point, seed: number): string {
  const { set: _set, workers: _workers, overlays: _overlays, ...what } = plan
  return JSON.stringify([what, seed])
}

function known<T>(map: Map<string, T>, key: string, make: () => T): T {
  const value = map.get(key) ?? make()
  map.set(key, value)
  return value
}

/** Runs that are there already are not run again. */
function scriptOf(commands: readonly string[]): string {
  return `#!/bin/sh
# Runs p2psim on the files beside this script. P2PSIM names its program, and is one in the PATH else.
set -u
cd "$(dirname "$0")" || exit 1
: "\${P2PSIM:=p2psim}"
mkdir -p out
failed=0
run() { # seed, protocol, topology, events, log
  [ -s "$5" ] && return
  echo "$5"
  if "$P2PSIM" -e "$1" "$2" "$3" "$4" > "$5.part" 2>&1; then mv "$5.part" "$5"; else failed=$((failed + 1)); fi
}
${commands.join('\n')}
[ "$failed" -eq 0 ] || { echo "$failed runs failed: what they said is in out/*.part" >&2; exit 1; }
`
}
