/** The example programs as somebody finds them who has just cloned and built: installed by npm from their locks. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ownPackages, PROGRAMS, ROOT, runProgram } from './programs.ts'

const INSTALL_MS_MAX = 300_000
const RUN_MS_MAX = 120_000
/** Nothing that is installed or built goes along, but what a package consists of. */
const LEFT_BEHIND: ReadonlySet<string> = new Set(['node_modules', 'test'])

let clone: string

beforeAll(() => {
  clone = mkdtempSync(join(tmpdir(), 'servent-examples-'))
  const filter = (path: string) => !LEFT_BEHIND.has(basename(path))
  for (const folder of [...ownPackages().values(), 'examples'])
    cpSync(join(ROOT, folder), join(clone, folder), { recursive: true, filter })
})

afterAll(() => rmSync(clone, { recursive: true, force: true }))

describe.each(Object.entries(PROGRAMS))('%s', (name, expected) => {
  it(
    'is installed and runs',
    () => {
      const folder = join(clone, 'examples', name)
      const { status, stdout, stderr } = spawnSync(
        'npm',
        ['ci', '--ignore-scripts', '--no-audit', '--no-fund'],
        {
          cwd: folder,
          encoding: 'utf8',
          timeout: INSTALL_MS_MAX
        }
      )
      expect(status, `${stdout}${stderr}`).toBe(0)
      const lines = runProgram(folder, [], RUN_MS_MAX)
      expect(lines).toHaveLength(expected.length)
      for (const [index, line] of lines.entries()) expect(line).toMatch(expected[index]!)
    },
    INSTALL_MS_MAX + RUN_MS_MAX
  )
})
