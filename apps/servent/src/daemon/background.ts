/** Starts the node as a process of its own and waits until it is ready. */
import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { FOLDER_MODE, makeFolder } from '@servent/database/make-folder'
import type { Config } from '@servent/node'
import { tokenFile } from '../api/secret.ts'
import { Client } from '../cli/client.ts'
import { type Problem, ProblemError, problemOf } from '../problem.ts'
import { ownCommand } from './binary.ts'
import type { Ready } from './ready.ts'

/** A first start makes an identity and a database; a start after a crash looks through partial files. */
const READY_MS_MAX = 60_000
/** What a process says that dies before its log is open: Node's own words. */
const CRASH_FILE = 'crash.log'
const FILE_MODE = 0o600

type Message = Ready | ({ readonly event: 'error' } & Problem)

/** @throws ProblemError  it ended, or was not ready in time */
export async function startInBackground(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal
): Promise<Ready> {
  const running = await alreadyRunning(config)
  if (running !== undefined) return running
  makeFolder(config.stateDir, FOLDER_MODE)
  const crashFile = join(config.stateDir, CRASH_FILE)
  const crash = openSync(crashFile, 'a', FILE_MODE)
  const [command, ...given] = ownCommand(process.argv)
  // The same line again: every flag means the same to the child.
  const child = spawn(command!, [...given, '--report-to-parent'], {
    detached: true,
    env,
    stdio: ['ignore', 'ignore', crash, 'ipc'],
    windowsHide: true
  })
  const late = AbortSignal.timeout(READY_MS_MAX)
  try {
    return await new Promise<Ready>((resolve, reject) => {
      child.once('error', reject)
      child.once('message', message => {
        const told = message as Message
        if (told.event === 'ready') resolve(told)
        else {
          const { code, message: text, why, try: advice } = told
          reject(
            new ProblemError({ code, message: text, ...(why && { why }), ...(advice && { try: advice }) })
          )
        }
      })
      child.once('exit', (code, killer) => {
        const how = killer === null ? `with code ${code}` : `by ${killer}`
        reject(
          new ProblemError({
            code: 'failed',
            message: `The node ended ${how} before it was ready.`,
            try: `read the last lines of ${crashFile}, or run: servent start --foreground`
          })
        )
      })
      const give = (problem: Problem) => () => {
        child.kill('SIGTERM')
        reject(new ProblemError(problem))
      }
      late.addEventListener(
        'abort',
        give({
          code: 'timed-out',
          message: `The node was not ready after ${READY_MS_MAX / 1000} s and was ended.`,
          try: 'servent start --foreground'
        })
      )
      signal.addEventListener(
        'abort',
        give({ code: 'interrupted', message: 'The node was not ready yet and was ended.' })
      )
    })
  } finally {
    // From here on it is on its own.
    if (child.connected) child.disconnect()
    child.unref()
  }
}

/** A second start on one folder is no mistake: what was wanted is there. */
async function alreadyRunning(config: Config): Promise<Ready | undefined> {
  try {
    const client = await Client.connect(config.dataDir)
    const daemon = await client.call<Omit<Ready, 'event' | 'api'>>({ method: 'GET', path: '/v1/daemon' })
    const { url, socket } = client.notice
    return {
      event: 'ready',
      ...daemon,
      api: { url, tokenFile: tokenFile(config.dataDir), ...(socket === undefined ? {} : { socket }) },
      already: true
    }
  } catch (error) {
    if (problemOf(error).code === 'no-daemon') return undefined
    throw error
  }
}
