/** What a part of the benchmark gives: how much was simulated, and what it took this process. */

export interface Cost {
  readonly wallS: number
  /** Of all threads of this process: the collector's and the compiler's work on other cores counts. */
  readonly cpuS: number
}

export interface Figures {
  readonly peers: number
  /** Virtual seconds that were measured. */
  readonly virtualS: number
  readonly messages: number
  readonly events: number
  readonly wallS: number
  readonly cpuS: number
  readonly traceHash: string
  /** What a part counts beside that. */
  readonly [detail: string]: number | string
}

/** Runs the work and says what it cost. */
export function cost(work: () => void): Cost {
  const beganMs = performance.now()
  const began = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(began)
  return { wallS: (performance.now() - beganMs) / 1000, cpuS: (user + system) / 1e6 }
}
