/**
 * What the life of a network of a structured overlay is made of, wherever it runs: peers by name, an overlay, a host. Its
 * steps stand in `life-steps.ts`, and what each overlay has of its own in `life-overlays.ts`. Peers are named in the order
 * of their keys, so that `b` follows `a` on every host, though their PeerIds differ.
 */
import type { RoutingQuestion } from '@servent/key-routing/machine'
import type { HostLimits, StateStore } from '@servent/libp2p-host'
import type { OverlayName } from '@servent/overlay'
import {
  type Codec,
  type Contact,
  compareKeys,
  type Key,
  keyOfPeer,
  keyToHex,
  type Machine,
  type MachineTypes
} from '@servent/overlay/machine'
import { randomOf } from '@servent/simulator'
import { Watched } from './watched.ts'

export const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const
export type Name = (typeof NAMES)[number]

/** Links come and go here as they do in an hour of the default settings, which the host's bound on comers is for. */
export const HOST_LIMITS: Partial<HostLimits> = { inboundLinksBurst: 1_000 }

/** What an overlay has of its own. */
export interface LifeOverlay<T extends MachineTypes> {
  readonly name: OverlayName
  readonly protocol: string
  readonly codec: Codec<T['message']>
  createMachine(settings: object, rules?: unknown): Machine<T>
  readonly answered: (question: T['question']) => T['answer']
  /** By what it leaves in good order before it stops, where it can. */
  readonly leave: T['command'] | undefined
  /** The tables of a node, without what is a matter of time; of nobody but those who live where it keeps others a while. */
  tablesOf(tables: T['snapshot'], nameOf: (peer: number) => string, alive: readonly Name[]): Tables
  /** What they are in a network that is whole; `alive` in the order of keys. */
  wholeTables(name: Name, alive: readonly Name[]): Tables
  isOut(tables: T['snapshot']): boolean
  /** What one peer was told comes to others a while later, though they are neighbours: so does each right answer. */
  readonly tellsByGossip: boolean
  /** What is asked of it, and what is right to say. */
  readonly answers: Answers
  /** Less than nothing where the first key is nearer: whose it is, of all that live. */
  compare(key: Key, a: Key, b: Key): number
}

export type Tables = Readonly<Record<string, string | readonly string[]>>

export interface LifeInit<T extends MachineTypes> {
  readonly overlay: LifeOverlay<T>
  /** Of the machines' chance. */
  readonly seed: string
  /** What all have beside the overlay's settings for this, or one of them: to show that the outcome tells of it. */
  readonly settingsOf?: (name: Name) => object
  /** Of machines that are broken on purpose. */
  readonly rules?: unknown
}

/** A machine of a network, before any host runs it. `life`: how often the node was started before. */
export function watchedOf<T extends MachineTypes>(
  { overlay, seed, settingsOf, rules }: LifeInit<T>,
  peers: Peers,
  name: Name,
  life = 0
): Watched<T> {
  const random = randomOf(`${seed} ${name}${life === 0 ? '' : ` ${life}`}`)
  const machine = overlay.createMachine({ ...settingsOf?.(name) }, rules)
  return new Watched<T>({ name, machine, nameOf: id => peers.nameOf(id), random: () => random.u32() })
}

/** Where a node's machines save, life after life. One that crashed and does not know saves nothing more. */
export function storeOfLife(kept: StateStore, watched: { readonly isEnded: boolean }): StateStore {
  return {
    load: () => kept.load(),
    save: async (key, bytes) => {
      if (!watched.isEnded) await kept.save(key, bytes)
    }
  }
}

/** One host with all its nodes. */
export interface Ring<T extends MachineTypes> {
  start(name: Name): Promise<void>
  /** A node hears of another one that speaks Chord. */
  contact(name: Name, other: Name): void
  /** Gives a command and returns its number, by which notices tell of it. */
  command(name: Name, command: T['command']): number
  /** Its process is gone, and its system tells the other sides. */
  crash(name: Name): Promise<void>
  stop(name: Name): Promise<void>
  /** A node that crashed or was stopped begins again with what its machine had saved. */
  restart(name: Name): Promise<void>
  /** Nobody of these reaches anybody else any more, nor is reached: until it is healed. */
  split(side: readonly Name[]): void
  heal(): void
  /** At most so long in virtual time, and in real time as much longer as a busy machine takes: until something holds. */
  pass(ms: number, holds: () => boolean): Promise<void>
  /** Up to here it must be alike to the last input and effect on hosts in virtual time. */
  divergesFromHere(): void
  wallMs(): number
  readonly peers: Peers
  watched(name: Name): Watched<T>
}

/** Who is who: names in the order of keys. */
export class Peers {
  readonly #contacts: readonly Contact[]
  readonly #names: ReadonlyMap<string, Name>

  /** In any order. */
  constructor(contacts: readonly Contact[]) {
    this.#contacts = contacts.toSorted((a, b) => compareKeys(keyOfPeer(a.id), keyOfPeer(b.id)))
    this.#names = new Map(this.#contacts.map(({ id }, place) => [keyToHex(id), NAMES[place]!]))
  }

  contactOf(name: Name): Contact {
    return this.#contacts[NAMES.indexOf(name)]!
  }

  keyOf(name: Name): Key {
    return keyOfPeer(this.contactOf(name).id)
  }

  nameOf(id: Uint8Array): Name | undefined {
    return this.#names.get(keyToHex(id))
  }
}

/** All signatures are good, and of values the one with the largest sequence is the best: hosts of the house answer alike. */
export function answered(question: RoutingQuestion) {
  if (question.type === 'select') {
    const sequences = question.records.map(({ sequence }) => sequence)
    return { type: 'selected' as const, index: sequences.indexOf(Math.max(...sequences)) }
  }
  return { type: 'verified' as const, good: question.records.map(() => true) }
}

/** What came of it, without what is a matter of time. */
export interface Life {
  readonly tables: Readonly<Record<string, Readonly<Record<string, Tables>>>>
  /** For each question its answers, by who asked. */
  readonly answers: Answers
}

export type Answers = Readonly<Record<string, Readonly<Record<string, string>>>>
