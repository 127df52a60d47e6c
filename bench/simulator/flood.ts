/** A trivial machine: what a message costs where the engine does all of the work. */
import type { Codec, Effects, Input, Link, Machine, MachineTypes, Peer } from '@servent/overlay/machine'
import { latencyModel, Simulation, Streams } from '@servent/simulator'
import { cost, type Figures } from './measure.ts'

interface FloodMessage {
  readonly type: 'flood'
  readonly id: number
}

interface FloodTypes extends MachineTypes {
  message: FloodMessage
  /** Floods are numbered from 1. */
  command: { readonly type: 'flood'; readonly id: number }
  notice: never
  question: never
  answer: never
  snapshot: { readonly links: number }
}

const SEED = 'flood'
const FLOOD_BYTES = 23
/** Floods that a node remembers, by their numbers: more than are ever under way at a time. */
const WINDOW = 32
/** A node opens half of its links. */
const LINKS_OPENED = 4
/** Between two floods, which last about 150 ms each. */
const SPACING_US = 25_000
const WARM_UP_MESSAGES = 2_000_000

/** Hands on what it has not seen to all but the one that it came from. */
class FloodMachine implements Machine<FloodTypes> {
  readonly #links: Link[] = []
  /** The highest number seen, and a bit for each of those below it: a window against replay (RFC 6479). */
  #highest = 0
  #seen = 0

  handle(input: Input<FloodTypes>, effects: Effects<FloodTypes>): void {
    switch (input.type) {
      case 'message': {
        if (!this.#isNew(input.message.id)) return
        for (const link of this.#links) if (link !== input.link) effects.send(link, input.message, 1)
        return
      }
      case 'link-up':
        this.#links.push(input.link)
        return
      case 'command': {
        const message: FloodMessage = { type: 'flood', id: input.command.id }
        this.#isNew(message.id)
        for (const link of this.#links) effects.send(link, message, 1)
      }
    }
  }

  heldPeers(_hold: (peer: Peer) => void): void {}

  snapshot(): FloodTypes['snapshot'] {
    return { links: this.#links.length }
  }

  #isNew(id: number): boolean {
    const ahead = id - this.#highest
    if (ahead > 0) {
      this.#seen = ahead < WINDOW ? (this.#seen << ahead) | 1 : 1
      this.#highest = id
      return true
    }
    const bit = 1 << -ahead
    if (-ahead >= WINDOW || (this.#seen & bit) !== 0) return false
    this.#seen |= bit
    return true
  }
}

const floodCodec: Codec<FloodMessage> = {
  byteLength: () => FLOOD_BYTES,
  typeOf: message => message.type,
  open: () => {
    throw new Error('Nothing is encoded here.')
  }
}

/** Floods in a random graph, each pair of peers with a latency of its own, until so many messages arrived. */
export function flood(peers: number, messagesLeast: number): Figures {
  const simulation = new Simulation<FloodTypes>({
    seed: SEED,
    codec: floodCodec,
    createMachine: () => new FloodMachine(),
    network: latencyModel('uniform:20-80', new Streams(SEED).of('latency'))
  })
  const { metrics } = simulation
  const random = simulation.random.of('workload')
  for (const node of simulation.addNodes(peers)) simulation.start(node)
  for (let node = 0; node < peers; node += 1)
    for (let link = 0; link < LINKS_OPENED; link += 1) {
      const other = random.below(peers)
      if (other !== node) simulation.connect(node, other)
    }
  let floods = 0
  const until = (messages: number) => {
    while (metrics.delivered < messages) {
      floods += 1
      simulation.command(random.below(peers), { type: 'flood', id: floods })
      simulation.runFor(SPACING_US)
    }
  }
  until(WARM_UP_MESSAGES)
  const [messages, events, nowUs] = [metrics.delivered, simulation.events, simulation.nowUs]
  const spent = cost(() => until(messages + messagesLeast))
  return {
    peers,
    virtualS: (simulation.nowUs - nowUs) / 1e6,
    messages: metrics.delivered - messages,
    events: simulation.events - events,
    ...spent,
    traceHash: simulation.traceHash
  }
}
