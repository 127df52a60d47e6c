/** The simulator as a backend: the scenarios of `backends.ts` in virtual time, without a byte encoded. */
import type { Effects, Machine, MachineTypes } from '@servent/overlay/machine'
import { latencyModel, randomOf, Simulation } from '@servent/simulator'
import type { Backend } from './backends.ts'
import { ToyMachine, type ToyTypes, toyCodec } from './toy.ts'

const SECOND_US = 1_000_000

export const onSimulator: Backend = async ({ nodes, edges, calls }) => {
  const echoes: Record<string, string[]> = Object.fromEntries(nodes.map(name => [name, []]))
  const logs: Record<string, string[]> = Object.fromEntries(nodes.map(name => [name, []]))
  const received: Record<string, [number, number]> = Object.fromEntries(nodes.map(name => [name, [0, 0]]))
  const simulation = new Simulation<ToyTypes>({
    seed: 'conformance',
    codec: toyCodec,
    network: latencyModel('uniform:10-60', randomOf('conformance')),
    answer: (_, node) => `I am ${nodes[node]}`,
    onNotice: (node, { says, hops }) => echoes[nodes[node]!]!.push(`${says}, ${hops} hops`),
    createMachine: node =>
      logged(new ToyMachine(), logs[nodes[node]!]!, message => {
        if (message.type !== 'beat') received[nodes[node]!]![message.type === 'call' ? 0 : 1] += 1
      })
  })
  for (const node of simulation.addNodes(nodes.length)) simulation.start(node)
  for (const [from, to] of edges) simulation.contact(nodes.indexOf(from), nodes.indexOf(to))
  simulation.runFor(2 * SECOND_US)
  for (const { from, ttl } of calls) {
    simulation.command(nodes.indexOf(from), { type: 'call', ttl })
    simulation.runFor(SECOND_US)
  }
  for (const node of simulation.aliveNodes()) simulation.stop(node)
  simulation.runFor(SECOND_US)
  return {
    echoes: Object.fromEntries(Object.entries(echoes).map(([name, said]) => [name, said.toSorted()])),
    received,
    logs: Object.fromEntries(Object.entries(logs).map(([name, lines]) => [name, lines.join('\n')]))
  }
}

const EFFECTS = ['open', 'close', 'send', 'setTimer', 'cancelTimer', 'ask', 'save', 'notify'] as const

/** A machine whose inputs and effects are written down as they come. */
function logged<T extends MachineTypes>(
  machine: Machine<T>,
  lines: string[],
  onMessage: (message: T['message']) => void
): Machine<T> {
  return {
    handle: (input, effects) => {
      lines.push(`${effects.nowMs()} ${JSON.stringify(input)}`)
      if (input.type === 'message') onMessage(input.message)
      machine.handle(input, logging(effects, lines))
    },
    heldPeers: hold => machine.heldPeers(hold),
    snapshot: () => machine.snapshot()
  }
}

function logging<T extends MachineTypes>(effects: Effects<T>, lines: string[]): Effects<T> {
  return new Proxy(effects, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...given: unknown[]) => {
        if ((EFFECTS as readonly (string | symbol)[]).includes(name))
          lines.push(`  -> ${String(name)} ${JSON.stringify(given)}`)
        return value.apply(target, given)
      }
    }
  })
}
