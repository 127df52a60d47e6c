/**
 * Gnutella's machine in a line on the simulator. What its service asks a catalogue and signatures for is answered
 * from names here: a record is its provider and its name, signed by nobody.
 */
import { GnutellaMachine, type GnutellaTypes, gnutellaCodec, type HitResult } from '@servent/gnutella/machine'
import { ContentId, type FileRecord, matches, parseQuery, peerIdText } from '@servent/overlay/machine'
import { constantLatency, type NetworkModel, type NodeIndex, Simulation } from '@servent/simulator'

export interface LineInit {
  readonly seed: string
  readonly nodes: number
  /** What the last node shares. */
  readonly file: { readonly name: string; readonly size: number }
  readonly onNotice?: (node: NodeIndex, notice: GnutellaTypes['notice']) => void
  readonly onMessage?: (node: NodeIndex, message: GnutellaTypes['message']) => void
}

const FAR_FUTURE_MS = 4e12

/** Each node has its neighbours in the line, and can dial nobody else. */
export function gnutellaLine(init: LineInit): Simulation<GnutellaTypes> {
  const base = constantLatency(40)
  const network: NetworkModel = {
    oneWayUs: base.oneWayUs,
    dialUs: (from, to) => (Math.abs(from - to) === 1 ? 60_000 : undefined)
  }
  const recordOf = (provider: string, name: string, size: number): FileRecord => ({
    id: ContentId.fromRoot(new Uint8Array(32).fill(7), size),
    size,
    name,
    type: 'text/plain',
    tags: {},
    provider,
    sequence: 1,
    expiresMs: FAR_FUTURE_MS
  })
  const simulation: Simulation<GnutellaTypes> = new Simulation<GnutellaTypes>({
    seed: init.seed,
    codec: gnutellaCodec,
    network,
    createMachine: node => {
      const machine = new GnutellaMachine({ neighbours: 2 })
      return {
        handle: (input, effects) => {
          if (input.type === 'message') init.onMessage?.(node, input.message)
          machine.handle(input, effects)
        },
        heldPeers: hold => machine.heldPeers(hold),
        snapshot: () => machine.snapshot()
      }
    },
    answer: (question, node) => {
      if (question.type === 'match') {
        const { name, size } = init.file
        const provider = peerIdText(simulation.contactOf(node).id)
        const shares =
          node === init.nodes - 1 && matches(parseQuery(question.text), recordOf(provider, name, size))
        const result: HitResult = {
          index: 1,
          size,
          name,
          urns: [],
          ggep: [],
          record: new TextEncoder().encode(provider)
        }
        return { type: 'match', results: shares ? [result] : [] }
      }
      if (question.type === 'vouch')
        return { type: 'vouch', expiresMs: question.claims.map(() => FAR_FUTURE_MS) }
      const provider = peerIdText(question.claim.contact.id)
      const files = question.claim.results
        .filter(({ record }) => new TextDecoder().decode(record) === provider)
        .map(({ index, name, size }) => ({ index, record: recordOf(provider, name, size) }))
      return { type: 'verify', files }
    },
    ...(init.onNotice && { onNotice: init.onNotice })
  })
  for (const node of simulation.addNodes(init.nodes)) simulation.start(node)
  for (let node = 1; node < init.nodes; node += 1) {
    simulation.contact(node, node - 1)
    simulation.runFor(1_000_000)
  }
  return simulation
}
