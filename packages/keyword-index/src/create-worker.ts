/** The one place that starts the thread of the database, so that a bundle can start it from elsewhere. */
import { Worker, type WorkerOptions } from 'node:worker_threads'

const NAME = 'servent-index'

/** Runs from the sources by Node's type stripping, or from the build, whichever this file is in. */
export function createIndexWorker(): Worker {
  const fromSource = import.meta.url.endsWith('.ts')
  const url = new URL(fromSource ? './sqlite-worker.ts' : './sqlite-worker.js', import.meta.url)
  const options: WorkerOptions = { name: NAME }
  // Sources find each other by the export condition `source`; no build is needed for them then.
  if (fromSource) options.execArgv = ['--conditions=source']
  return new Worker(url, options)
}

/** For a program in one file, which carries `./sqlite-worker` as a text. */
export function indexWorkerFrom(source: string): () => Worker {
  return () => new Worker(source, { name: NAME, eval: true })
}
