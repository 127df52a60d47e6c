/** Many small files from one real daemon by another: as one folder, and by a `get` of its own for each. */
import { randomFillSync } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Daemon } from '../../test/e2e/harness.ts'
import { type Cost, Meter } from './measure.ts'
import type { Fetched } from './servent.ts'

export const SMALL_FILES = 200
export const SMALL_FILE_BYTES = 10 * 1024

export class SmallFiles implements AsyncDisposable {
  readonly #sender: Daemon
  readonly #receiver: Daemon
  readonly #folder: string
  readonly #folderTicket: string
  readonly #tickets: readonly string[]
  readonly #token: string

  private constructor(
    daemons: readonly [Daemon, Daemon],
    folder: string,
    folderTicket: string,
    tickets: readonly string[],
    token: string
  ) {
    ;[this.#sender, this.#receiver] = daemons
    this.#folder = folder
    this.#folderTicket = folderTicket
    this.#tickets = tickets
    this.#token = token
  }

  static async start(folder: string): Promise<SmallFiles> {
    const sender = await Daemon.start()
    const receiver = await Daemon.start({ flags: ['--bootstrap', sender.address] })
    const shared = join(folder, 'small')
    await mkdir(shared, { recursive: true })
    for (let file = 0; file < SMALL_FILES; file += 1)
      await writeFile(join(shared, `${file}.bin`), randomFillSync(new Uint8Array(SMALL_FILE_BYTES)))
    const { ticket, ids } = await sender.json(['share', shared])
    const senderToken = await tokenOf(sender)
    const tickets: string[] = []
    for (const id of ids) {
      const answer = await call(sender, senderToken, `/v1/files/${id}/ticket`)
      tickets.push(((await answer.json()) as { ticket: string }).ticket)
    }
    const small = new SmallFiles([sender, receiver], shared, ticket, tickets, await tokenOf(receiver))
    await small.asFolder()
    return small
  }

  asFolder(): Promise<Fetched> {
    return this.#measured(() => this.#get(this.#folderTicket))
  }

  /** One after the other, without the start of a command line for each. */
  oneByOne(): Promise<Fetched> {
    return this.#measured(async () => {
      const paths: string[] = []
      for (const ticket of this.#tickets) paths.push(...(await this.#get(ticket)))
      return paths
    })
  }

  async #measured(work: () => Promise<string[]>): Promise<Fetched> {
    const meters = await Promise.all([
      Meter.start(this.#sender.ready.pid),
      Meter.start(this.#receiver.ready.pid)
    ])
    const started = performance.now()
    const paths = await work()
    const seconds = (performance.now() - started) / 1000
    const [sender, receiver] = (await Promise.all(meters.map(meter => meter.stop()))) as [Cost, Cost]
    for (const path of paths) await rm(path, { recursive: true })
    return { seconds, sender, receiver }
  }

  async #get(ticket: string): Promise<string[]> {
    const answer = await call(this.#receiver, this.#token, '/v1/downloads', { what: ticket })
    const last = JSON.parse((await answer.text()).trimEnd().split('\n').at(-1)!)
    if (last.event !== 'done') throw new Error(`A get ended with ${JSON.stringify(last)}.`)
    return [last.path]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver[Symbol.asyncDispose]()
    await this.#sender[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

const tokenOf = async (daemon: Daemon): Promise<string> =>
  (await readFile(daemon.ready.api.tokenFile, 'utf8')).trim()

function call(daemon: Daemon, token: string, path: string, body?: object): Promise<Response> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` }
  if (body === undefined) return fetch(`${daemon.ready.api.url}${path}`, { headers })
  headers['content-type'] = 'application/json'
  return fetch(`${daemon.ready.api.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}
