/** `servent get` of one file from three real daemons at once, each of which sends no faster than its cap. */
import { randomFillSync } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Daemon } from '../../test/e2e/harness.ts'
import { type Cost, Meter } from './measure.ts'
import type { Fetched } from './servent.ts'

const MiB = 2 ** 20
const SOURCES = 3
export const CAP_MIB_PER_SECOND = 20
const FILE = 'three-sources-content'
/** Until a search has found all of them: each is a neighbour of the one that asks. */
const SEARCHES_MAX = 20

export class ThreeSources implements AsyncDisposable {
  readonly #sources: readonly Daemon[]
  readonly #receiver: Daemon
  readonly #folder: string

  private constructor(sources: readonly Daemon[], receiver: Daemon, folder: string) {
    this.#sources = sources
    this.#receiver = receiver
    this.#folder = folder
  }

  static async start(folder: string, bytes: number): Promise<ThreeSources> {
    const cap = ['--max-upload-rate', String(CAP_MIB_PER_SECOND * MiB), '--overlays', 'gnutella']
    const sources = await Promise.all(Array.from({ length: SOURCES }, () => Daemon.start({ flags: cap })))
    const bootstrap = sources.flatMap(({ address }) => ['--bootstrap', address])
    const receiver = await Daemon.start({ flags: [...bootstrap, '--overlays', 'gnutella'] })
    const three = new ThreeSources(sources, receiver, folder)
    const shared = join(folder, 'three')
    await mkdir(shared, { recursive: true })
    await writeFile(join(shared, FILE), randomFillSync(new Uint8Array(bytes)))
    for (const source of sources) await source.json(['share', join(shared, FILE)])
    return three
  }

  async fetch(): Promise<Fetched> {
    await this.#findAll()
    const meters = await Promise.all([
      Meter.start(this.#sources[0]!.ready.pid),
      Meter.start(this.#receiver.ready.pid)
    ])
    const { path, seconds, sources } = await this.#receiver.json(['get', '1'])
    const [sender, receiver] = (await Promise.all(meters.map(meter => meter.stop()))) as [Cost, Cost]
    await rm(path)
    if (sources !== SOURCES) throw new Error(`The file came from ${sources} sources, not ${SOURCES}.`)
    return { seconds, sender, receiver }
  }

  async #findAll(): Promise<void> {
    for (let search = 0; search < SEARCHES_MAX; search += 1) {
      const { hits } = await this.#receiver.json(['search', FILE])
      if (hits >= SOURCES) return
    }
    throw new Error(`${SEARCHES_MAX} searches did not find the file on ${SOURCES} peers.`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver[Symbol.asyncDispose]()
    for (const source of this.#sources) await source[Symbol.asyncDispose]()
    await rm(join(this.#folder, 'three'), { recursive: true, force: true })
  }
}
