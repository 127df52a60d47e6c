/**
 * Runs on several threads, begun in the order of the jobs and told of as they end, whoever is first: each says which it
 * is, so that nothing depends on how many workers there are.
 */
import type { Worker } from 'node:worker_threads'
import type { CreateWorker } from './create-worker.ts'
import { RunError } from './errors.ts'
import type { FromWorker, Job, RunTask, WorkerSetup } from './messages.ts'
import { Estimate, type Progress } from './progress.ts'
import type { RunResult } from './run-result.ts'

export interface PoolInit {
  readonly setup: WorkerSetup
  /** At most as many as there are jobs are started. */
  readonly workers: number
  readonly createWorker: CreateWorker
  /** Ends everything at once; `runAll` fails with its reason. */
  readonly signal: AbortSignal
  readonly onRun: (index: number, run: RunResult) => void
  /** `index` is the job that it is heard of. */
  readonly onProgress: (progress: Progress, index: number) => void
}

/** @throws RunError  a run failed, or a thread ended: out of memory most of the time */
export async function runAll(jobs: readonly Job[], init: PoolInit): Promise<void> {
  const { signal } = init
  signal.throwIfAborted()
  if (jobs.length === 0) return
  const most = Math.max(...jobs.map(({ atATime }) => atATime))
  const least = Math.min(...jobs.map(({ atATime }) => atATime))
  const count = Math.min(init.workers, jobs.length, most)
  const estimate = new Estimate(jobs, count)
  const workers: Worker[] = []
  const idle: Worker[] = []
  const running = new Set<number>()
  let next = 0
  const over = Promise.withResolvers<void>()
  const onAbort = () => over.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  let left = jobs.length

  /** Gives the next job to whoever is idle, as long as it fits into memory beside those that run. */
  const giveAll = (): void => {
    while (next < jobs.length && idle.length > 0) {
      const fits = Math.min(jobs[next]!.atATime, ...[...running].map(index => jobs[index]!.atATime))
      if (running.size >= fits) return
      running.add(next)
      give(idle.pop()!, next)
      next += 1
    }
  }
  const give = (worker: Worker, index: number): void => {
    const job = jobs[index]!
    estimate.began(index)
    worker.removeAllListeners()
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'failed') {
        over.reject(failed(job, message))
      } else if (message.type === 'progress') {
        init.onProgress(estimate.at(index, message.done), index)
      } else {
        running.delete(index)
        idle.push(worker)
        left -= 1
        try {
          init.onRun(index, message.run)
        } catch (error) {
          // It can be kept nowhere: what comes after it could not either.
          over.reject(error)
          return
        }
        init.onProgress(estimate.at(index, 1), index)
        if (left === 0) over.resolve()
        else giveAll()
      }
    })
    worker.on('error', error => over.reject(died(job, error)))
    worker.on('exit', () => over.reject(new RunError(`${nameOf(job)}: its thread ended.`)))
    worker.postMessage(job)
  }

  try {
    for (let index = 0; index < count; index += 1) {
      // As much memory as the largest job may need: fewer run beside that one.
      const worker = init.createWorker(init.setup, Math.min(count, least))
      workers.push(worker)
      idle.push(worker)
    }
    giveAll()
    await over.promise
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
