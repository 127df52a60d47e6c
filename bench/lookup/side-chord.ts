/** Chord as `docs/chord.md` puts it into a program, with its defaults where nothing else is said. */
import { CHORD_PROTOCOL, type ChordService, chord } from '@servent/chord'
import type { Side } from './sides.ts'

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
  service: (_privateKey, settings) => chord(settings) as unknown as ReturnType<Side['service']>,
  tables(service) {
    const { predecessors, successors, fingers, store } = (
      service as ChordService
    ).snapshot() as unknown as Snapshot
    const peers = [...predecessors, ...successors, ...fingers].map(({ peerId }) => peerId)
    return {
      entries: new Set(peers).size,
      successors: successors.map(({ peerId }) => peerId),
      records: store.records,
      rootRecords: store.rootRecords
    }
  }
}
