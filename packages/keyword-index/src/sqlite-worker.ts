/**
 * The thread of the database. What waits when it turns to its messages is done in one transaction, so that a queue of
 * announcements shares one wait for the disk; they are acknowledged when that is over. It takes no arguments but
 * messages, so it can be started from a file, a bundle or a text.
 */
import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { isCorruption } from '@servent/database'
import { answerFromIndex } from './answer.ts'
import { type CallMessage, type FromStore, type ToStore, toErrorMessage } from './sqlite-messages.ts'
import { SqliteStore } from './sqlite-store.ts'
import type { IndexAnswer } from './types.ts'

/** What one transaction takes in, so that searches behind it do not wait long. */
const BATCH_CALLS = 256
const BATCH_FILES = 4096

if (parentPort === null)
  throw new Error('This file runs in a worker thread: start it by createIndexWorker().')
const port: MessagePort = parentPort
const tell = (message: FromStore): void => port.postMessage(message)

let store: SqliteStore | undefined

port.on('message', (message: ToStore) => {
  if (message.type === 'open') {
    open(message)
    return
  }
  let next: ToStore | undefined = message
  while (next !== undefined) {
    const batch: CallMessage[] = []
    let files = 0
    while (next?.type === 'call') {
      batch.push(next)
      if (next.question.type === 'index-add') files += next.question.files.length
      next = batch.length < BATCH_CALLS && files < BATCH_FILES ? received() : undefined
    }
    if (batch.length > 0) run(store!, batch)
    if (next?.type === 'close') {
      store?.close()
      port.close()
      return
    }
    next = received()
  }
})

const received = (): ToStore | undefined => receiveMessageOnPort(port)?.message as ToStore | undefined

function open({ path, postingsTouchedMax }: Extract<ToStore, { type: 'open' }>): void {
  try {
    store = new SqliteStore({ path, postingsTouchedMax })
    tell({ type: 'open' })
  } catch (error) {
    tell({ type: 'fatal', error: toErrorMessage(error) })
    port.close()
  }
}

const WRITES: ReadonlySet<string> = new Set([
  'index-add',
  'index-remove',
  'index-remove-owner',
  'index-clear'
])

function run(index: SqliteStore, batch: readonly CallMessage[]): void {
  if (!batch.some(isWriting)) {
    for (const message of batch) tell(outcome(index, message))
    return
  }
  const written: FromStore[] = []
  const read = new Set<CallMessage>()
  try {
    index.database.transaction(() => {
      for (const message of batch) {
        const answer = outcome(index, message)
        if (isWriting(message)) {
          written.push(answer)
        } else {
          // What only reads need not wait for the disk.
          read.add(message)
          tell(answer)
        }
      }
    })
  } catch (error) {
    if (isCorruption(error)) throw error
    index.recount()
    for (const message of batch) if (!read.has(message)) tell(failure(message, error))
    return
  }
  for (const answer of written) tell(answer)
}

const isWriting = ({ question }: CallMessage): boolean => WRITES.has(question.type)

function outcome(index: SqliteStore, message: CallMessage): FromStore {
  try {
    return { type: 'answer', call: message.call, answer: answer(index, message) }
  } catch (error) {
    // A full disk may have ended the transaction around all of the batch: then none of it was written.
    const isEnded = isWriting(message) && !index.database.sql.isTransaction
    if (isCorruption(error) || isEnded) throw error
    return failure(message, error)
  }
}

const failure = ({ call }: CallMessage, error: unknown): FromStore => ({
  type: 'failure',
  call,
  error: toErrorMessage(error)
})

function answer(index: SqliteStore, { question }: CallMessage): IndexAnswer | undefined {
  if (question.type !== 'index-clear') return answerFromIndex(index, question)
  index.clear()
  return undefined
}
