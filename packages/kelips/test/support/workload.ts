/** Lookups, announcements, searches and values by command, with their answers, and records for them. */
import type { RecordKind, StoredRecord } from '@servent/key-routing/machine'
import type { Key } from '@servent/overlay/machine'
import { type NodeIndex, type Random, randomOf } from '@servent/simulator'
import type { KelipsCommand, KelipsNotice } from '../../src/machine.ts'
import type { KelipsNetwork } from './network.ts'

export type Told<Type extends KelipsNotice['type']> = Extract<KelipsNotice, { readonly type: Type }>

/** The simulator's time of day begins with this. */
const WALL_MS = 1_767_225_600_000
/** A day. */
const LIFETIME_MS = 86_400_000

export function randomKey(random: Random): Key {
  return Uint8Array.from({ length: 32 }, () => random.below(256))
}

export function keyOf(text: string): Key {
  return randomKey(randomOf(text))
}

export class Workload {
  readonly network: KelipsNetwork
  readonly #told = new Map<number, KelipsNotice[]>()
  readonly random: Random
  #serial = 0

  constructor(network: KelipsNetwork) {
    this.network = network
    this.random = network.simulation.random.of('workload')
    network.notices.push((_node, notice) => {
      if (!('command' in notice)) return
      const known = this.#told.get(notice.command)
      if (known === undefined) this.#told.set(notice.command, [notice])
      else known.push(notice)
    })
  }

  give(node: NodeIndex, command: KelipsCommand): number {
    return this.network.simulation.command(node, command)
  }

  /** What was told of a command, of one type. */
  told<Type extends KelipsNotice['type']>(command: number, type: Type): Told<Type>[] {
    return (this.#told.get(command) ?? []).filter((notice): notice is Told<Type> => notice.type === type)
  }

  record(
    node: NodeIndex,
    kind: RecordKind,
    key: Key,
    {
      subject = 'file',
      body = 'body',
      withdrawn = false
    }: { subject?: string; body?: string; withdrawn?: boolean } = {}
  ): StoredRecord {
    const { simulation } = this.network
    const wallMs = WALL_MS + Math.floor(simulation.nowUs / 1000)
    return {
      kind,
      key,
      publisher: simulation.contactOf(node),
      sequence: wallMs + this.#serial++,
      expiresMs: wallMs + LIFETIME_MS,
      subject: kind === 'value' ? new Uint8Array(0) : keyOf(subject),
      body: new TextEncoder().encode(body),
      ...(withdrawn && { withdrawn: true as const })
    }
  }

  publish(node: NodeIndex, ...records: StoredRecord[]): number {
    return this.give(node, { type: 'publish', records })
  }

  /** Commands that look for the providers of a key, and what comes of them once they have had their time. */
  providersOf(commands: readonly number[]): NodeIndex[][] {
    return commands.map(command =>
      this.told(command, 'records')
        .flatMap(({ records }) => records)
        .map(({ publisher }) => this.network.simulation.nodeOf(publisher)!)
        .sort((a, b) => a - b)
    )
  }

  anybody(): NodeIndex {
    const node = this.network.simulation.pickAlive(this.random)
    if (node === undefined) throw new Error('Nobody lives.')
    return node
  }
}
