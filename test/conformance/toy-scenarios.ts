/** The words of the toy protocol in scenarios: `a> call 3` floods with a TTL of 3. Round trips are 50 ms. */
import { latencyModel, randomOf, type ScenarioWorld, Simulation } from '@servent/simulator'
import { ToyMachine, type ToyMessage, type ToyTypes, toyCodec } from './toy.ts'

export const toyWorld: ScenarioWorld<ToyTypes> = {
  codec: toyCodec,
  create: ({ onNotice, network, watch }) =>
    new Simulation<ToyTypes>({
      seed: 'scenario',
      codec: toyCodec,
      createMachine: node => watch(new ToyMachine(), node),
      network: network(latencyModel('constant:50', randomOf('scenario'))),
      answer: (_, node) => `I am node ${node}`,
      onNotice
    }),
  command: words => {
    const ttl = /^call (\d+)$/.exec(words)?.[1]
    return ttl === undefined ? undefined : { type: 'call', ttl: Number(ttl) }
  },
  notice: ({ says, hops }) => `heard "${says}" from ${hops} hops away`,
  message: inWords,
  expect: (words, simulation, names) => {
    const [, name, count] = /^(\S+) has (\d+) links?$/.exec(words) ?? []
    if (name === undefined) return undefined
    const links = simulation.linkedTo(names.node(name)).length
    return links === Number(count) ? '' : `${name} has ${links} links.`
  }
}

function inWords(message: ToyMessage): string {
  switch (message.type) {
    case 'beat':
      return `beat ${message.count}`
    case 'call':
      return `call, ttl ${message.ttl}`
    case 'echo':
      return `echo "${message.says}"`
  }
}
