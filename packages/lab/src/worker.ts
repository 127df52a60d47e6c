/** A worker thread: runs one network after another and says how far it is. */
import { setFlagsFromString } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import type { FromWorker, Job, WorkerSetup } from './messages.ts'
import { filesIn } from './models.ts'
import { runOnce } from './run.ts'

/** Between two words of progress: often enough for a line that people look at. */
const PROGRESS_MS = 200
/**
 * By how much the heap may grow before what is dead in it is looked for. Left alone, V8 lets a large heap grow to four
 * times what lives in it, for the sake of speed: of the machines of a network nearly all live to its end, so that
 * is memory for nothing.
 */
const HEAP_GROWING_PERCENT = 50

setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
// Tables of machines are typed arrays, outside the heap: left alone, V8 marks all that lives anew with every 64 MiB of
// them, a hundred times where peers have some gigabytes. Bounded with the heap they grow by a part of what there is.
setFlagsFromString('--external-memory-accounted-in-global-limit')

const port = parentPort!
const { texts } = workerData as WorkerSetup

port.on('message', (job: Job) => {
  let toldMs = performance.now()
  const onProgress = (done: number) => {
    const nowMs = performance.now()
    if (nowMs - toldMs < PROGRESS_MS) return
    toldMs = nowMs
    tell({ type: 'progress', done })
  }
  try {
    tell({ type: 'result', run: runOnce(job.plan, filesIn(texts, job.plan), job, onProgress) })
  } catch (error) {
    const { name, message } = error as Error
    tell({ type: 'failed', name, message })
  }
})

function tell(message: FromWorker): void {
  port.postMessage(message)
}
