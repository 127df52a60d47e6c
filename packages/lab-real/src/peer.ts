/**
 * A node's side of the lab: what a program that was started by it puts into its node, and how the node answers. The node
 * is the user's in all else.
 *
 *     const peer = await LabPeer.begin(process)
 *     const node = await createNode(config, peer.deps)
 *     await node.start()
 *     peer.serve(node)
 */
import type { NodeDeps, ServentNode } from '@servent/node'
import type { Overlay } from '@servent/overlay'
import { Access } from './access.ts'
import { AskedOverlay } from './asked-overlay.ts'
import type { Asks, FromPeer, RoundTrips, ToPeer } from './channel.ts'
import { QuestionTally } from './question-tally.ts'
import { codecOf } from './services.ts'

/** As far as `process` is one. */
export interface Channel {
  readonly send?: ((message: FromPeer) => unknown) | undefined
  on(event: 'message', listener: (message: unknown) => void): unknown
  once(event: 'disconnect', listener: () => void): unknown
}

type Begin = Extract<ToPeer, { type: 'begin' }>

export class LabPeer {
  readonly deps: Pick<NodeDeps, 'aroundTcp' | 'onOverlay' | 'trace'>
  readonly #channel: Channel
  readonly #roundTripsMs: Map<string, number>
  readonly #access: Access
  #acts: Asks | undefined

  private constructor(
    channel: Channel,
    { overlay, peerId, roundTrips, conditions }: Begin,
    tally: QuestionTally | undefined
  ) {
    this.#channel = channel
    this.#roundTripsMs = new Map(roundTrips)
    this.#access = new Access({ roundTripMs: other => this.#roundTripsMs.get(other) ?? 0, conditions })
    this.deps = {
      aroundTcp: tcp => this.#access.around(tcp),
      onOverlay: made => {
        if (made.name === overlay)
          this.#asked = new AskedOverlay(made as Overlay, peerId, this.#access, tally)
      },
      ...(tally && { trace: (_name, step) => tally.see(step) })
    }
  }

  #asked: AskedOverlay | undefined

  /**
   * Waits for the lab's first word. The process ends when the lab does, however that ends.
   *
   * @throws TypeError  no lab has started this process
   */
  static async begin(channel: Channel): Promise<LabPeer> {
    if (channel.send === undefined) throw new TypeError('This is started by servent lab, and by nobody else.')
    channel.once('disconnect', () => process.exit(1))
    const first = Promise.withResolvers<Begin>()
    let peer: LabPeer | undefined
    // From the first moment on: what comes before somebody listens is lost.
    const early: Exclude<ToPeer, Begin>[] = []
    channel.on('message', message => {
      const told = message as ToPeer
      if (told.type === 'begin') first.resolve(told)
      else if (peer === undefined) early.push(told)
      else peer.#hear(told)
    })
    const begin = await first.promise
    const codec = await codecOf(begin.overlay)
    const tally = codec && QuestionTally.of(begin.overlay, begin.peerId, message => codec.byteLength(message))
    peer = new LabPeer(channel, begin, tally)
    for (const told of early) peer.#hear(told)
    return peer
  }

  /** From now on what the lab asks is answered. */
  serve(node: ServentNode): void {
    const asked = this.#asked
    if (asked === undefined) throw new TypeError('The node does not run the overlay that the lab asks for.')
    this.#acts = {
      share: async folder => {
        for await (const event of node.share(folder))
          if (event.event === 'done' && (event.problems?.length ?? 0) > 0)
            throw new Error(`Some files could not be shared: ${event.problems![0]!.reason}`)
      },
      joined: () => asked.joined(),
      settled: () => asked.settled(),
      lookup: wanted => asked.lookup(wanted),
      search: (words, enough) => asked.search(words, enough),
      look: async () => ({ ...asked.look(), wire: this.#access.wire }),
      cutOff: async peerIds => this.#access.cutOff(peerIds)
    }
  }

  #hear(told: Exclude<ToPeer, Begin>): void {
    if (told.type === 'round-trips') this.#learn(told.roundTrips)
    else void this.#answer(told)
  }

  #learn(roundTrips: RoundTrips): void {
    for (const [peerId, ms] of roundTrips) this.#roundTripsMs.set(peerId, ms)
  }

  async #answer({ id, act, given }: Extract<ToPeer, { type: 'ask' }>): Promise<void> {
    try {
      const acts = this.#acts
      if (acts === undefined) throw new Error('The node does not run yet.')
      const value = await (acts[act] as (...given: readonly unknown[]) => Promise<unknown>)(...given)
      this.#channel.send!({ event: 'answer', id, value })
    } catch (error) {
      this.#channel.send!({ event: 'failed', id, message: (error as Error).message })
    }
  }
}
