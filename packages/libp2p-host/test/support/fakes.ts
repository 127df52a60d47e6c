/** Puppets on a network in virtual time. */
import { MachineHost } from '../../src/index.ts'
import { type FakeNetwork, type FakeNode, Transcript } from '../../src/testing.ts'
import type { PuppetInit } from './nodes.ts'
import { Puppet, type PuppetEffects, type PuppetTypes, puppetCodec } from './puppet.ts'

export const FAKE_PROTOCOL = '/servent/puppet/1.0.0'

export interface FakePuppet {
  readonly node: FakeNode
  readonly puppet: Puppet
  readonly host: MachineHost<PuppetTypes>
  act(run: (effects: PuppetEffects) => void): void
  open(to: FakePuppet): void
}

export async function addPuppet(
  network: FakeNetwork,
  name: string,
  seed: number,
  init: PuppetInit = {}
): Promise<FakePuppet> {
  return await hostPuppet(network, await network.addNode({ name, seed }), init)
}

export async function hostPuppet(
  network: FakeNetwork,
  node: FakeNode,
  init: PuppetInit = {}
): Promise<FakePuppet> {
  const puppet = new Puppet()
  const host = new MachineHost<PuppetTypes>(node.components, {
    name: 'gnutella',
    protocol: FAKE_PROTOCOL,
    machine: puppet,
    codec: puppetCodec,
    answer: async question => `answer to ${question}`,
    onNotice: () => {},
    clock: network.clock,
    random: node.random,
    ...init
  })
  await network.finish(host.start())
  const act = (run: (effects: PuppetEffects) => void) => {
    host.command(run)
    puppet.checkExpectations()
  }
  return {
    node,
    puppet,
    host,
    act,
    open: to => {
      host.addContact(to.node.peerId, [...to.node.addresses])
      act(effects => {
        const { peerId } = to.node
        effects.open(effects.peers.intern({ id: peerId.toMultihash().bytes, addresses: [] }))
      })
    }
  }
}

export function transcriptOf(puppets: () => readonly FakePuppet[]): Transcript<PuppetTypes> {
  return new Transcript<PuppetTypes>({
    nameOf: peerId => puppets().find(({ node }) => node.peerId.toString() === peerId)?.node.name
  })
}
