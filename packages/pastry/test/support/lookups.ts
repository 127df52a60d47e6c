/** Lookups of random keys by random nodes, and what an observer who knows everybody says of their answers. */
import { type Key, keyToHex } from '@servent/overlay/machine'
import type { NodeIndex, Random } from '@servent/simulator'
import type { PastryNotice } from '../../src/machine.ts'
import type { PastryNetwork } from './network.ts'

export interface LookupTally {
  issued: number
  correct: number
  incorrect: number
  failed: number
  /** Of correct ones: steps until delivery. */
  hops: number[]
  timeouts: number[]
  elapsedMs: number[]
}

/** The node that is closest to a key; it is told who answered. */
export type RootOf = (key: Key, answered: NodeIndex | undefined) => NodeIndex

type Ended = Extract<PastryNotice, { type: 'looked-up' | 'lookup-failed' }>

export class Lookups {
  readonly tally: LookupTally = {
    issued: 0,
    correct: 0,
    incorrect: 0,
    failed: 0,
    hops: [],
    timeouts: [],
    elapsedMs: []
  }
  readonly #network: PastryNetwork
  readonly #rootOf: RootOf
  /** By the hexadecimal of its key: keys are never twice the same. */
  readonly #pending = new Map<string, Key>()
  readonly #names = new Map<number, string>()
  #asking: string | undefined

  constructor(network: PastryNetwork, rootOf: RootOf) {
    this.#network = network
    this.#rootOf = rootOf
    network.notices.push((_node, notice) => {
      if (notice.type === 'looked-up' || notice.type === 'lookup-failed') this.#onEnd(notice)
    })
  }

  /** Issued and not answered. Of a node that died it stays so. */
  get unfinished(): number {
    return this.#pending.size
  }

  issue(origin: NodeIndex, key: Key): void {
    const name = keyToHex(key)
    this.#pending.set(name, key)
    this.tally.issued += 1
    this.#asking = name
    const command = this.#network.simulation.command(origin, { type: 'lookup', key })
    this.#asking = undefined
    this.#names.set(command, name)
  }

  #onEnd(notice: Ended): void {
    // A key of its own is answered before its command has a number.
    const name = this.#names.get(notice.command) ?? this.#asking
    const key = name === undefined ? undefined : this.#pending.get(name)
    if (name === undefined || key === undefined) return
    this.#pending.delete(name)
    this.#names.delete(notice.command)
    const { tally } = this
    if (notice.type === 'lookup-failed') {
      tally.failed += 1
      return
    }
    const root = this.#network.simulation.nodeOf(notice.root)
    if (root !== this.#rootOf(key, root)) {
      tally.incorrect += 1
      return
    }
    tally.correct += 1
    tally.hops.push(notice.hops)
    tally.timeouts.push(notice.timeouts)
    tally.elapsedMs.push(notice.elapsedMs)
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
