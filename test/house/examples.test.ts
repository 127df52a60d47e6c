/** The examples that people copy, from the README and from docstrings, run as they stand. */
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { ROOT, read, sourceFiles } from './sources.ts'

interface Example {
  readonly where: string
  readonly code: string
}

function examplesOf(where: string, text: string): Example[] {
  const blocks = [...text.matchAll(/```ts\n([\s\S]*?)\n```/g)]
  return blocks.map(({ 1: code }, place) => ({ where: `${where}, example ${place + 1}`, code: code! }))
}

/** Programs that can run by themselves: those that import what they use. */
function examples(): Example[] {
  const docstrings = sourceFiles().flatMap(file => examplesOf(file, read(file).replace(/^ *\* ?/gm, '')))
  return [...examplesOf('README.md', read('README.md')), ...docstrings].filter(({ code }) =>
    code.includes('import ')
  )
}

function run(code: string) {
  const args = ['--conditions=source', '--input-type=module-typescript', '--eval', code]
  return spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', timeout: 15_000 })
}

describe('examples', () => {
  it('there are some', () => {
    expect(examples().map(({ where }) => where)).toEqual(
      expect.arrayContaining(['README.md, example 1', 'packages/gnutella/src/index.ts, example 1'])
    )
  })

  it.each(examples())('$where runs', ({ code }) => {
    const { status, stderr } = run(code)
    expect(stderr).toBe('')
    expect(status).toBe(0)
  })

  it('sees one that does not', () => {
    expect(run("import { gone } from '@servent/overlay'\ngone()").status).toBe(1)
  })
})
