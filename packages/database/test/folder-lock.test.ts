import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type FolderLockedError, lockFolder } from '@servent/database'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let folder: string
let holder: ChildProcess | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'servent-lock-'))
})

afterEach(async () => {
  if (holder !== undefined && holder.exitCode === null && holder.signalCode === null) {
    holder.kill('SIGKILL')
    await once(holder, 'exit')
  }
  holder = undefined
  rmSync(folder, { recursive: true, force: true })
})

async function holdInAnotherProcess(): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./fixtures/hold-lock.ts', import.meta.url))
  holder = spawn(process.execPath, ['--expose-gc', '--conditions=source', script, folder], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  await once(holder.stdout!, 'data')
  return holder
}

function refusal(): FolderLockedError {
  try {
    lockFolder(folder).release()
  } catch (error) {
    return error as FolderLockedError
  }
  throw new Error('The lock was given.')
}

describe('the lock of a data folder', () => {
  test('is refused while another process holds it, and names that process', async () => {
    const other = await holdInAnotherProcess()
    const error = refusal()
    expect(error.name).toBe('FolderLockedError')
    expect(error.pid).toBe(other.pid)
    expect(error.message).toBe(
      `The folder ${folder} is in use by process ${other.pid}. Stop it first, or use another data folder.`
    )
    // Asking is harmless: the other process still holds it.
    expect(refusal().pid).toBe(other.pid)
  })

  test('is freed by kill -9 of its holder', async () => {
    const other = await holdInAnotherProcess()
    other.kill('SIGKILL')
    await once(other, 'exit')
    lockFolder(folder).release()
  })

  test('is refused to a second part of the same process, and given again after release', () => {
    const first = lockFolder(folder)
    expect(refusal().pid).toBe(process.pid)
    first.release()
    first.release()
    using second = lockFolder(folder)
    expect(second.folder).toBe(folder)
    expect(refusal().pid).toBe(process.pid)
  })

  test('names no process when the note beside it is missing, senseless or of a dead one', () => {
    using _held = lockFolder(folder)
    for (const note of ['', 'x\n', '0\n', '-1\n', '4194305\n']) {
      writeFileSync(join(folder, 'servent.pid'), note)
      expect(refusal().message).toContain('in use by another process.')
    }
    rmSync(join(folder, 'servent.pid'))
    expect(refusal().pid).toBeUndefined()
  })

  test('makes the folder for its user alone, and takes its note away', () => {
    const fresh = join(folder, 'a', 'b')
    lockFolder(fresh).release()
    if (process.platform !== 'win32') expect(statSync(fresh).mode & 0o777).toBe(0o700)
    expect(existsSync(join(fresh, 'servent.pid'))).toBe(false)
  })

  test('an error that is no lock is passed on', () => {
    writeFileSync(join(folder, 'servent.lock'), 'this is no database, and not empty either '.repeat(100))
    expect(() => lockFolder(folder)).toThrow(/not a database/)
  })
})
