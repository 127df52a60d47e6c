/**
 * A limit on what a remote peer controls is a named constant, or a field of settings with a default, in its
 * room's `constants.ts` or `limits.ts`, and a test uses it: at the limit, and one past it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT, read, sourceFiles } from './sources.ts'

/** The library's own limits are on the user's disk, which no remote peer writes to. */
const LIMITS_FILE = /^(?!packages\/library\/).*\/([a-z-]*constants|[a-z-]*limits)\.ts$/
const LIMIT = /^\s*(?:export )?(?:const ([A-Z][A-Z0-9_]*_MAX)|readonly (\w+Max))\b/gm
const IMPORT = /^import [^;]*? from '[^']+'$/gm

function testTexts(): string {
  const texts: string[] = []
  for (const floor of ['packages', 'apps', 'test']) {
    for (const entry of readdirSync(join(ROOT, floor), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
      if (path.includes('node_modules') || path.includes('/dist/') || path.includes('/test/house/')) continue
      if (path.includes('/test/')) texts.push(readFileSync(path, 'utf8').replace(IMPORT, ''))
    }
  }
  return texts.join('\n')
}

it('every limit is named in a test', () => {
  const texts = testTexts()
  const unnamed = sourceFiles()
    .filter(file => LIMITS_FILE.test(file))
    .flatMap(file =>
      [...read(file).matchAll(LIMIT)]
        .map(match => `${file}: ${match[1] ?? match[2]}`)
        .filter(line => !texts.includes(line.split(': ')[1]!))
    )
  expect(unnamed).toEqual([])
})
