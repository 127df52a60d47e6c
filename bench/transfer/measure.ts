/** Processor time and memory of a process: its own, or by /proc of another. */
import { readFile } from 'node:fs/promises'

export interface Cost {
  /** Of all threads. */
  readonly cpuSeconds: number
  /** Most that the resident set was above its start. */
  readonly growthBytes: number
}

const SAMPLE_MS = 25
/** Clock ticks of /proc/<pid>/stat: 100 a second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

interface Reading {
  readonly cpuSeconds: number
  readonly rssBytes: number
}

/** Measures from here until `stop`. */
export class Meter {
  readonly #read: () => Promise<Reading>
  #start: Reading = { cpuSeconds: 0, rssBytes: 0 }
  #most = 0
  #timer: NodeJS.Timeout | undefined

  private constructor(read: () => Promise<Reading>) {
    this.#read = read
  }

  /** This process, or the one with this pid (on Linux; others give NaN). */
  static async start(pid?: number): Promise<Meter> {
    const meter = new Meter(pid === undefined ? own : () => other(pid))
    meter.#start = await meter.#read()
    meter.#timer = setInterval(async () => meter.#sample((await meter.#read()).rssBytes), SAMPLE_MS).unref()
    return meter
  }

  async stop(): Promise<Cost> {
    clearInterval(this.#timer)
    const end = await this.#read()
    this.#sample(end.rssBytes)
    return {
      cpuSeconds: end.cpuSeconds - this.#start.cpuSeconds,
      growthBytes: Math.max(0, this.#most - this.#start.rssBytes)
    }
  }

  #sample(rssBytes: number): void {
    this.#most = Math.max(this.#most, rssBytes)
  }
}

async function own(): Promise<Reading> {
  const { user, system } = process.cpuUsage()
  return { cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage.rss() }
}

async function other(pid: number): Promise<Reading> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8')
    ])
    // The name of the program, in brackets, may hold spaces: fields count from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = Number(fields[11]) + Number(fields[12])
    const rssKiB = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])
    return { cpuSeconds: ticks / TICKS_PER_SECOND, rssBytes: rssKiB * 1024 }
  } catch {
    return { cpuSeconds: Number.NaN, rssBytes: Number.NaN }
  }
}
