/**
 * Where the library's threads begin: the one that indexes, and the one that it starts to read tags. Arguments and
 * messages are all that they are given, so they can be started from a file, a bundle or a text.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { serveCatalogue } from './indexing-thread.ts'
import { serveTags, TAG_THREAD } from './tag-thread.ts'

const port = parentPort
if (port === null) throw new Error('This file runs in a worker thread: start it by createLibraryWorker().')

if ((workerData as { thread?: string } | null)?.thread === TAG_THREAD) {
  serveTags(port).catch(error => {
    throw error
  })
} else {
  serveCatalogue(port)
}
