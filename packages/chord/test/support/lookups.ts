/** Lookups of random keys by random nodes, and what an observer who knows everybody says of their answers. */
import { type Key, keyToHex } from '@servent/overlay/machine'
import type { NodeIndex, Random } from '@servent/simulator'
import type { ChordNotice } from '../../src/machine.ts'
import type { ChordNetwork } from './network.ts'

/** What the observer knows of a key at the time of its answer. */
export interface Truth {
  rootOf(key: Key): NodeIndex
  /** The living node before the key. */
  before(key: Key): NodeIndex | undefined
}

export interface LookupTally {
  issued: number
  correct: number
  incorrect: number
  failed: number
  /** Of correct ones: steps up to the root. */
  hops: number[]
  /** Of correct ones: steps until the key's live predecessor is reached; a step early adds one (ToN Table II). */
  published: number[]
  /** As published too: until the key's live predecessor is reached. */
  timeouts: number[]
  elapsedMs: number[]
}

interface Pending {
  readonly key: Key
  /** Who took somebody for the root last. */
  last: NodeIndex | undefined
  /** Timeouts after the key's live predecessor was reached. */
  late: number
}

type Ended = Extract<ChordNotice, { type: 'looked-up' | 'lookup-failed' }>

/** The network must trace lookups. */
export class Lookups {
  readonly tally: LookupTally = {
    issued: 0,
    correct: 0,
    incorrect: 0,
    failed: 0,
    hops: [],
    published: [],
    timeouts: [],
    elapsedMs: []
  }
  readonly #network: ChordNetwork
  readonly #truth: Truth
  /** By the hexadecimal of its key: keys are never twice the same. */
  readonly #pending = new Map<string, Pending>()
  /** Names by command; the last one is asked while its command is given. */
  readonly #names = new Map<number, string>()
  #asking: string | undefined

  constructor(network: ChordNetwork, truth: Truth) {
    this.#network = network
    this.#truth = truth
    network.notices.push((node, notice) => {
      if (notice.type === 'lookup-step') this.#onStep(node, notice)
      if (notice.type === 'looked-up' || notice.type === 'lookup-failed') this.#onEnd(notice)
    })
  }

  /** Issued and not answered. Of a node that died it stays so. */
  get unfinished(): number {
    return this.#pending.size
  }

  issue(origin: NodeIndex, key: Key): void {
    const name = keyToHex(key)
    this.#pending.set(name, { key, last: undefined, late: 0 })
    this.tally.issued += 1
    this.#asking = name
    const command = this.#network.simulation.command(origin, { type: 'lookup', key })
    this.#asking = undefined
    this.#names.set(command, name)
  }

  #onStep(node: NodeIndex, step: Extract<ChordNotice, { type: 'lookup-step' }>): void {
    if (!step.root) return
    const pending = this.#pending.get(keyToHex(step.key))
    if (pending === undefined) return
    if (step.what === 'sent') pending.last = node
    // The key's predecessor was reached: what the paper counts is over.
    if (step.what === 'silent' && node === this.#truth.before(pending.key)) pending.late += 1
  }

  #onEnd(notice: Ended): void {
    // A key of its own is answered before its command has a number.
    const name = this.#names.get(notice.command) ?? this.#asking
    const pending = name === undefined ? undefined : this.#pending.get(name)
    if (name === undefined || pending === undefined) return
    this.#pending.delete(name)
    this.#names.delete(notice.command)
    const { tally } = this
    if (notice.type === 'lookup-failed') {
      tally.failed += 1
      return
    }
    const root = this.#network.simulation.nodeOf(notice.root)
    if (root !== this.#truth.rootOf(pending.key)) {
      tally.incorrect += 1
      return
    }
    tally.correct += 1
    tally.hops.push(notice.hops)
    const early = pending.last !== undefined && pending.last !== this.#truth.before(pending.key)
    // The paper's node does not know what is its own, and would go all the way round.
    if (notice.hops > 0) tally.published.push(notice.hops - (early ? 0 : 1))
    tally.timeouts.push(notice.timeouts - pending.late)
    tally.elapsedMs.push(notice.elapsedMs)
  }
}

/** The truth of a network in which nobody comes or goes any more. */
export function truthOf(network: ChordNetwork): Truth {
  const nodes = network.simulation.aliveNodes()
  const ring = network.ideal(nodes)
  const node = (place: number) => nodes[ring.nodes[place]!.peer]!
  return {
    rootOf: key => node(ring.successorOf(key)),
    before: key => node((ring.successorOf(key) + ring.nodes.length - 1) % ring.nodes.length)
  }
}

export function randomKey(random: Random): Key {
  const key = new Uint8Array(32)
  for (let at = 0; at < 32; at += 4) new DataView(key.buffer).setUint32(at, random.u32())
  return key
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
