/** What status and page show of participation. */
import type { Band, PeerParticipation } from './participation.ts'

export interface ParticipationSnapshot {
  /** By this peer's own receipts: what a peer that knew all of them would say. Others see less. */
  readonly own: {
    readonly givenBytes: number
    readonly takenBytes: number
    readonly level: number
    readonly band: Band
    readonly receipts: number
  }
  readonly receiptsOfOthers: number
  /** Peers that asked to be served lately and have credit. */
  readonly peers: readonly PeerParticipation[]
  readonly counters: {
    /** Receipts that givers signed for this peer, and that it signed as giver. */
    readonly settled: number
    readonly countersigned: number
    /** Receipts of others that were verified and kept, and those that were not looked at. */
    readonly heard: number
    readonly leftOut: number
    /** Requests that were not granted. */
    readonly refused: number
  }
}
