/**
 * How other processes of this user find the node of a data folder: `daemon.json`, written when the API
 * listens, taken away when it ends. After a crash it is stale, which a request to the API tells.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface DaemonNotice {
  readonly pid: number
  readonly version: string
  /** Of the API on loopback, as `http://127.0.0.1:6347`. */
  readonly url: string
  /** Path of the API's unix socket, where there is one. */
  readonly socket?: string
  /** Milliseconds since 1970. */
  readonly startedMs: number
}

const FILE_NAME = 'daemon.json'
const FILE_MODE = 0o600

const noticeFile = (dataDir: string): string => join(dataDir, FILE_NAME)

/** Written whole or not at all: a reader never sees half of it. */
export async function writeNotice(dataDir: string, notice: DaemonNotice): Promise<void> {
  const path = noticeFile(dataDir)
  await writeFile(`${path}.new`, `${JSON.stringify(notice)}\n`, { mode: FILE_MODE })
  await rename(`${path}.new`, path)
}

export async function removeNotice(dataDir: string): Promise<void> {
  await rm(noticeFile(dataDir), { force: true })
}

/** Nothing where no node says that it runs on this folder. */
export async function readNotice(dataDir: string): Promise<DaemonNotice | undefined> {
  try {
    const notice = JSON.parse(await readFile(noticeFile(dataDir), 'utf8')) as Partial<DaemonNotice>
    if (typeof notice.url !== 'string' || typeof notice.pid !== 'number') return undefined
    return notice as DaemonNotice
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || error instanceof SyntaxError) return undefined
    throw error
  }
}
