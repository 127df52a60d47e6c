/** Lookups of a run of Chord, counted. */
import type { ChordNotice, ChordTypes } from '@servent/chord/machine'
import type { Random, Simulation } from '@servent/simulator'

const KEY_BYTES = 32

export class LookupCount {
  begun = 0
  #found = 0
  #failed = 0
  #hops = 0
  #elapsedMs = 0

  begin(simulation: Simulation<ChordTypes>, node: number, random: Random): void {
    const key = new Uint8Array(KEY_BYTES)
    for (let index = 0; index < KEY_BYTES; index += 1) key[index] = random.below(256)
    simulation.command(node, { type: 'lookup', key })
    this.begun += 1
  }

  onNotice(notice: ChordNotice): void {
    if (notice.type === 'looked-up') {
      this.#found += 1
      this.#hops += notice.hops
      this.#elapsedMs += notice.elapsedMs
    } else if (notice.type === 'lookup-failed') {
      this.#failed += 1
    }
  }

  /** Lookups whose origin died are neither found nor failed. */
  get figures(): Record<string, number> {
    const { begun } = this
    return {
      lookups: begun,
      found: this.#found,
      failed: this.#failed,
      hops: this.#hops / this.#found,
      latencyMs: this.#elapsedMs / this.#found
    }
  }
}
