/** `servent get` from one real daemon by another, through the command line: verified, to the disk. */
import { randomFillSync } from 'node:crypto'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Daemon } from '../../test/e2e/harness.ts'
import { type Cost, Meter } from './measure.ts'

export interface Fetched {
  readonly seconds: number
  readonly sender: Cost
  readonly receiver: Cost
}

const MiB = 2 ** 20
/** Fetched before the first run is measured, so that code is compiled and buffers have their size. */
const WARM_UP_BYTES = 32 * MiB

export class ServentPair implements AsyncDisposable {
  readonly #sender: Daemon
  readonly #receiver: Daemon
  readonly #folder: string

  private constructor(sender: Daemon, receiver: Daemon, folder: string) {
    this.#sender = sender
    this.#receiver = receiver
    this.#folder = folder
  }

  static async start(folder: string): Promise<ServentPair> {
    const sender = await Daemon.start()
    const receiver = await Daemon.start({ flags: ['--bootstrap', sender.address] })
    const pair = new ServentPair(sender, receiver, folder)
    await mkdir(join(folder, 'shared'), { recursive: true })
    await pair.fetch(await pair.share('warm-up', WARM_UP_BYTES))
    return pair
  }

  /** Makes a file of random bytes and shares it; gives its ticket. */
  async share(name: string, bytes: number): Promise<string> {
    const path = join(this.#folder, 'shared', name)
    const file = await open(path, 'w')
    const block = new Uint8Array(MiB)
    for (let left = bytes; left > 0; left -= block.length) {
      await file.write(randomFillSync(block), 0, Math.min(left, block.length))
    }
    await file.close()
    const { ticket } = await this.#sender.json(['share', path])
    return ticket
  }

  /** Its seconds are those that the download itself took: the command line's own start is not in them. */
  async fetch(ticket: string): Promise<Fetched> {
    const meters = await Promise.all([
      Meter.start(this.#sender.ready.pid),
      Meter.start(this.#receiver.ready.pid)
    ])
    const { path, seconds } = await this.#receiver.json(['get', ticket])
    const [sender, receiver] = (await Promise.all(meters.map(meter => meter.stop()))) as [Cost, Cost]
    await rm(path)
    return { seconds, sender, receiver }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver[Symbol.asyncDispose]()
    await this.#sender[Symbol.asyncDispose]()
  }
}
