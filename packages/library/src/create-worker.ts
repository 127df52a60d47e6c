/** The one place that starts the library's threads, so that a bundle can start them from elsewhere. */
import { Worker, type WorkerOptions, workerData } from 'node:worker_threads'
import { TAG_THREAD_MIB } from './limits.ts'
import { TAG_THREAD } from './tag-thread.ts'

/** What a thread of a bundle is given, so that it can start another one. */
interface Bundled {
  readonly source: string
}

/** Runs from the sources by Node's type stripping, or from the build, whichever this file is in. */
export function createLibraryWorker(): Worker {
  return fromFile({ name: 'servent-library' })
}

/** For a program in one file, which carries `./worker` as a text. */
export function libraryWorkerFrom(source: string): () => Worker {
  const bundled: Bundled = { source }
  return () => new Worker(source, { name: 'servent-library', eval: true, workerData: bundled })
}

/** The thread that reads tags, from where the calling thread came from. Its memory is bounded. */
export function createTagWorker(): Worker {
  const options: WorkerOptions = {
    name: 'servent-tags',
    workerData: { thread: TAG_THREAD },
    resourceLimits: { maxOldGenerationSizeMb: TAG_THREAD_MIB }
  }
  const source = (workerData as Partial<Bundled> | null)?.source
  return source === undefined ? fromFile(options) : new Worker(source, { ...options, eval: true })
}

function fromFile(options: WorkerOptions): Worker {
  const fromSource = import.meta.url.endsWith('.ts')
  const url = new URL(fromSource ? './worker.ts' : './worker.js', import.meta.url)
  // Sources find each other by the export condition `source`; no build is needed for them then.
  return new Worker(url, fromSource ? { ...options, execArgv: ['--conditions=source'] } : options)
}
