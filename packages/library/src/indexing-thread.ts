/** The indexing thread's beginning: opens the catalogue for writing and does what the main thread says. */
import type { MessagePort } from 'node:worker_threads'
import { isCorruption, openDatabase } from '@servent/database'
import { toErrorMessage } from './errors.ts'
import { Indexer } from './indexer.ts'
import type { FromWorker, OpenMessage, ToWorker } from './messages.ts'
import { migrateLibrary } from './schema.ts'

export function serveCatalogue(port: MessagePort): void {
  const tell = (message: FromWorker): void => port.postMessage(message)
  let indexer: Indexer | undefined

  async function receive(message: ToWorker): Promise<void> {
    if (message.type === 'open') {
      indexer = await begin(message, tell)
    } else if (message.type === 'stop') {
      await indexer?.stop()
      port.close()
    } else if (message.type === 'suspect') {
      indexer?.suspect(message.file)
    } else if (message.type === 'answers') {
      indexer?.answers(message.root)
    } else if (message.type === 'rescan') {
      indexer?.rescan(message.request)
    } else {
      try {
        indexer?.[message.type](message.request, message.path)
      } catch (error) {
        if (isCorruption(error)) throw error
        tell({ type: 'failure', request: message.request, error: toErrorMessage(error) })
      }
    }
  }

  // One after another: a message that comes while the catalogue is being opened waits for that.
  let received = Promise.resolve()
  port.on('message', (message: ToWorker) => {
    received = received
      .then(() => receive(message))
      .catch(error => {
        if (isLasting(error)) tell({ type: 'fatal', error: toErrorMessage(error) })
        throw error
      })
  })
}

async function begin(message: OpenMessage, tell: (message: FromWorker) => void): Promise<Indexer> {
  const database = openDatabase(message.databasePath)
  // What is lost when the power fails is found again by the next scan, so it need not wait for the disk.
  database.sql.exec('PRAGMA synchronous = NORMAL')
  migrateLibrary(database)
  const indexer = new Indexer(database, message, tell)
  await indexer.start()
  return indexer
}

/** Errors that come back however often the thread is started. */
function isLasting(error: unknown): boolean {
  const { name } = error as Error
  return isCorruption(error) || name === 'NewerDatabaseError' || name === 'LibrarySettingsError'
}
