/**
 * Where the library's threads begin: the one that indexes, and the one that it starts to read tags. Arguments and
 * messages are all that they are given, so they can be started from a file, a bundle or a text.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { serveTags, TAG_THREAD } from './tag-thread.ts'

const port = parentPort
if (port === null) throw new Error('This file runs in a worker thread: start it by createLibraryWorker().')

// The one that reads tags is started when a file waits for it, and loads nothing else.
const isForTags = (workerData as { thread?: string } | null)?.thread === TAG_THREAD
const serving = isForTags
  ? serveTags(port)
  : import('./indexing-thread.ts').then(({ serveCatalogue }) => serveCatalogue(port))
serving.catch(error => {
  throw error
})
