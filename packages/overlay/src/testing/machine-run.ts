/** One machine under check, with the host's side of it: what is up, what waits, and what must hold. */
import type { Input, Link, LinkEnd, Machine, MachineTypes, RequestId, Timer } from '../contract.ts'
import { PRIORITY_MAX } from '../limits.ts'
import { type Contact, type Peer, SELF } from '../peers.ts'
import type { MachineSubject } from './machine-check.ts'
import { freezePlain } from './plain.ts'
import { type Effect, RecordingEffects } from './recording-effects.ts'

export type MachineProperty =
  | 'total' // `handle`, `heldPeers` and `snapshot` never throw
  | 'synchronous' // `handle` returns nothing, no promise in particular, and effects are had inside of it
  | 'deterministic' // equal inputs, times and random numbers give equal effects
  | 'priorities' // whole numbers from 0 to PRIORITY_MAX
  | 'timers' // named by a number or text, set to a finite time that is not past
  | 'fan-out' // one message in causes a stated number out
  | 'bounds' // every collection keeps its bound
  | 'peers' // every handle named is of a known peer, and of another one where it is opened
  | 'links' // effects name only links that are up
  | 'questions' // an id is not asked again before it is answered
  | 'snapshot' // plain data

export class MachineCheckError extends Error {
  static override readonly name = 'MachineCheckError'
  override readonly name = 'MachineCheckError'
  readonly property: MachineProperty

  constructor(property: MachineProperty, what: string, transcript: string, cause?: unknown) {
    super(`Not ${property}: ${what}.\n${transcript}`, { cause })
    this.property = property
  }
}

/** Inputs that an error shows. */
const TRANSCRIPT_INPUTS_MAX = 10

export class MachineRun<T extends MachineTypes, M extends Machine<T>> {
  readonly effects: RecordingEffects<T>
  readonly links = new Map<Link, Peer>()
  readonly opening = new Set<Peer>()
  readonly asked = new Map<RequestId, (Effect<T> & { type: 'ask' })['question']>()
  readonly log: Effect<T>[] = []
  /** Effects of the last input. */
  last: Effect<T>[] = []
  inputs = 0
  sent = 0
  readonly #machine: M
  readonly #subject: MachineSubject<T, M>
  readonly #timers = new Map<Timer, number>()
  /** Links that the machine closed, whose end it has not heard yet. */
  readonly #closing: Link[] = []
  /** Links of inputs that no good host gives: the machine may believe in them from then on. */
  readonly #rumoured = new Set<Link>()
  readonly #recent: string[] = []
  #nextLink = 1

  constructor(subject: MachineSubject<T, M>) {
    this.#subject = subject
    this.#machine = subject.create()
    this.effects = new RecordingEffects<T>({ seed: subject.seed ?? 1 })
  }

  /** `strict` is false for an input that no good host gives: the machine may then speak of the link in it. */
  handle(input: Input<T>, strict: boolean): void {
    if (this.effects.log.length > 0) this.#fail('synchronous', 'there were effects outside of handle')
    if (!strict && 'link' in input) this.#rumoured.add(input.link)
    this.inputs += 1
    this.#recent.push(describe(input))
    if (this.#recent.length > TRANSCRIPT_INPUTS_MAX) this.#recent.shift()
    // A simulator gives one object to many machines, so none may write into it.
    freezePlain(input)
    const returned: unknown = this.#total('handle', () => this.#machine.handle(input, this.effects))
    if (returned !== undefined) this.#fail('synchronous', `handle returned ${String(returned)}`)
    this.last = this.effects.take()
    this.log.push(...this.last)
    for (const effect of this.last) this.#check(effect)
    const sends = this.last.filter(effect => effect.type === 'send').length
    this.sent += sends
    if (input.type === 'message' && sends > this.#subject.fanOutMax) {
      this.#fail('fan-out', `one message caused ${sends}, and ${this.#subject.fanOutMax} are stated`)
    }
    this.#checkState()
  }

  snapshot(): T['snapshot'] {
    return this.#total('snapshot', () => this.#machine.snapshot())
  }

  linkUp(contact: Contact, inbound: boolean): Input<T> | undefined {
    const peer = this.effects.peers.intern(contact)
    if ([...this.links.values()].includes(peer)) return undefined
    const link = this.#nextLink
    this.#nextLink += 1
    this.links.set(link, peer)
    this.opening.delete(peer)
    return { type: 'link-up', link, peer, inbound }
  }

  linkDown(link: Link, kind: LinkEnd['kind']): Input<T> {
    this.links.delete(link)
    return { type: 'link-down', link, end: { kind, message: `ended: ${kind}` } }
  }

  advance(byMs: number): void {
    this.effects.advance(byMs)
  }

  hasPending(): boolean {
    return this.#closing.length > 0 || this.#dueTimer() !== undefined
  }

  /** What a host owes the machine now: ends of links that it closed, then timers that are due. */
  nextPending(): Input<T> | undefined {
    const link = this.#closing.shift()
    if (link !== undefined) return this.links.has(link) ? this.linkDown(link, 'local') : undefined
    const timer = this.#dueTimer()
    if (timer === undefined) return undefined
    this.#timers.delete(timer)
    return { type: 'timer', timer }
  }

  /** The last inputs, for people. */
  transcript(): string {
    return this.#recent
      .map((line, index) => `${this.inputs - this.#recent.length + index + 1}: ${line}`)
      .join('\n')
  }

  #dueTimer(): Timer | undefined {
    let due: Timer | undefined
    let atMs = this.effects.now
    for (const [timer, timeMs] of this.#timers) {
      if (timeMs > this.effects.now || (due !== undefined && timeMs >= atMs)) continue
      due = timer
      atMs = timeMs
    }
    return due
  }

  #check(effect: Effect<T>): void {
    switch (effect.type) {
      case 'send':
        if (!Number.isInteger(effect.priority) || effect.priority < 0 || effect.priority > PRIORITY_MAX) {
          this.#fail('priorities', `a message has priority ${effect.priority}`)
        }
        this.#checkLink(effect.link)
        // It leaves later, and in a simulator by reference: it must not change any more.
        freezePlain(effect.message)
        return
      case 'close':
        this.#checkLink(effect.link)
        if (this.links.has(effect.link)) this.#closing.push(effect.link)
        return
      case 'open':
        if (effect.peer === SELF || !this.effects.peers.has(effect.peer))
          this.#fail('peers', `opens the handle ${effect.peer}`)
        if (![...this.links.values()].includes(effect.peer)) this.opening.add(effect.peer)
        return
      case 'set-timer':
        if (!Number.isFinite(effect.afterMs) || effect.afterMs < 0)
          this.#fail('timers', `a timer is set to ${effect.afterMs} ms`)
        if (typeof effect.timer !== 'number' && typeof effect.timer !== 'string')
          this.#fail('timers', 'a timer has no name')
        // To the end of the map, so that timers of one time fire in the order in which they were set.
        this.#timers.delete(effect.timer)
        this.#timers.set(effect.timer, this.effects.now + effect.afterMs)
        return
      case 'cancel-timer':
        this.#timers.delete(effect.timer)
        return
      case 'ask':
        if (this.asked.has(effect.id))
          this.#fail('questions', `${effect.id} is asked again before its answer`)
        this.asked.set(effect.id, effect.question)
    }
  }

  #checkLink(link: Link): void {
    if (!this.links.has(link) && !this.#rumoured.has(link))
      this.#fail('links', `an effect names link ${link}, which is not up`)
  }

  #checkState(): void {
    for (const [name, [size, max]] of Object.entries(this.#subject.sizes?.(this.#machine) ?? {})) {
      if (!(size <= max)) this.#fail('bounds', `${name} holds ${size} of at most ${max}`)
    }
    const held = new Set<Peer>()
    this.#total('heldPeers', () => this.#machine.heldPeers(peer => held.add(peer)))
    for (const peer of held)
      if (!this.effects.peers.has(peer)) this.#fail('peers', `the handle ${peer} is held, and nobody has it`)
    try {
      JSON.stringify(this.snapshot())
    } catch (error) {
      if (error instanceof MachineCheckError) throw error
      this.#fail('snapshot', `it cannot be turned into JSON: ${(error as Error).message}`)
    }
    this.effects.peers.sweep(hold => {
      for (const peers of [held, this.links.values(), this.opening]) for (const peer of peers) hold(peer)
    })
  }

  #total<R>(what: string, run: () => R): R {
    try {
      return run()
    } catch (error) {
      throw new MachineCheckError('total', `${what} threw ${String(error)}`, this.transcript(), error)
    }
  }

  #fail(property: MachineProperty, what: string): never {
    throw new MachineCheckError(property, what, this.transcript())
  }
}

function describe(input: unknown): string {
  const text = JSON.stringify(input, (_, value) =>
    typeof value === 'bigint' ? `${value}n` : ArrayBuffer.isView(value) ? String(value) : value
  )
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}
