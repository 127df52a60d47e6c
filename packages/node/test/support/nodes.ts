/** Real nodes on loopback, in one process, each on a folder of its own. */
import { createHash } from 'node:crypto'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { type ConfigInput, createNode, loadConfig, type NodeDeps, type ServentNode } from '../../src/index.ts'

// Several nodes start, meet and fetch in one process, and the first of a file loads all their modules: on a machine that
// has other work to do that alone takes longer than a test of pure code may.
vi.setConfig({ testTimeout: 60_000 })

export interface StartOptions {
  readonly dataDir?: string
  readonly bootstrap?: readonly ServentNode[]
  readonly flags?: ConfigInput['flags']
  readonly set?: readonly string[]
  readonly deps?: NodeDeps
}

const started: ServentNode[] = []

export const folder = (name = 'node'): Promise<string> => mkdtemp(join(tmpdir(), `servent-${name}-`))

export async function startNode(options: StartOptions = {}): Promise<ServentNode> {
  const { bootstrap = [], flags = {}, set = [], deps } = options
  const { config } = await loadConfig({
    env: {},
    dataDir: options.dataDir ?? (await folder()),
    flags: {
      listen: '/ip4/127.0.0.1/tcp/0',
      discovery: 'bootstrap',
      overlays: 'gnutella',
      bootstrap: bootstrap.map(node => node.addresses()[0]!),
      ...flags
    },
    set
  })
  const node = await createNode(config, deps)
  started.push(node)
  await node.start()
  return node
}

export async function stopNodes(): Promise<void> {
  await Promise.all(started.splice(0).map(node => node.stop()))
}

export async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const event of events) found.push(event)
  return found
}

/** The last event of a stream, which is its `done`. */
export async function last<T extends { event: string }>(
  events: AsyncIterable<T>
): Promise<Extract<T, { event: 'done' }>> {
  const done = (await all(events)).at(-1)!
  if (done.event !== 'done') throw new Error(`The last event was ${done.event}.`)
  return done as Extract<T, { event: 'done' }>
}

export const sha256 = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

/** Bytes that look like chance and are the same each time. */
export function noise(bytes: number, seed: number): Buffer {
  const out = Buffer.alloc(bytes)
  let state = seed >>> 0 || 1
  for (let index = 0; index < bytes; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    out[index] = state >>> 24
  }
  return out
}

export const neighbours = (node: ServentNode): number => node.overlay('gnutella')!.neighbours.length
