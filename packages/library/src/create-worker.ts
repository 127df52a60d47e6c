/** The one place that starts the indexing thread, so that a bundle can start it from elsewhere. */
import { Worker, type WorkerOptions } from 'node:worker_threads'

/** Runs from the sources by Node's type stripping, or from the build, whichever this file is in. */
export function createLibraryWorker(): Worker {
  const fromSource = import.meta.url.endsWith('.ts')
  const url = new URL(fromSource ? './worker.ts' : './worker.js', import.meta.url)
  const options: WorkerOptions = { name: 'servent-library' }
  // Sources find each other by the export condition `source`; no build is needed for them then.
  if (fromSource) options.execArgv = ['--conditions=source']
  return new Worker(url, options)
}
