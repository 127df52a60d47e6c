/**
 * A machine that lies: a real one, which joins as others do, with somebody before it who answers some questions in its
 * place, and changes what it says.
 */
import type { Contact, Effects, Input, Key, Link, Machine, MachineTypes } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import { PassedEffects } from '../overlays/observed.ts'
import type { LiarGroup } from './group.ts'
import type { Lie } from './lies.ts'

/** How an overlay's peers lie. */
export interface LyingRules<T extends MachineTypes> {
  /** True: it was answered, or dropped, and the machine does not hear of it. */
  onMessage(liar: Liar<T>, link: Link, message: T['message']): boolean
  /** What goes out in place of what the machine sends. */
  poison(liar: Liar<T>, message: T['message']): T['message']
}

/** One that lies, and what it may do about it while a message is handled. */
export class Liar<T extends MachineTypes> {
  readonly group: LiarGroup
  readonly node: NodeIndex
  readonly #lies: readonly Lie[]
  /** Of a user's lookup there is one lie at a time. */
  readonly #ofLookups: readonly Lie[]
  effects!: Effects<T>

  constructor(group: LiarGroup, node: NodeIndex, lies: readonly Lie[]) {
    this.group = group
    this.node = node
    this.#lies = lies
    this.#ofLookups = lies.filter(lie => lie !== 'poison')
  }

  get key(): Key {
    return this.group.keyOf(this.node)
  }

  get poisons(): boolean {
    return this.#lies.includes('poison')
  }

  /** What it does with somebody's lookup; nothing: what it should. A lookup for a table is never dropped. */
  lieAbout(purpose: 'user' | 'table'): Lie | undefined {
    if (purpose === 'table') return this.poisons ? 'wrong-owner' : undefined
    const [first, second] = this.#ofLookups
    return second === undefined || this.effects.random() % 2 === 0 ? first : second
  }

  contacts(nodes: readonly NodeIndex[]): Contact[] {
    return nodes.map(node => this.group.contactOf(node))
  }

  say(link: Link, message: T['message'], priority: number): void {
    this.effects.send(link, message, priority)
  }
}

class LyingEffects<T extends MachineTypes> extends PassedEffects<T> {
  readonly #poison: (message: T['message']) => T['message']

  constructor(poison: (message: T['message']) => T['message']) {
    super()
    this.#poison = poison
  }

  override send(link: Link, message: T['message'], priority: number): void {
    super.send(link, this.#poison(message), priority)
  }
}

export function lying<T extends MachineTypes>(
  machine: Machine<T>,
  liar: Liar<T>,
  rules: LyingRules<T>
): Machine<T> {
  const effects = new LyingEffects<T>(message => (liar.poisons ? rules.poison(liar, message) : message))
  return {
    handle(input: Input<T>, inner: Effects<T>): void {
      liar.effects = inner
      effects.inner = inner
      if (input.type === 'message' && rules.onMessage(liar, input.link, input.message)) return
      machine.handle(input, effects)
    },
    heldPeers: hold => machine.heldPeers(hold),
    snapshot: () => machine.snapshot()
  }
}

/** In place of a phantom's machine: nobody is there. */
export function nobodyThere<T extends MachineTypes>(): Machine<T> {
  return { handle: () => undefined, heldPeers: () => undefined, snapshot: () => ({}) }
}
