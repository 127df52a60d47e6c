/** The example programs of `examples/`: where they are, what they say when all is well, and their packages. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '../..')

const VALUES_AND_PROVIDERS = [
  /^greeting: hello, \d copies$/,
  /^bafkrei\w+ is at ada, \/ip4\/127\.0\.0\.1\/tcp\/\d+/
]

/** What a program prints, line by line. */
export const PROGRAMS: Readonly<Record<string, readonly RegExp[]>> = {
  'chord-in-your-program': VALUES_AND_PROVIDERS,
  'chord-with-helia': [/^Chord says that bafkrei\w+ is at Ada$/, /^Bob got bafkrei\w+: hello from Ada$/],
  'kelips-in-your-program': VALUES_AND_PROVIDERS,
  'pastry-in-your-program': VALUES_AND_PROVIDERS
}

export interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
}

export interface Lock {
  readonly packages: Readonly<Record<string, Partial<Manifest> & { readonly version?: string }>>
}

export function json<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as T
}

/** Folders of this repository's packages by their names. */
export function ownPackages(): ReadonlyMap<string, string> {
  const folders = readdirSync(join(ROOT, 'packages')).map(room => `packages/${room}`)
  const manifests = folders.filter(folder => existsSync(join(ROOT, folder, 'package.json')))
  return new Map(manifests.map(folder => [json<{ name: string }>(`${folder}/package.json`).name, folder]))
}

/** Runs a program to its end, and gives the lines that it printed. */
export function runProgram(folder: string, flags: readonly string[], withinMs: number): string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, 'main.ts'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: withinMs
  })
  if (status !== 0) throw new Error(`${folder} ended with ${status}:\n${stdout}${stderr}`)
  return stdout.trimEnd().split('\n')
}
