/**
 * Thousands of machines in virtual time. Everything that happens is an event in the total order of (time,
 * sequence); the same seed, plan and code give the same run, to the last bit, and `traceHash` says so.
 *
 *     const simulation = new Simulation({ seed: 'a', codec, createMachine: () => new FloodMachine() })
 *     for (const node of simulation.addNodes(10)) simulation.start(node)
 *     simulation.contact(0, 1)
 *     simulation.runFor(1_000_000)
 *
 * A node can end in three ways: `stop`, in good order; `crash`, where its system tells the other sides; and
 * `silence`, where nobody is told. From `pause` it comes back with all that it missed.
 */
import type { Contact, Key, Link, Machine, MachineTypes, Peer, RequestId } from '@servent/overlay/machine'
import { SELF } from '@servent/overlay/machine'
import { ACT } from './event-queue-deeds.ts'
import { endOf, UP } from './links.ts'
import type { Metrics } from './metrics.ts'
import { NodeLives } from './node-lives.ts'
import { SimulationError } from './observer.ts'
import type { Random, Streams } from './random.ts'
import { Dispatcher } from './simulation-dispatch.ts'
import { World } from './simulation-world.ts'
import { TRACE_COMMAND, TRACE_CONTACT } from './trace.ts'
import type { NodeIndex, SimulationInit } from './types.ts'

export class Simulation<T extends MachineTypes> {
  readonly seed: string
  readonly #world: World<T>
  readonly #dispatcher: Dispatcher<T>
  readonly #lives: NodeLives<T>
  #nextRequest: RequestId = 1
  #failure: SimulationError | undefined

  /** @throws RangeError  a limit with which nothing can run */
  constructor(init: SimulationInit<T>) {
    this.seed = init.seed
    this.#world = new World(init)
    this.#dispatcher = new Dispatcher(this.#world)
    this.#lives = new NodeLives(this.#world, this.#dispatcher)
    const { observer } = init
    if (observer !== undefined) this.#world.runner.watch(observer.every, () => observer.check(this))
  }

  /** Virtual time in whole microseconds, from 0. */
  get nowUs(): number {
    return this.#world.schedule.nowUs
  }

  /** Inputs that machines were told and acts of the plan, so far. */
  get events(): number {
    return this.#world.runner.events
  }

  /** 16 hexadecimal digits: what happened so far, in its order. */
  get traceHash(): string {
    return this.#world.runner.trace.hex
  }

  /** Chance for the plan: `random.of('workload')` shifts nothing else, and nothing else shifts it. */
  get random(): Streams {
    return this.#world.streams
  }

  get metrics(): Metrics<T['message']> {
    return this.#world.metrics
  }

  /** Nodes that were added. */
  get size(): number {
    return this.#world.nodes.size
  }

  /** One more node, which does not run yet. */
  addNode(): NodeIndex {
    return this.#world.addNode()
  }

  addNodes(count: number): NodeIndex[] {
    return Array.from({ length: count }, () => this.addNode())
  }

  /**
   * A new machine begins, with what is given as saved, or with what the node saved in its earlier lives.
   *
   * @throws RangeError  it runs already, or is silent
   */
  start(node: NodeIndex, saved?: ReadonlyMap<string, Uint8Array>): void {
    this.#lives.checkStart(node)
    this.#act(() => this.#lives.start(node, saved))
  }

  /**
   * In good order: the machine is told, what it sends then goes out, and its links close.
   *
   * @throws RangeError  it does not run; so do `crash`, `silence` and `pause`
   */
  stop(node: NodeIndex): void {
    this.#mustRun(node)
    this.#act(() => this.#lives.stop(node))
  }

  /** Its process is gone: links are reset at the other sides, one way later; opens to it are refused. */
  crash(node: NodeIndex): void {
    this.#mustRun(node)
    this.#act(() => this.#lives.crash(node))
  }

  /** It hears nothing and says nothing any more, and nobody is told: its links stay up at the other sides. */
  silence(node: NodeIndex): void {
    this.#mustRun(node)
    this.#act(() => this.#lives.silence(node))
  }

  /**
   * A new machine begins in the place of one that ended, with or without what that one saved.
   *
   * @throws RangeError  it runs, or never did
   */
  revive(node: NodeIndex, { keepSaved }: { readonly keepSaved: boolean }): void {
    this.#lives.checkRevive(node)
    this.#act(() => this.#lives.revive(node, keepSaved))
  }

  /** Nothing reaches it until `resume`: then all that it missed does, in its order. */
  pause(node: NodeIndex): void {
    this.#mustRun(node)
    this.#act(() => this.#lives.pause(node))
  }

  resume(node: NodeIndex): void {
    this.#act(() => this.#lives.resume(node))
  }

  /**
   * From now on a node's clocks gain so many microseconds a second, or lose them. Its timers go by them.
   *
   * @throws RangeError  more than one in a hundred
   */
  setDrift(node: NodeIndex, ppm: number): void {
    const { clocks, timers } = this.#world
    timers.move(node, clocks.setDrift(node, ppm, this.nowUs))
  }

  /** What a node takes for the time of day jumps; its clock that never jumps goes on. */
  jumpWall(node: NodeIndex, byMs: number): void {
    this.#world.clocks.jumpWall(node, byMs)
  }

  /** A node hears of another one that speaks its protocol, unless they are linked. */
  contact(node: NodeIndex, other: NodeIndex): void {
    const { links, runner } = this.#world
    if (node === other || links.find(node, other) >= 0) return
    const peer = other + 1
    this.#guard(() => runner.tell(node, { type: 'contact', peer }, TRACE_CONTACT, peer))
  }

  /** A link that is there at once, opened by `a`. Nothing happens where there is one, or one on its way. */
  connect(a: NodeIndex, b: NodeIndex): void {
    this.#mustRun(a)
    this.#mustRun(b)
    this.#act(() => this.#world.openings.connect(a, b))
  }

  /**
   * Gives a machine a command and returns its id. The machine has handled it when this returns, unless it is
   * called from a notice, or the node is paused.
   *
   * @throws RangeError  the node does not run
   */
  command(node: NodeIndex, command: T['command']): RequestId {
    this.#mustRun(node)
    const id = this.#nextRequest
    this.#nextRequest += 1
    this.#guard(() => this.#world.runner.tell(node, { type: 'command', id, command }, TRACE_COMMAND, id))
    return id
  }

  /**
   * An act of the plan at a time, in the total order.
   *
   * @throws RangeError  the time is past, or no whole number
   */
  at(us: number, act: () => void): void {
    if (!Number.isSafeInteger(us) || us < this.nowUs)
      throw new RangeError(`An act is at a whole number of microseconds from ${this.nowUs} on, not at ${us}.`)
    this.#world.schedule.post(us, ACT, 0, 0, 0, act)
  }

  after(us: number, act: () => void): void {
    this.at(this.nowUs + us, act)
  }

  /**
   * All that is due until then happens, and it is that time.
   *
   * @throws SimulationError  a machine, the observer or an act of the plan threw; so do all the others that run
   */
  runUntil(us: number): void {
    const { schedule } = this.#world
    this.#guard(() => {
      while (schedule.queue.nextUs <= us) this.#dispatcher.step()
    })
    if (us > schedule.nowUs) schedule.nowUs = us
  }

  runFor(us: number): void {
    this.runUntil(this.nowUs + us)
  }

  /** The next entry of the queue happens; false where there is none. */
  step(): boolean {
    return this.#guard(() => this.#dispatcher.step())
  }

  /** Runs as long as the condition holds, which is asked between two events; false where nothing is left to happen. */
  runWhile(holds: () => boolean): boolean {
    while (holds()) if (!this.step()) return false
    return true
  }

  /** Whether it runs, paused or not. */
  alive(node: NodeIndex): boolean {
    return this.#world.nodes.isAlive(node)
  }

  /** In ascending order. */
  aliveNodes(): readonly NodeIndex[] {
    return this.#world.nodes.alive
  }

  get aliveCount(): number {
    return this.#world.nodes.aliveCount
  }

  /** A node that runs, each as likely as another; undefined where none does. */
  pickAlive(random: Random): NodeIndex | undefined {
    return this.#world.nodes.pickAlive(random)
  }

  /** @throws RangeError  it was never started, or it ended and is forgotten */
  machine(node: NodeIndex): Machine<T> {
    const machine = this.#world.nodes.machines[node]
    if (machine === undefined)
      throw new RangeError(`Node ${node} has no machine: it was never started, or is forgotten.`)
    return machine
  }

  /** What the node's machines saved. */
  saved(node: NodeIndex): ReadonlyMap<string, Uint8Array> {
    return this.#world.nodes.saved(node)
  }

  keyOf(node: NodeIndex): Key {
    return this.#world.identities.keyOf(node)
  }

  contactOf(node: NodeIndex): Contact {
    return this.#world.identities.contactOf(node)
  }

  nodeOf(contact: Contact): NodeIndex | undefined {
    return this.#world.identities.nodeOf(contact)
  }

  /** The handle by which the machine of `from` knows `of`. */
  peerOf(from: NodeIndex, of: NodeIndex): Peer {
    return from === of ? SELF : of + 1
  }

  /** What a handle in the machine of `from` means. */
  nodeOfPeer(from: NodeIndex, peer: Peer): NodeIndex {
    return peer === SELF ? from : peer - 1
  }

  /** Nodes to which it has a link that is up on its side, the youngest first. */
  linkedTo(node: NodeIndex): NodeIndex[] {
    const { links } = this.#world
    return links
      .endsOf(node)
      .filter(end => links.state(end) === UP)
      .map(end => links.other(end))
  }

  /** The node at the other end of a machine's link; undefined where the link is no more. */
  otherEnd(link: Link): NodeIndex | undefined {
    const { links } = this.#world
    return links.has(link) ? links.other(endOf(link)) : undefined
  }

  #mustRun(node: NodeIndex): void {
    if (!this.alive(node)) throw new RangeError(`Node ${node} does not run.`)
  }

  /** From a notice it waits until the machine has done. */
  #act(act: () => void): void {
    const { runner, schedule } = this.#world
    if (runner.isBusy) schedule.post(schedule.nowUs, ACT, 0, 0, 0, act)
    else this.#guard(act)
  }

  /** A failure is final, and says where it can be found again. */
  #guard<R>(run: () => R): R {
    if (this.#failure !== undefined) throw this.#failure
    try {
      return run()
    } catch (error) {
      if (error instanceof SimulationError) throw error
      const { seed, nowUs, events: event, traceHash } = this
      this.#failure = new SimulationError({ seed, nowUs, event, traceHash }, error)
      throw this.#failure
    }
  }
}
