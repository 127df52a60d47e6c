/** Processes of the node benchmark, and the lines that they exchange with it. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A child whose input ends cleans up and exits; one that does not is killed. */
const END_MS_MAX = 5_000

/** One JSON line of a child. */
export interface Report {
  readonly address?: string
  /** Milliseconds since 1970, as the child saw it. */
  readonly atMs?: number
  /** MiB. */
  readonly rss?: number
  readonly heap?: number
}

export interface Child {
  /** Milliseconds since 1970. */
  readonly spawnedMs: number
  ask(question: 'memory' | 'wait'): void
  /** The next line; rejects when the child ends without one. */
  next(): Promise<Report>
  end(): Promise<void>
}

export function spawnRole(role: string, args: readonly string[]): Child {
  const script = fileURLToPath(new URL('./node-roles.mjs', import.meta.url))
  const spawnedMs = Date.now()
  const child = spawn(process.execPath, ['--expose-gc', script, role, ...args], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const closed = new Promise<void>(resolve => child.once('close', () => resolve()))
  return {
    spawnedMs,
    ask: question => void child.stdin.write(`${question}\n`),
    async next() {
      const { value, done } = await lines.next()
      if (done === true) throw new Error(`The process "${role}" of the benchmark ended early.`)
      return JSON.parse(value) as Report
    },
    async end() {
      child.stdin.end()
      const late = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX)
      await closed
      clearTimeout(late)
    }
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
