/** What one run of one overlay measured: samples, not yet means. Crosses from a worker as it is. */
import type { GraphSamples } from './graph.ts'
import type { OverlayId } from './overlays/settings.ts'
import type { Path } from './path/path-schema.ts'

/** All samples are whole numbers where the simulator's are: microseconds, counts, bytes. */
export interface RunResult {
  readonly overlay: OverlayId
  readonly seed: number
  /** Of the simulation: over every event of it. Nothing of real peers. */
  readonly traceHash: string | undefined
  readonly lookups: LookupSamples
  /** Nothing where the plan has no searches. */
  readonly searches: SearchSamples | undefined
  /** Only where the plan has puts. */
  readonly values?: ValueSamples
  readonly publishing: Publishing | undefined
  /** In the order of their numbers. */
  readonly nodes: NodeSamples
  /** Sent in the measured time by all peers. */
  readonly traffic: Traffic
  /** Only where everything that a network sends is set against what is asked of it. */
  readonly network?: NetworkSamples
  /** Nothing where nobody dies while maintenance is on. */
  readonly repair: RepairSamples | undefined
  /** Only where the plan has a partition. */
  readonly partition?: PartitionSamples
  /** Only where peers have roles. */
  readonly roles?: RoleSamples
  readonly measuredUs: number
  /** Of real peers: of the measured time, the part in which the busiest event loop was at work, 0 to 1. */
  readonly busy?: number
  /** Of real peers: how many more were to come than the backend takes at a time; only where there were any. */
  readonly turnedAway?: number
  readonly sockets?: SocketSamples
  /** Of real peers whose network breaks connections or refuses dials. */
  readonly faults?: FaultSamples
  /** Only where it was asked for: no measure, and in no fingerprint. Null: too large to be written down, or of real peers. */
  readonly graph?: GraphSamples | null
  /** Of one lookup, for people to look at: not in the fingerprint. */
  readonly path?: Path
  /** `events`: of the simulation; nothing of real peers. */
  /** `rssPeakBytes`: the most memory that its process has had by its end. */
  readonly cost: {
    readonly events: number | undefined
    readonly wallMs: number
    readonly rssPeakBytes: number
  }
}

export interface LookupSamples {
  readonly correct: number
  readonly incorrect: number
  readonly failed: number
  readonly unissued: number
  /** Of answered lookups, right or wrong, in the order in which they were issued. */
  readonly hops: Float64Array
  readonly hopsAsPublished: Float64Array
  readonly latencyUs: Float64Array
  /** Of all that were issued. Nothing where the overlay has no timeouts. */
  readonly timeouts: Float64Array | undefined
  readonly messages: Float64Array
  /** Of correct ones whose root is not the one who asked. */
  readonly stretch: Float64Array
}

export interface SearchSamples {
  readonly issued: number
  readonly failed: number
  readonly unissued: number
  /** Files that there were to find, files that were found, and those among them that were right. */
  readonly wanted: number
  readonly found: number
  readonly right: number
  readonly messages: Float64Array
  readonly bytes: Float64Array
  readonly firstHitUs: Float64Array
  /** Only where the plan says how many results are enough: those, no search counted for more. */
  readonly capped?: Part
  /** Only where the plan has searches for files that there are once: those searches, and whether they found it. */
  readonly single?: Part
}

/** What there was to find, and what of it was found. */
export interface Part {
  readonly wanted: number
  readonly right: number
}

export interface ValueSamples {
  readonly puts: {
    readonly issued: number
    readonly acknowledged: number
    readonly fewCopies: number
    readonly unissued: number
    /** Of those that were acknowledged. */
    readonly latencyUs: Float64Array
  }
  readonly gets: {
    readonly correct: number
    readonly incorrect: number
    readonly failed: number
    readonly unissued: number
    /** Gets of a value of which a version had been acknowledged, and those of them that are correct. */
    readonly wanted: number
    readonly right: number
    /** Of those that were answered. */
    readonly latencyUs: Float64Array
  }
}

export const PHASES = ['before', 'during', 'after'] as const
/** Of the measured time of a run with a partition. */
export type Phase = (typeof PHASES)[number]

export interface PartitionSamples {
  /** Peers on the smaller side. */
  readonly apart: number
  /** By when they were asked. */
  readonly phases: Readonly<Record<Phase, PhaseSamples>>
  /**
   * Microseconds from the healing of the network until the overlay was one again. Nothing: it was not when the run ended.
   * Null: of real peers, whose tables nobody looks at.
   */
  readonly healedUs: number | undefined | null
}

export interface PhaseSamples {
  readonly correct: number
  readonly incorrect: number
  readonly failed: number
  /** Of searches: files that there were to find within reach, and those of them that were found. */
  readonly searches: Part
}

/** What the network did in the measured time. */
export interface FaultSamples {
  readonly broken: number
  readonly refused: number
}

export interface RepairSamples {
  /** Deaths that were watched. */
  readonly watched: number
  /** Microseconds from the death to the repair, of those that were repaired before the run ended. */
  readonly tookUs: Float64Array
}

/** Of the measured time. Samples are looks, one a minute. */
export interface RoleSamples {
  readonly supernodes: Float64Array
  readonly ordinariesPerSupernode: Float64Array
  /** Of each supernode at each look. */
  readonly users: Float64Array
  /** Of each that was a supernode at a look and at the one before: sent and received, and queries that came. */
  readonly bytesPerS: Float64Array
  readonly queriesPerS: Float64Array
  /** Ordinary peers without a supernode, of ordinary peers, all looks together. */
  readonly homeless: number
  readonly ordinaries: number
  /** Of what the overlay has: where servers stay what they are, only how often they were lost. */
  readonly counts: {
    /** Users that were told to move, and those that a supernode left without a word. */
    readonly handovers?: number
    readonly cutOff?: number
    readonly promotions?: number
    readonly demotions?: number
    /** Of users whose supernode went; and those of them that turned to their spare. */
    readonly supernodesLost: number
    readonly sparesTaken?: number
  }
}

/** How many peers live, and how many of them take part by their own word. */
export interface Census {
  readonly live: number
  readonly members: number
}

export interface Publishing {
  readonly messages: number
  readonly bytes: number
  readonly us: number
}

export interface NodeSamples {
  /** Sum over all peers of how long each was alive in the measured time. */
  readonly aliveUs: number
  /** At both ends of the measured time. */
  readonly atStart: Census
  readonly atEnd: Census
  /** Of peers that were there all that time. */
  readonly bytesSent: Float64Array
  readonly messagesReceived: Float64Array
  /** Of those who live at its end. */
  readonly stateEntries: Float64Array
  readonly stateBytes: Float64Array
  readonly connections: Float64Array
}

/** Sent in the measured time by all peers, but not for lookups and searches. */
export interface NetworkSamples {
  readonly upkeepMessages: number
  readonly upkeepBytes: number
  /** That left by one link within 3 s, since the start. */
  readonly pongsPerLinkMax: number
}

export interface Traffic {
  /** Nothing where they are not counted. */
  readonly bytesByType: Readonly<Record<string, number>> | undefined
  /** 20 bytes a message and 4 an id. Nothing where ids are not counted. */
  readonly p2psimBytes: number | undefined
}

/** Of peers in processes of their own that were there all the measured time: what they gave to their sockets. */
export interface SocketSamples {
  readonly nodes: number
  /** In the measured time. */
  readonly wireBytes: number
  /** Of it the overlay's own messages; nothing where nobody counts them. */
  readonly countedBytes?: number
  /** Of connections that were open at the end, since each was opened: by the peer and by the system; nothing where nobody asks it. */
  readonly open?: { readonly wireBytes: number; readonly kernelBytes: number }
}
