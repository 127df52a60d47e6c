/**
 * The words of Chord in scenarios. Nodes are given round keys in the order in which they start, so that a person
 * can follow: a stands at 10 on the ring, b at 30, c at 50, and so on to h at f0. `a> lookup 25` asks for the
 * root of the key that begins with 25, and here that is b.
 */
import { ChordMachine, type ChordNode, type ChordSettings, type ChordTypes } from '@servent/chord/machine'
import { chordCodec } from '@servent/chord/wire'
import { KEY_BYTES, type Key } from '@servent/overlay/machine'
import { latencyModel, randomOf, type ScenarioWorld, Simulation } from '@servent/simulator'

const SETTINGS: Partial<ChordSettings> = {
  successors: 3,
  proximity: 'off',
  stabiliseMs: 1_000,
  fixFingersMs: 1_000,
  checkPredecessorMs: 1_000,
  mergeMs: 5_000,
  saveMs: 0
}

function keyOf(firstByte: number): Key {
  const key = new Uint8Array(KEY_BYTES)
  key[0] = firstByte
  return key
}

export const chordWorld: ScenarioWorld<ChordTypes> = {
  codec: chordCodec,
  create: ({ onNotice, network, watch }) =>
    new Simulation<ChordTypes>({
      seed: 'scenario',
      codec: chordCodec,
      createMachine: node => watch(new ChordMachine(SETTINGS), node),
      network: network(latencyModel('constant:50', randomOf('scenario'))),
      keyOf: node => keyOf(0x10 + 0x20 * node),
      onNotice
    }),
  command: words => {
    const [, byte] = /^lookup ([0-9a-f]{2})$/.exec(words) ?? []
    if (byte !== undefined) return { type: 'lookup', key: keyOf(Number.parseInt(byte, 16)) }
    return words === 'join' || words === 'leave' ? { type: words } : undefined
  },
  notice: (notice, names) => {
    switch (notice.type) {
      case 'looked-up':
        return `the root is ${names.ofContact(notice.root)}, ${notice.hops} hops, ${notice.timeouts} timeouts`
      case 'lookup-failed':
        return `the lookup failed: ${notice.reason}`
      case 'mode':
        return `is ${notice.mode}`
      default:
        return undefined
    }
  },
  show: ({ mode, places }, names, node) =>
    places.map(({ predecessor, successors, fingers }) => {
      const list = (nodes: readonly (ChordNode | null)[]) =>
        nodes.map(one => (one === null ? 'nobody' : names.ofPeer(node, one.peer))).join(' ') || 'nobody'
      return `(${mode}) after ${list([predecessor])}, before ${list(successors)}, fingers ${list(fingers)}`
    })
}
