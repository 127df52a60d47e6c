/** `servent get` between two real daemons that take no calls, over a third that relays. */
import { randomFillSync } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Daemon, eventually } from '../../test/e2e/harness.ts'
import { type Cost, Meter } from './measure.ts'

const START_MS = 60_000

/** Sender's and receiver's costs, and the relay's. */
export interface Relayed {
  readonly seconds: number
  readonly sender: Cost
  readonly receiver: Cost
  readonly relay: Cost
}

export class RelayedPair implements AsyncDisposable {
  readonly #relay: Daemon
  readonly #sender: Daemon
  readonly #receiver: Daemon
  readonly #ticket: string

  private constructor(relay: Daemon, sender: Daemon, receiver: Daemon, ticket: string) {
    this.#relay = relay
    this.#sender = sender
    this.#receiver = receiver
    this.#ticket = ticket
  }

  static async start(folder: string, bytes: number): Promise<RelayedPair> {
    const relay = await Daemon.start({ flags: ['--relay', 'serve'] })
    const flags = ['--no-inbound', '--bootstrap', relay.address]
    const [sender, receiver] = [await Daemon.start({ flags }), await Daemon.start({ flags })]
    const isCalled = async () => (await sender.json(['status'])).reachability.kind === 'relayed'
    await eventually(isCalled, 'the sender is called over the relay', START_MS)
    await mkdir(join(folder, 'relayed'), { recursive: true })
    await writeFile(join(folder, 'relayed', 'content'), randomFillSync(new Uint8Array(bytes)))
    const { ticket } = await sender.json(['share', join(folder, 'relayed', 'content')])
    return new RelayedPair(relay, sender, receiver, ticket)
  }

  async fetch(): Promise<Relayed> {
    const daemons = [this.#sender, this.#receiver, this.#relay]
    const meters = await Promise.all(daemons.map(({ ready }) => Meter.start(ready.pid)))
    const before = await this.#relayedBytes()
    const { path, seconds, bytes } = await this.#receiver.json(['get', this.#ticket])
    const [sender, receiver, relay] = (await Promise.all(meters.map(meter => meter.stop()))) as [
      Cost,
      Cost,
      Cost
    ]
    await rm(path)
    const relayed = (await this.#relayedBytes()) - before
    if (relayed < bytes) throw new Error(`Only ${relayed} bytes of ${bytes} went over the relay.`)
    return { seconds, sender, receiver, relay }
  }

  async #relayedBytes(): Promise<number> {
    return (await this.#relay.json(['status'])).relay.serving.relayedBytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of [this.#receiver, this.#sender, this.#relay]) await daemon[Symbol.asyncDispose]()
  }
}
