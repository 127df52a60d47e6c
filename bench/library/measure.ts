/** Times of many small things, and what a process costs meanwhile. */

export interface Times {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export const round = (number: number, digits = 2): number => Number(number.toFixed(digits))

export function timesOf(ms: readonly number[]): Times {
  const sorted = [...ms].sort((a, b) => a - b)
  const at = (part: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN, 3)
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}

export interface Cost {
  readonly seconds: number
  /** Of all threads of this process. */
  readonly cpuSeconds: number
}

export async function cost(work: () => Promise<unknown> | unknown): Promise<Cost> {
  const beganMs = performance.now()
  const began = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(began)
  return { seconds: round((performance.now() - beganMs) / 1000), cpuSeconds: round((user + system) / 1e6) }
}

const MIB = 2 ** 20
const SAMPLE_MS = 50

/** The most memory (RSS, MiB) of this process from its start until it is asked. */
export class Memory {
  readonly startMib = round(process.memoryUsage.rss() / MIB, 1)
  #most = 0
  readonly #timer = setInterval(() => this.#look(), SAMPLE_MS).unref()

  #look(): void {
    this.#most = Math.max(this.#most, process.memoryUsage.rss())
  }

  now(): number {
    return round(process.memoryUsage.rss() / MIB, 1)
  }

  most(): number {
    this.#look()
    return round(this.#most / MIB, 1)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
