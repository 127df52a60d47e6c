/**
 * Runs on several threads. Results come back in the order of the tasks, whoever finished first, so they do not
 * depend on how many workers there are.
 */
import type { Worker } from 'node:worker_threads'
import type { CreateWorker } from './create-worker.ts'
import { RunError } from './errors.ts'
import type { FromWorker, RunTask, WorkerSetup } from './messages.ts'
import { Estimate, type Progress } from './progress.ts'
import type { RunResult } from './run-result.ts'

export interface PoolInit {
  readonly setup: WorkerSetup
  /** At most as many as there are tasks are started. */
  readonly workers: number
  readonly createWorker: CreateWorker
  /** Ends everything at once; `runAll` fails with its reason. */
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress) => void
}

/** @throws RunError  a run failed, or a thread ended: out of memory most of the time */
export async function runAll(tasks: readonly RunTask[], init: PoolInit): Promise<RunResult[]> {
  const { signal } = init
  signal.throwIfAborted()
  const results: RunResult[] = new Array(tasks.length)
  const count = Math.min(init.workers, tasks.length)
  const estimate = new Estimate(tasks, count)
  const workers: Worker[] = []
  let next = 0
  const over = Promise.withResolvers<void>()
  const onAbort = () => over.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  let left = tasks.length

  const give = (worker: Worker): void => {
    if (next === tasks.length) return
    const index = next
    next += 1
    const task = tasks[index]!
    estimate.began(index)
    worker.removeAllListeners()
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'failed') {
        over.reject(failed(task, message))
      } else if (message.type === 'progress') {
        init.onProgress(estimate.at(index, message.done))
      } else {
        results[index] = message.run
        left -= 1
        init.onProgress(estimate.at(index, 1))
        if (left === 0) over.resolve()
        else give(worker)
      }
    })
    worker.on('error', error => over.reject(died(task, error)))
    worker.on('exit', () => over.reject(new RunError(`${nameOf(task)}: its thread ended.`)))
    worker.postMessage(task)
  }

  try {
    for (let index = 0; index < count; index += 1) {
      const worker = init.createWorker(init.setup, count)
      workers.push(worker)
      give(worker)
    }
    await over.promise
    return results
  } finally {
    signal.removeEventListener('abort', onAbort)
    for (const worker of workers) worker.removeAllListeners()
    await Promise.all(workers.map(worker => worker.terminate()))
  }
}

const nameOf = ({ overlay, seed }: RunTask) => `The run of ${overlay} with seed ${seed}`

function failed(task: RunTask, { name, message }: { name: string; message: string }): RunError {
  return new RunError(`${nameOf(task)} failed: ${name === 'Error' ? '' : `${name}: `}${message}`)
}

function died(task: RunTask, error: unknown): RunError {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new RunError(`${nameOf(task)} does not fit into memory. Try fewer --workers, or fewer --nodes.`)
  }
  return new RunError(`${nameOf(task)}: its thread failed: ${message}`)
}
