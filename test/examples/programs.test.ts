/** The example programs: on the sources, as the documentation shows them, and with locks that are up to date. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { json, type Lock, type Manifest, ownPackages, PROGRAMS, ROOT, runProgram } from './programs.ts'

const names = Object.keys(PROGRAMS)

const inPrograms = names.filter(name => name.endsWith('-in-your-program'))

it.each(inPrograms)(
  '%s runs on the sources as it stands',
  name => {
    const lines = runProgram(join(ROOT, 'examples', name), ['--conditions=source'], 60_000)
    const expected = PROGRAMS[name]!
    expect(lines).toHaveLength(expected.length)
    for (const [index, line] of lines.entries()) expect(line).toMatch(expected[index]!)
  },
  70_000
)

it.each(['chord', 'pastry', 'kelips'])('docs/%s.md shows the programs as they are', overlay => {
  const blocks = [...readFileSync(join(ROOT, `docs/${overlay}.md`), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)]
  const own = names.filter(name => name.startsWith(`${overlay}-`))
  const programs = own.map(name => readFileSync(join(ROOT, 'examples', name, 'main.ts'), 'utf8'))
  expect(blocks.map(block => block[1])).toEqual(programs)
})

describe.each(names)('%s', name => {
  const manifest = json<Manifest>(`examples/${name}/package.json`)
  const lock = json<Lock>(`examples/${name}/package-lock.json`)
  const own = ownPackages()

  it('takes the packages from this repository, and their versions of others', () => {
    const versions = new Map<string, string>()
    for (const folder of own.values())
      for (const [other, version] of Object.entries(
        json<Partial<Manifest>>(`${folder}/package.json`).dependencies ?? {}
      ))
        versions.set(other, version)
    for (const [other, version] of Object.entries(manifest.dependencies)) {
      const folder = own.get(other)
      if (folder !== undefined) expect(version).toBe(`file:../../${folder}`)
      else if (versions.has(other)) expect(`${other}@${version}`).toBe(`${other}@${versions.get(other)}`)
    }
  })

  it('has a lock that names what the packages need (delete it and npm install --package-lock-only makes it anew)', () => {
    expect(lock.packages['']!.dependencies).toEqual(manifest.dependencies)
    const needed = [...own].filter(([other]) => `node_modules/${other}` in lock.packages)
    expect(needed.length).toBeGreaterThan(3)
    for (const [other, folder] of needed) {
      expect(lock.packages[`node_modules/${other}`]!.dependencies, other).toEqual(
        json<Manifest>(`${folder}/package.json`).dependencies
      )
    }
  })

  it('has one @libp2p/interface', () => {
    const copies = Object.keys(lock.packages).filter(path => path.endsWith('node_modules/@libp2p/interface'))
    expect(copies).toEqual(['node_modules/@libp2p/interface'])
  })
})
