/**
 * One hash over everything that runs did and measured, and nothing that differs between hosts: no wall times,
 * no memory, no plan, no graph that is only kept of some runs, and no path of a lookup, which is told of beside what was
 * measured. So it changes when a protocol behaves otherwise, and only then.
 */
import { createHash, type Hash } from 'node:crypto'
import type { RunResult } from './run-result.ts'

/** Runs in the order of the plan: overlays, and seeds within each. */
export function fingerprintOf(runs: readonly RunResult[]): string {
  const hash = createHash('sha256')
  for (const { cost, graph: _graph, path: _path, ...run } of runs) add(hash, { ...run, events: cost.events })
  return hash.digest('hex')
}

/** Keys are taken in their alphabetical order, and each value with its kind, so that no two runs look alike. */
function add(hash: Hash, value: unknown): void {
  if (value instanceof Float64Array) {
    hash.update(`floats ${value.length}\n`)
    // Little-endian on every host.
    const bytes = new DataView(new ArrayBuffer(8 * value.length))
    for (const [index, number] of value.entries()) bytes.setFloat64(8 * index, number, true)
    hash.update(new Uint8Array(bytes.buffer))
  } else if (value !== null && typeof value === 'object') {
    const keys = Object.keys(value).sort()
    hash.update(`object ${keys.length}\n`)
    for (const key of keys) {
      hash.update(`${key}\n`)
      add(hash, (value as Record<string, unknown>)[key])
    }
  } else hash.update(`${typeof value} ${String(value)}\n`)
}
