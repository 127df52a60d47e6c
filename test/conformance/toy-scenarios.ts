/** The words of the toy protocol in scenarios: `a> call 3` floods with a TTL of 3. */
import {
  latencyModel,
  randomOf,
  type ScenarioWorld,
  Simulation,
  type SimulationInit
} from '@servent/simulator'
import { ToyMachine, type ToyTypes, toyCodec } from './toy.ts'

/** A world with round trips of 50 ms, and with these settings of its own. */
export function toyWorld(settings: Partial<SimulationInit<ToyTypes>> = {}): ScenarioWorld<ToyTypes> {
  return {
    codec: toyCodec,
    create: ({ onNotice, network, watch }) => {
      const simulation: Simulation<ToyTypes> = new Simulation<ToyTypes>({
        seed: 'scenario',
        codec: toyCodec,
        createMachine: node => watch(new ToyMachine(), node),
        network: network(latencyModel('constant:50', randomOf('scenario'))),
        answer: (_, node) => `I am node ${node}`,
        onNotice,
        ...settings
      })
      return simulation
    },
    command: words => {
      const ttl = /^call (\d+)$/.exec(words)?.[1]
      return ttl === undefined ? undefined : { type: 'call', ttl: Number(ttl) }
    },
    notice: ({ says, hops }) => `heard "${says}" from ${hops} hops away`,
    message: message =>
      message.type === 'beat'
        ? `beat ${message.count}`
        : message.type === 'call'
          ? `call, ttl ${message.ttl}`
          : `echo "${message.says}"`,
    expect: (words, simulation, names) => {
      const [, name, count] = /^(\S+) has (\d+) links?$/.exec(words) ?? []
      if (name === undefined) return undefined
      const links = simulation.linkedTo(names.node(name)).length
      return links === Number(count) ? '' : `${name} has ${links} links.`
    }
  }
}
