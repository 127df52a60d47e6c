/** How nodes begin, rest, end and come back. */
import type { MachineTypes } from '@servent/overlay/machine'
import { CRASHED, PAUSED, RUNNING, SILENT, STOPPED } from './node.ts'
import type { Dispatcher } from './simulation-dispatch.ts'
import type { World } from './simulation-world.ts'
import { TRACE_ANSWER, TRACE_START, TRACE_STOP } from './trace.ts'
import type { NodeIndex } from './types.ts'

export class NodeLives<T extends MachineTypes> {
  readonly #world: World<T>
  readonly #dispatcher: Dispatcher<T>

  constructor(world: World<T>, dispatcher: Dispatcher<T>) {
    this.#world = world
    this.#dispatcher = dispatcher
  }

  /** @throws RangeError  it runs, or is silent: `revive` it then */
  checkStart(node: NodeIndex): void {
    const { nodes } = this.#world
    if (nodes.isAlive(node) || nodes.status(node) === SILENT || !(node < nodes.size))
      throw new RangeError(`Node ${node} cannot be started: it is none, or it runs.`)
  }

  start(node: NodeIndex, saved?: ReadonlyMap<string, Uint8Array>): void {
    const { nodes, init, runner, links, endings, access } = this.#world
    this.checkStart(node)
    // What an earlier life was still sending as it stopped is cut off: its process is another one.
    if (links.counts[node]! > 0) endings.crash(node)
    access.reset(node)
    if (saved !== undefined) nodes.replaceSaved(node, saved)
    nodes.beginLife(node)
    nodes.machines[node] = init.createMachine(node)
    nodes.setStatus(node, RUNNING)
    runner.tell(node, { type: 'start', saved: new Map(nodes.saved(node)) }, TRACE_START, nodes.life(node))
  }

  stop(node: NodeIndex): void {
    const { nodes, runner, endings, timers } = this.#world
    this.resume(node)
    this.#mustRun(node)
    endings.callOffAll(node)
    const error = 'The overlay stops.'
    for (const id of nodes.takeAsked(node))
      runner.tell(node, { type: 'answer', id, error }, TRACE_ANSWER, ~id)
    timers.clear(node)
    runner.effects.stopping = node
    runner.tell(node, { type: 'stop' }, TRACE_STOP, 0)
    runner.effects.stopping = undefined
    nodes.takeAsked(node)
    nodes.setStatus(node, STOPPED)
    endings.stop(node)
    this.#forget(node)
  }

  crash(node: NodeIndex): void {
    this.#mustRun(node)
    this.#world.nodes.setStatus(node, CRASHED)
    this.#world.endings.crash(node)
    this.#vanish(node)
  }

  silence(node: NodeIndex): void {
    this.#mustRun(node)
    this.#world.nodes.setStatus(node, SILENT)
    this.#world.endings.silence(node)
    this.#vanish(node)
  }

  /** @throws RangeError  it runs, or never did */
  checkRevive(node: NodeIndex): void {
    const status = this.#world.nodes.status(node)
    if (status !== CRASHED && status !== SILENT && status !== STOPPED)
      throw new RangeError(`Node ${node} cannot be revived: it runs, or it never did.`)
  }

  revive(node: NodeIndex, keepSaved: boolean): void {
    const { nodes, endings } = this.#world
    this.checkRevive(node)
    if (nodes.status(node) === SILENT) {
      endings.forget(node)
      nodes.setStatus(node, CRASHED)
    }
    if (!keepSaved) nodes.replaceSaved(node, undefined)
    this.start(node)
  }

  pause(node: NodeIndex): void {
    this.#mustRun(node)
    this.#world.nodes.setStatus(node, PAUSED)
  }

  /** It hears of all that it missed, in its order. Nothing happens where it was not paused. */
  resume(node: NodeIndex): void {
    const { nodes, runner } = this.#world
    if (nodes.status(node) !== PAUSED) return
    nodes.setStatus(node, RUNNING)
    for (const ref of runner.takeParked(node)) this.#dispatcher.dispatch(ref)
  }

  /** What it had under way comes to nothing. */
  #vanish(node: NodeIndex): void {
    const { nodes, timers, access, runner } = this.#world
    timers.clear(node)
    nodes.takeAsked(node)
    access.reset(node)
    for (const ref of runner.takeParked(node)) this.#dispatcher.dispatch(ref)
    this.#forget(node)
  }

  #forget(node: NodeIndex): void {
    const { init, nodes } = this.#world
    if (init.forgetDead === true) nodes.machines[node] = undefined
  }

  #mustRun(node: NodeIndex): void {
    if (!this.#world.nodes.isAlive(node)) throw new RangeError(`Node ${node} does not run.`)
  }
}
