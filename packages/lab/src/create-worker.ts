/** The one place that starts a worker thread, so that a bundle can start it from elsewhere. */
import { Worker, type WorkerOptions } from 'node:worker_threads'
import { memoryForRuns } from './memory.ts'
import type { WorkerSetup } from './messages.ts'

const MIB = 2 ** 20

/** Starts a worker. `workers` run at a time and share the memory. */
export type CreateWorker = (setup: WorkerSetup, workers: number) => Worker

/** Runs from the sources by Node's type stripping, or from the build, whichever this file is in. */
export const createWorker: CreateWorker = (setup, workers) => {
  const fromSource = import.meta.url.endsWith('.ts')
  const url = new URL(fromSource ? './worker.ts' : './worker.js', import.meta.url)
  const options = workerOptions(setup, workers)
  // Sources find each other by the export condition `source`; no build is needed for them then.
  return new Worker(url, fromSource ? { ...options, execArgv: ['--conditions=source'] } : options)
}

/** For a program in one file, which carries the worker's script as a text. */
export const workerFrom =
  (source: string): CreateWorker =>
  (setup, workers) =>
    new Worker(source, { ...workerOptions(setup, workers), eval: true })

function workerOptions(setup: WorkerSetup, workers: number): WorkerOptions {
  return {
    name: 'servent-lab',
    workerData: setup,
    // Node's own limit is made for servers and would end large networks on large machines.
    resourceLimits: { maxOldGenerationSizeMb: Math.floor(memoryForRuns() / workers / MIB) }
  }
}
