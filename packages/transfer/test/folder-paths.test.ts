/** Paths of a listing's files on the disk: one for each, harmless, and the same each time. */
import { ContentId } from '@servent/overlay'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { localPaths } from '../src/folder-paths.ts'
import { nameKey, safeFileName } from '../src/safe-file-name.ts'

const id = ContentId.fromRoot(new Uint8Array(32), 1)
const entries = (paths: readonly (readonly string[])[]) => paths.map(path => ({ path, id, size: 1 }))

test('whatever peers call them, no two files share a path and no component is a path', () => {
  const component = fc.oneof(
    fc.constantFrom('a', 'A', 'a (1)', 'é', 'e\u0301', '..', 'CON', 'x.part', ' ', 'a.'),
    fc.string({ minLength: 1, maxLength: 8, unit: 'binary' })
  )
  const paths = fc.uniqueArray(fc.array(component, { minLength: 1, maxLength: 3 }), {
    maxLength: 40,
    selector: path => path.join('/')
  })
  fc.assert(
    fc.property(paths, given => {
      const local = localPaths(entries(given))
      expect(localPaths(entries(given))).toEqual(local)
      const keys = local.map(path => path.map(nameKey).join('/'))
      expect(new Set(keys).size).toBe(given.length)
      for (const [index, path] of local.entries()) {
        expect(path).toHaveLength(given[index]!.length)
        for (const name of path) expect(safeFileName(name)).toBe(name)
        // A folder of the one is no file of the other.
        expect(keys.some(key => key.startsWith(`${keys[index]}/`))).toBe(false)
      }
    })
  )
})

test('ten thousand names that are numbered alike are numbered in steps, not in steps of steps', () => {
  // Cut by its number, each of these becomes the same name.
  const names = Array.from({ length: 5_000 }, (_, index) => `${'n'.repeat(248)}${index + 10_000}`)
  const local = localPaths(entries(names.flatMap(name => [[name], [name.toUpperCase()]])))
  expect(new Set(local.map(([name]) => nameKey(name!))).size).toBe(10_000)
})
