/**
 * A partition of a run on real peers: the same peers are cut off as in the simulator, when a quarter of the measured time
 * has passed. Connections across break then, and dials across are refused until it is over.
 */
import {
  beginningUs,
  type PartitionSamples,
  type Phase,
  type Places,
  parsePartition,
  Sides
} from '@servent/lab/backend'
import type { NodeIndex, Random } from '@servent/simulator'
import type { Crowd } from './crowd.ts'
import type { SampleResults } from './sample-results.ts'

export interface PartingInit {
  /** As the plan has it. */
  readonly partition: string
  /** Of the measured time, in seconds. */
  readonly duration: number
  readonly places: Places
  readonly random: Random
}

export class Parting {
  readonly sides: Sides
  readonly #fromUs: number
  readonly #us: number
  #phase: Phase = 'before'

  constructor({ partition, duration, places, random }: PartingInit) {
    const { part, us } = parsePartition(partition)
    this.sides = new Sides(part, places, random)
    this.#fromUs = beginningUs({ duration })
    this.#us = us
  }

  /** Of the measured time. */
  get phase(): Phase {
    return this.#phase
  }

  /** The measured time begins. `onError`: a peer could not be told. */
  begin(crowd: Crowd, onError: (error: Error) => void): void {
    const startedUs = crowd.nowUs
    crowd.at(startedUs + this.#fromUs, () => {
      this.#phase = 'during'
      this.sides.split(crowd.nowUs)
      this.#tell(crowd, node => this.#across(crowd, node)).catch(onError)
    })
    crowd.at(startedUs + this.#fromUs + this.#us, () => {
      this.#phase = 'after'
      this.sides.heal(crowd.nowUs)
      this.#tell(crowd, () => []).catch(onError)
    })
  }

  /** Whether tables are whole again nobody looks at. */
  samples(results: SampleResults): PartitionSamples {
    const of = results.phaseSamples.bind(results)
    const phases = { before: of('before'), during: of('during'), after: of('after') }
    return { apart: this.sides.apart, healedUs: null, phases }
  }

  async #tell(crowd: Crowd, whom: (node: NodeIndex) => string[]): Promise<void> {
    await Promise.all(crowd.members.map(({ node, peer }) => peer?.cutOff(whom(node))))
  }

  /** Whom a node does not hear now. */
  #across(crowd: Crowd, node: NodeIndex): string[] {
    return crowd.members.flatMap(({ node: other, peer }) =>
      peer === undefined || this.sides.hears(node, other) ? [] : [peer.peerId]
    )
  }
}
