import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FOLDER_MODE, makeFolder } from '@servent/database/make-folder'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-make-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

describe('making a folder', () => {
  test('gives the mode to what is made, and leaves what stands as it is', async () => {
    const above = join(folder, 'above')
    await mkdir(above, { mode: 0o755 })
    makeFolder(join(above, 'one', 'two'), FOLDER_MODE)
    expect(await mode(above)).toBe(0o755)
    expect(await mode(join(above, 'one'))).toBe(0o700)
    expect(await mode(join(above, 'one', 'two'))).toBe(0o700)
    makeFolder(join(above, 'one', 'two'))
    expect(await mode(join(above, 'one', 'two'))).toBe(0o700)
  })

  test('without a mode gives what the process gives to all', async () => {
    const umask = process.umask()
    makeFolder(join(folder, 'one'))
    expect(await mode(join(folder, 'one'))).toBe(0o777 & ~umask)
  })

  test('where a file stands is refused', async () => {
    await writeFile(join(folder, 'file'), '')
    expect(() => makeFolder(join(folder, 'file'))).toThrow('EEXIST')
    expect(() => makeFolder(join(folder, 'file', 'within'))).toThrow('ENOTDIR')
  })

  test.runIf(process.platform === 'linux')('in /proc is refused, and soon', () => {
    for (const path of ['/proc/none', '/proc/none/within']) expect(() => makeFolder(path)).toThrow('ENOENT')
  })
})
