/**
 * A network of daemons of which one shares a large library: what it announces, while others search for it all the time,
 * and what that costs. Names are words by Zipf's law, with a number of its own in each.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeStatus } from '@servent/node'
import type { Daemon } from './harness.ts'

type Announced = NonNullable<NodeStatus['overlays'][number]['announced']>

const FILES_PER_FOLDER = 1000
const WORDS = 20_000
const WORDS_PER_NAME = 4

/** Repeatable, and like chance. */
function lottery(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Of ranks from 1: the word of rank r is drawn r times less often than the first. */
function zipf(words: number): (draw: number) => number {
  const sums: number[] = []
  let sum = 0
  for (let rank = 1; rank <= words; rank += 1) {
    sum += 1 / rank
    sums.push(sum)
  }
  return draw => {
    const wanted = draw * sum
    let low = 0
    for (let high = words - 1; low < high; ) {
      const middle = (low + high) >> 1
      if (sums[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low + 1
  }
}

/** A word that only this file has. */
export const numberOf = (file: number): string => `number${String(file).padStart(6, '0')}`
/** The most common word. */
export const COMMON_WORD = 'word1'

export async function writeLibrary(folder: string, files: number): Promise<void> {
  const draw = lottery(1)
  const rank = zipf(WORDS)
  for (let from = 0; from < files; from += FILES_PER_FOLDER) {
    const into = join(folder, `folder ${from / FILES_PER_FOLDER}`)
    await mkdir(into, { recursive: true })
    for (let file = from; file < Math.min(files, from + FILES_PER_FOLDER); file += 1) {
      const words = Array.from({ length: WORDS_PER_NAME }, () => `word${rank(draw())}`)
      await writeFile(join(into, `${words.join(' ')} ${numberOf(file)}.txt`), numberOf(file))
    }
  }
}

export interface Search {
  readonly ms: number
  readonly hits: number
  /** Why it was not answered, or not to the end. */
  readonly reason?: string
}

/** A connection that was kept, and that the daemon ends just then, is no answer: it is asked on a new one. */
async function ask(daemon: Daemon, path: string, init: RequestInit = {}): Promise<Response> {
  const response = await daemon.api(path, init).catch(() => daemon.api(path, init))
  if (!response.ok) throw new Error(`${path} gave ${response.status} ${await response.text()}`)
  return response
}

/** By the API, of the daemon's whole network. */
export async function search(daemon: Daemon, words: string, overlay: string): Promise<Search> {
  const startMs = performance.now()
  const response = await ask(daemon, '/v1/searches', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: words, overlays: [overlay], limit: 1 })
  })
  const text = await response.text()
  if (text === '') throw new Error(`A search of ${daemon.home} ended without a word.`)
  const last = JSON.parse(text.trim().split('\n').at(-1)!)
  const ms = performance.now() - startMs
  if (last.event !== 'done') return { ms, hits: 0, reason: last.message ?? JSON.stringify(last) }
  const [one] = last.overlays
  return { ms, hits: last.hits, ...(one.reason === undefined ? {} : { reason: one.reason }) }
}

export async function announcedOf(daemon: Daemon, overlay: string): Promise<Announced> {
  const status = (await (await ask(daemon, '/v1/status')).json()) as NodeStatus
  return status.overlays.find(({ name }) => name === overlay)!.announced!
}

export async function countersOf(daemon: Daemon, overlay: string): Promise<Record<string, number>> {
  const snapshot = await (await ask(daemon, `/v1/overlays/${overlay}`)).json()
  return (snapshot as { counters: Record<string, number> }).counters
}

const TICKS_PER_S = 100
/** As Linux says it; elsewhere nothing is measured. */
export async function costOf({ pid }: Daemon): Promise<{ cpuS: number; residentBytes: number }> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    return {
      cpuS: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S,
      residentBytes: 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])
    }
  } catch {
    return { cpuS: Number.NaN, residentBytes: Number.NaN }
  }
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN
}

export interface Sample extends Announced {
  readonly atS: number
}

export interface Course {
  readonly seconds: number
  readonly samples: readonly Sample[]
  readonly searches: readonly (Search & { readonly word: string })[]
  readonly end: Announced
}

/**
 * Looks at the status of who announces each few seconds until nothing is left, or the time is over; meanwhile others
 * search one after the other, in turns for a file that may be announced by then and for the most common word.
 */
export async function follow(
  giver: Daemon,
  others: readonly Daemon[],
  overlay: string,
  files: number,
  withinS: number,
  onSample: (sample: Sample) => void = () => {}
): Promise<Course> {
  const samples: Sample[] = []
  const searches: (Search & { word: string })[] = []
  const startMs = performance.now()
  const secondsNow = () => (performance.now() - startMs) / 1000
  let isOver = false
  const seek = async () => {
    const draw = lottery(7)
    for (let turn = 0; !isOver; turn += 1) {
      const word = turn % 2 === 0 ? numberOf(Math.floor(draw() * files)) : COMMON_WORD
      searches.push({ ...(await search(others[turn % others.length]!, word, overlay)), word })
      await new Promise(resolve => setTimeout(resolve, 250))
    }
  }
  const seeking = seek()
  let end: Announced
  try {
    for (;;) {
      end = await announcedOf(giver, overlay)
      samples.push({ ...end, atS: secondsNow() })
      onSample(samples.at(-1)!)
      if (end.of === files && end.files + (end.refused ?? 0) >= end.of) break
      if (secondsNow() > withinS) break
      await new Promise(resolve => setTimeout(resolve, 2000))
    }
  } finally {
    isOver = true
    await seeking
  }
  return { seconds: secondsNow(), samples, searches, end }
}
