/** Which code measured something: of real peers the whole program, of simulated ones what they run. */
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identityOfCode, identityOfProgram } from '../src/host.ts'

const FILES = [
  'packages/lab/src/a.ts',
  'packages/chord/src/in/b.ts',
  'apps/servent/src/c.ts',
  'package-lock.json'
]

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'servent-lab-'))
  for (const file of [...FILES, 'packages/lab/test/d.ts', 'apps/servent/test/e.ts']) {
    await mkdir(dirname(join(root, file)), { recursive: true })
    await writeFile(join(root, file), file)
  }
})
afterAll(() => rm(root, { recursive: true, force: true }))

const here = () => join(root, 'packages/lab/src')
const both = async () => [await identityOfCode(undefined, here()), await identityOfProgram(undefined, here())]

describe('an identity of code', () => {
  it.each([
    ['packages/lab/src/a.ts', [true, true]],
    ['packages/chord/src/in/b.ts', [true, true]],
    ['apps/servent/src/c.ts', [false, true]],
    ['package-lock.json', [false, true]],
    ['packages/lab/test/d.ts', [false, false]],
    ['apps/servent/test/e.ts', [false, false]]
  ])('is another after a change of %s: of simulated and of real peers %j', async (file, changes) => {
    const before = await both()
    expect(await both()).toEqual(before)
    await appendFile(join(root, file), 'changed')
    expect((await both()).map((identity, index) => identity !== before[index])).toEqual(changes)
  })

  it('of what is installed for all is of the program around its libraries, too', async () => {
    const program = join(root, 'lib/node_modules/servent')
    const lab = join(program, 'node_modules/@servent/lab/dist')
    const files = ['dist/main.js', 'dist/servent.mjs', 'node_modules/@servent/lab/dist/index.js']
    const versions = join(program, '../.package-lock.json')
    for (const file of files) {
      await mkdir(dirname(join(program, file)), { recursive: true })
      await writeFile(join(program, file), file)
    }
    for (const file of [join(program, 'dist/main.js'), join(program, 'dist/servent.mjs'), versions]) {
      const before = await identityOfProgram(undefined, lab)
      await appendFile(file, 'changed')
      expect(await identityOfProgram(undefined, lab), file).not.toBe(before)
    }
    await expect(identityOfCode(undefined, join(root, 'nowhere/lab/dist'))).rejects.toThrow('ENOENT')
  })

  it('of a program in one file is of what its workers run, and of real peers of all of it', async () => {
    const executable = join(root, 'servent')
    await writeFile(executable, 'all of it')
    const identities = async () => [
      await identityOfCode('worker'),
      await identityOfProgram('worker', here(), executable)
    ]
    const before = await identities()
    await appendFile(executable, 'changed')
    const after = await identities()
    expect([after[0] === before[0], after[1] === before[1]]).toEqual([true, false])
    expect(await identityOfCode('other worker')).not.toBe(before[0])
  })
})
