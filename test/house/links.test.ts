/** A document does not point to a file that is not there. */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT, read } from './sources.ts'

const LINK = /\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g

function documents(): string[] {
  const inside = (folder: string) =>
    readdirSync(join(ROOT, folder))
      .filter(name => name.endsWith('.md'))
      .map(name => join(folder, name))
  return [...inside('.'), ...inside('docs'), ...inside('docs/guide')]
}

it('every link of a document leads somewhere', () => {
  const links = documents().flatMap(file =>
    [...read(file).matchAll(LINK)].map(match => ({ file, to: join(dirname(file), match[1]!) }))
  )
  expect(links.length).toBeGreaterThan(10)
  expect(links.filter(({ to }) => !existsSync(join(ROOT, to)))).toEqual([])
})
