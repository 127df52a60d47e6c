/** Chord as `docs/chord.md` puts it into a program, with its defaults where nothing else is said. */
import { CHORD_PROTOCOL, type ChordService, chord } from '@servent/chord'
import { MEET_MS_MAX, type Side } from './sides.ts'

/** What this reads of Chord's snapshot. */
interface Snapshot {
  readonly mode: string
  readonly predecessors: readonly { readonly peerId: string }[]
  readonly successors: readonly { readonly peerId: string }[]
  readonly fingers: readonly { readonly peerId: string }[]
  readonly store: { readonly records: number; readonly rootRecords: number }
}

export const chordSide: Side = {
  protocol: CHORD_PROTOCOL,
  service: ({ settings, bootstrap }) =>
    chord({ bootstrap, ...settings }) as unknown as ReturnType<Side['service']>,
  /** Its service knows them already: until it is with others in a ring. */
  async meet(node, bootstrap) {
    if (bootstrap.length === 0) return
    const signal = AbortSignal.timeout(MEET_MS_MAX)
    await (node.services.overlay as ChordService).ready({ peers: 2, signal })
  },
  tables(service) {
    const own = service as ChordService
    const { predecessors, successors, fingers, store } = own.snapshot() as unknown as Snapshot
    const peers = [...predecessors, ...successors, ...fingers].map(({ peerId }) => peerId)
    return {
      entries: new Set(peers).size,
      successors: successors.map(({ peerId }) => peerId),
      records: store.records,
      rootRecords: store.rootRecords,
      heldKeys: own.heldKeys()
    }
  }
}
