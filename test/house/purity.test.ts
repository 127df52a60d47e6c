/**
 * Machines and codecs own no time, chance, promise or Node module, and neither does anything that they
 * import, all the way down into dependencies (ARCHITECTURE.md, "What keeps the house in order").
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { codeOnly, importsOf, ROOT } from './sources.ts'

/** Of our own code. A dependency may name a promise in a function that no machine calls. */
const IMPURE: readonly [RegExp, string][] = [
  [/\bDate\b/, 'reads the clock'],
  [/\bMath\.random\b/, 'draws chance of its own'],
  [/\b(setTimeout|setInterval|setImmediate|queueMicrotask|requestAnimationFrame)\b/, 'sets a timer'],
  [/\b(Promise|async|await)\b/, 'uses promises'],
  [/\bAbortSignal\b/, 'uses abort signals'],
  [
    /\b(process|Buffer|__dirname|globalThis\.crypto|crypto\.getRandomValues|performance)\b/,
    'uses what only Node or a browser has'
  ]
]

const BUILTIN = new Set(builtinModules)

/** Conditions under which a machine must be pure: those of any engine, never Node's own. */
const CONDITIONS = ['source', 'import', 'module', 'default']

interface Finding {
  readonly file: string
  readonly why: string
}

/** What is impure in a file of ours and in everything that it reaches. */
function impurities(entry: string): Finding[] {
  const findings: Finding[] = []
  const seen = new Set<string>()
  const waiting = [resolve(ROOT, entry)]
  while (waiting.length > 0) {
    const file = waiting.pop()!
    if (seen.has(file)) continue
    seen.add(file)
    const text = readFileSync(file, 'utf8')
    const ours = !file.includes(`${join(ROOT, 'node_modules')}`)
    const name = relative(ROOT, file)
    if (ours) {
      const code = codeOnly(text)
      for (const [pattern, why] of IMPURE) if (pattern.test(code)) findings.push({ file: name, why })
    }
    for (const { specifier, typeOnly } of importsOf(text)) {
      if (typeOnly) continue
      if (specifier.startsWith('node:') || BUILTIN.has(specifier))
        findings.push({ file: name, why: `imports ${specifier}` })
      else waiting.push(withoutNode(resolveImport(file, specifier)))
    }
  }
  return findings
}

function resolveImport(from: string, specifier: string): string {
  if (specifier.startsWith('.')) return resolve(dirname(from), specifier)
  if (specifier.startsWith('#')) return resolveInside(from, specifier)
  const parts = specifier.split('/')
  const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!
  const subpath = `.${specifier.slice(name.length)}`
  for (let folder = dirname(from); folder !== dirname(folder); folder = dirname(folder)) {
    const home = join(folder, 'node_modules', name)
    if (!existsSync(home)) continue
    const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
    return resolve(home, target(manifest, subpath))
  }
  throw new Error(`${from} imports ${specifier}, which is not installed`)
}

/** What stands in for a file where there is no Node: the map `browser` of its package. */
function withoutNode(file: string): string {
  if (!file.includes('node_modules')) return file
  for (let folder = dirname(file); !folder.endsWith('node_modules'); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (!existsSync(manifest)) continue
    const own = JSON.parse(readFileSync(manifest, 'utf8')).browser?.[`./${relative(folder, file)}`]
    if (typeof own === 'string') return resolve(folder, own)
  }
  return file
}

/** A name that a package gives to a file of its own: `imports` of the nearest package.json. */
function resolveInside(from: string, specifier: string): string {
  for (let folder = dirname(from); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (!existsSync(file)) continue
    const own = condition(JSON.parse(readFileSync(file, 'utf8')).imports?.[specifier])
    if (own !== undefined) return resolve(folder, own)
  }
  throw new Error(`${from} imports ${specifier}, which its package does not name`)
}

function target(manifest: { exports?: unknown; module?: string; main?: string }, subpath: string): string {
  const { exports } = manifest
  if (exports === undefined)
    return subpath === '.' ? (manifest.module ?? manifest.main ?? 'index.js') : subpath
  const map =
    typeof exports === 'string' || !Object.keys(exports as object).some(key => key.startsWith('.'))
      ? { '.': exports }
      : (exports as Record<string, unknown>)
  const direct = condition((map as Record<string, unknown>)[subpath])
  if (direct !== undefined) return direct
  for (const [pattern, value] of Object.entries(map)) {
    if (!pattern.includes('*')) continue
    const [before, after] = pattern.split('*') as [string, string]
    if (subpath.startsWith(before) && subpath.endsWith(after)) {
      return condition(value)!.replace('*', subpath.slice(before.length, subpath.length - after.length))
    }
  }
  throw new Error(`no export ${subpath}`)
}

function condition(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (value === null || typeof value !== 'object') return undefined
  for (const [name, nested] of Object.entries(value)) {
    if (!CONDITIONS.includes(name)) continue
    const found = condition(nested)
    if (found !== undefined) return found
  }
  return undefined
}

/** Every `./machine` entry, codecs beside it, the index in memory, and the simulator, in which one seed must give one run. */
function pureEntries(): string[] {
  const entries = readdirSync(join(ROOT, 'packages')).flatMap(room =>
    ['machine.ts', 'wire.ts', 'constants.ts']
      .map(file => `packages/${room}/src/${file}`)
      .filter(file => existsSync(join(ROOT, file)))
  )
  return [...entries, 'packages/keyword-index/src/memory.ts', 'packages/simulator/src/index.ts']
}

describe('purity', () => {
  it('there is something to check', () => {
    expect(pureEntries()).toContain('packages/overlay/src/machine.ts')
    expect(pureEntries()).toContain('packages/gnutella/src/machine.ts')
    expect(pureEntries()).toContain('packages/gnutella/src/wire.ts')
  })

  it.each(pureEntries())('%s reaches nothing impure', entry => {
    expect(impurities(entry)).toEqual([])
  })

  it('sees a Node module and a clock, however deep', () => {
    expect(impurities('test/house/fixtures/impure-machine.ts')).toEqual([
      { file: 'test/house/fixtures/impure-machine.ts', why: 'draws chance of its own' },
      { file: 'test/house/fixtures/impure-helper.ts', why: 'reads the clock' },
      { file: 'test/house/fixtures/impure-helper.ts', why: 'imports node:fs' }
    ])
  })
})
