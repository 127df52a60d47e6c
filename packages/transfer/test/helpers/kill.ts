/**
 * Kills a downloading process and its sources again and again, each at a random moment, and watches what the
 * downloader asks for when it comes back.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'
import { expect } from 'vitest'
import { Desk } from './desk.ts'
import type { DownloadOrder, SourceOrder } from './killable.ts'
import { idOf, randomBytes } from './share.ts'

const MiB = 2 ** 20
const PROGRAM = fileURLToPath(new URL('./killable.ts', import.meta.url))
const BUNDLE = 'killable.mjs'
const SOURCES = 2
/** One kill in so many is a source's. */
const SOURCE_EVERY = 5

export interface KillPlan {
  readonly kills: number
  readonly bytes: number
  /** Of each source. */
  readonly bytesPerSecond: number
  /** Longest time between the begin of a life and its end. */
  readonly lifeMsMax: number
  /** The downloader is broken on purpose. */
  readonly isForgetful?: boolean
}

/** How it went. `resumed`: lives that began with blocks on the disk. `served`: blocks that the sources read, in all. */
export interface KillReport {
  readonly downloads: number
  readonly resumed: number
  readonly kills: number
  readonly sourceKills: number
  readonly served: number
}

export async function killAgainAndAgain(plan: KillPlan): Promise<KillReport> {
  const seed = Date.now() % 1_000_000
  console.log(`moments of the kills: seed ${seed}`)
  const campaign = await Campaign.begin(plan, seed)
  try {
    return await campaign.run()
  } finally {
    await campaign.end()
  }
}

interface Life {
  readonly child: ChildProcess
  readonly lines: AsyncIterator<string>
  readonly closed: Promise<unknown>
}

class Campaign {
  readonly #plan: KillPlan
  readonly #root: string
  readonly #bytes: Uint8Array
  readonly #random: () => number
  readonly #children = new Set<ChildProcess>()
  readonly #sources: Life[] = []
  /** Loaded, and waiting for its order. */
  #spare: Life
  #desk: Desk | undefined
  #life = 0
  #downloads = 0
  #resumed = 0
  #kills = 0
  #sourceKills = 0

  private constructor(plan: KillPlan, root: string, bytes: Uint8Array, seed: number) {
    this.#plan = plan
    this.#root = root
    this.#bytes = bytes
    const moments = new Uint32Array(randomBytes(4 * 4096, seed).buffer)
    let at = 0
    this.#random = () => {
      at += 1
      return moments[at % moments.length]! / 2 ** 32
    }
    this.#spare = this.#spawn()
  }

  static async begin(plan: KillPlan, seed: number): Promise<Campaign> {
    const root = await mkdtemp(join(tmpdir(), 'servent-kills-'))
    const bytes = randomBytes(plan.bytes)
    await writeFile(join(root, 'shared.bin'), bytes)
    await writeFile(join(root, 'log'), '')
    // In one file it is ready in a third of the time.
    await build({
      input: PROGRAM,
      platform: 'node',
      resolve: { conditionNames: ['source', 'node', 'import'] },
      output: { file: join(root, BUNDLE) },
      logLevel: 'silent'
    })
    const campaign = new Campaign(plan, root, bytes, seed)
    for (let index = 0; index < SOURCES; index += 1) await campaign.#startSource(index)
    return campaign
  }

  async run(): Promise<KillReport> {
    while (this.#kills < this.#plan.kills) await this.#live()
    // What is begun is brought to its end.
    if (this.#desk !== undefined) await this.#live(true)
    const log = await this.#logged(0)
    const report = {
      downloads: this.#downloads,
      resumed: this.#resumed,
      kills: this.#kills,
      sourceKills: this.#sourceKills,
      served: new Set(log.map(({ life, block }) => `${life} ${block}`)).size
    }
    console.log(JSON.stringify(report))
    return report
  }

  async end(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    for (const child of this.#children) await once(child, 'close')
    await rm(this.#root, { recursive: true, force: true })
  }

  /** One life of a downloader, to its kill or to the end of its download. */
  async #live(isLast = false): Promise<void> {
    this.#desk ??= await Desk.make()
    const desk = this.#desk
    this.#life += 1
    const life = this.#life
    const standing = await this.#standing(desk)
    if (standing.size > 0) this.#resumed += 1
    const { size: from } = await stat(join(this.#root, 'log'))
    const downloader = await this.#order({
      role: 'download',
      root: desk.root,
      sockets: this.#sources.map((_, index) => this.#socket(index)),
      id: idOf(this.#bytes).toString(),
      life,
      isForgetful: this.#plan.isForgetful === true
    })
    const done = downloader.lines.next()
    if (!isLast && this.#random() < 1 / SOURCE_EVERY) {
      const index = Math.floor(this.#random() * SOURCES)
      await this.#moment(done)
      await this.#kill(this.#sources[index]!)
      this.#sourceKills += 1
      await this.#startSource(index)
    }
    if (isLast) await done
    const isDone = isLast || (await this.#moment(done))
    if (!isDone) {
      await this.#kill(downloader)
    } else {
      const { value } = await done
      const { path } = JSON.parse(value ?? '{"path":"nowhere"}')
      expect(path, `life ${life}`).toBe(join(desk.folder, 'a.bin'))
      await downloader.closed.catch(() => {})
    }
    // Nothing that stood on the disk is asked for again, and nothing wrong has the final name.
    const asked = (await this.#logged(from)).filter(line => line.life === life)
    expect(
      [...new Set(asked.map(({ block }) => block))].filter(block => standing.has(block)),
      `life ${life}`
    ).toEqual([])
    for (const name of await readdir(desk.folder).catch(() => [])) {
      if (name.endsWith('.part')) continue
      expect(name).toBe('a.bin')
      expect(Buffer.compare(await readFile(join(desk.folder, name)), this.#bytes)).toBe(0)
    }
    if (!isDone) return
    expect(await desk.files()).toEqual(['a.bin'])
    await desk.remove()
    this.#desk = undefined
    this.#downloads += 1
  }

  /** Waits for a random moment; true where it is done before. */
  async #moment(done: Promise<unknown>): Promise<boolean> {
    const timer = Promise.withResolvers<false>()
    const timeout = setTimeout(() => timer.resolve(false), this.#random() * this.#plan.lifeMsMax)
    const isDone = await Promise.race([done.then(() => true), timer.promise])
    clearTimeout(timeout)
    return isDone
  }

  async #kill({ child, closed }: Life): Promise<void> {
    child.kill('SIGKILL')
    await closed
    this.#kills += 1
  }

  async #startSource(index: number): Promise<void> {
    const source = await this.#order({
      role: 'source',
      socket: this.#socket(index),
      file: join(this.#root, 'shared.bin'),
      log: join(this.#root, 'log'),
      bytesPerSecond: this.#plan.bytesPerSecond
    })
    expect((await source.lines.next()).value).toBe('listens')
    this.#sources[index] = source
  }

  #socket(index: number): string {
    return join(this.#root, `source-${index}`)
  }

  async #order(order: SourceOrder | DownloadOrder): Promise<Life> {
    const life = this.#spare
    expect((await life.lines.next()).value).toBe('warm')
    this.#spare = this.#spawn()
    life.child.stdin!.end(`${JSON.stringify(order)}\n`)
    return life
  }

  #spawn(): Life {
    const child = spawn(process.execPath, [join(this.#root, BUNDLE)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_COMPILE_CACHE: join(this.#root, 'compiled') }
    })
    child.stdin.on('error', () => {})
    this.#children.add(child)
    const closed = once(child, 'close').finally(() => this.#children.delete(child))
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](), closed }
  }

  /** Blocks that stand in the `.part` file, as the dead process left it: each was verified before it was written. */
  async #standing(desk: Desk): Promise<Set<number>> {
    const names = await readdir(desk.folder).catch(() => [])
    const name = names.find(name => name.endsWith('.part') && !name.endsWith('.tree.part'))
    const blocks = new Set<number>()
    if (name === undefined) return blocks
    const found = await readFile(join(desk.folder, name))
    for (let at = 0; at < this.#bytes.length; at += MiB) {
      const right = this.#bytes.subarray(at, at + MiB)
      if (Buffer.compare(found.subarray(at, at + MiB), right) === 0) blocks.add(at / MiB)
    }
    return blocks
  }

  async #logged(from: number): Promise<{ life: number; block: number }[]> {
    const text = (await readFile(join(this.#root, 'log'))).subarray(from).toString()
    return text
      .split('\n')
      .filter(line => line !== '')
      .map(line => {
        const [life, block] = line.split(' ').map(Number)
        return { life: life!, block: block! }
      })
  }
}
