/**
 * What the lab must know of an overlay to measure it: one adapter each, in `overlays/`. An adapter builds a
 * network of the overlay's own machine, asks it what the plan asks, and holds its answers against the truth. It
 * judges by what the whole network is, never by what a machine says of its answer.
 */
import type { Key } from '@servent/overlay/machine'
import type { LatencyModel, NodeIndex, Simulation } from '@servent/simulator'
import type { GraphRole } from './graph.ts'
import type { Liars } from './liars/liars.ts'
import type { OverlayId, Settings } from './overlays/settings.ts'
import type { Sides } from './partition.ts'
import type { PeerInPicture } from './path/picture.ts'
import type { LookupTrace, Tracer } from './path/trace.ts'
import type { Places } from './places.ts'
import type { Part, RoleSamples } from './run-result.ts'
import type { GetAsk, LookupAsk, PutAsk, SearchAsk, World } from './world.ts'

/** For what is still sent after an answer: the rest of its flood, acknowledgements that came late. */
export const TAIL_US = 5_000_000

/** The part of a simulation that does not depend on what its machines speak. */
// biome-ignore lint/suspicious/noExplicitAny: machines of any overlay; what depends on it stays in the adapter
export type AnySimulation = Omit<Simulation<any>, 'command' | 'machine'>

export interface LookupOutcome {
  readonly status: 'correct' | 'incorrect' | 'failed'
  /** Of lookups that were answered. */
  readonly hops: number
  readonly hopsAsPublished: number
  /** Goes on after the answer: what was sent for it by then is not all. */
  readonly cost: { readonly messages: number }
  /** Undefined where the overlay has no timeouts. */
  readonly timeouts: number | undefined
  /** Who is the root, or has the file. */
  readonly found: NodeIndex | undefined
}

/** From the moment that a search begins: fields say how far it has come. */
export interface SearchOutcome {
  /** False: refused, ended without having asked, or not ended. */
  readonly asked: boolean
  /** Files found, and those among them that there were to find; none unless `asked`. */
  readonly found: number
  readonly right: number
  /** Files that hold all words and that another live peer shared when it began. */
  readonly wanted: number
  /** The same of results: a file of one other live peer each. */
  readonly results: Part
  /** Of the file whose words were asked for: whether it was there to find, and whether it was found. */
  readonly sought: { readonly wanted: boolean; readonly right: boolean }
  readonly cost: { readonly messages: number; readonly bytes: number }
  readonly firstHitUs: number | undefined
}

/** `few-copies`: the root has it, and fewer others than a write needs. `failed`: nobody is known to have it. */
export type PutOutcome = 'acknowledged' | 'few-copies' | 'failed'
/** `version` is undefined where those who were asked have none. `failed`: too few of them answered. */
export type GetOutcome = 'failed' | { readonly version: number | undefined }

export interface DeploymentInit {
  readonly seed: string
  readonly network: LatencyModel
  readonly settings: Settings
  readonly world: World
  readonly places: Places
  /** A part of the peers will die, and maintenance stand still: no link may tell anybody of it. */
  readonly frozen: boolean
  /** Nothing where nobody lies. */
  readonly liars?: Liars
  /** Nothing where no partition is planned. */
  readonly sides?: Sides
}

/** One network of one overlay. Nodes are added by whoever runs it, before any of these calls. */
export interface Deployment {
  readonly simulation: AnySimulation
  /**
   * Nodes beside the peers, of an operator: there before the first peer, which knows of them from its start and is told
   * of nobody else. They ask for nothing and share nothing, and nobody comes or goes for them. Left out: there are none.
   */
  readonly servers?: readonly NodeIndex[]
  /** Whether machines count p2psim's ids in their messages. */
  readonly countsIds: boolean
  /** Starts all these nodes with the tables that the protocol would have given them long ago. */
  startIdeal(nodes: readonly NodeIndex[]): void
  /** Starts a node that joins by the protocol, through whomever it is told of then; nobody: it is the first. */
  start(node: NodeIndex): void
  /** Whether a node takes part, so that it may be asked to look something up. */
  isMember(node: NodeIndex): boolean
  /** Whether the root of a key lies, so that nobody could find out from it. Left out: nobody does. */
  rootLies?(key: Key): boolean
  /** Told as a node dies, whether it was a member or not; its tables can still be seen. */
  onDeath(node: NodeIndex): void
  /** Maintenance stands still from now on. */
  freeze(): void
  /** This part of the peers dies now: what becomes of `servers`. */
  failServers?(share: number): void
  /** Announces what is shared; nothing where the overlay does not. `done` is called once, with what that cost. */
  publish?(done: (cost: { readonly messages: number; readonly bytes: number }) => void): void
  /** `done` is called once, later or never: who runs it waits `lookupUsMax` at most. `trace` is told what it is for, and of what is sent for it. */
  lookup(origin: NodeIndex, ask: LookupAsk, done: (outcome: LookupOutcome) => void, trace?: LookupTrace): void
  readonly tracer: Tracer
  /** How a peer stands to a lookup now, for who draws its path. */
  inPicture(node: NodeIndex, ask: LookupAsk): PeerInPicture
  /** `undefined`: the overlay has no search by words yet. */
  search?(origin: NodeIndex, ask: SearchAsk, done: () => void): SearchOutcome
  /** Writes a version of a value, a larger one than all before; `done` as of a lookup. Only where `KEEPS_RECORDS`. */
  put?(origin: NodeIndex, ask: PutAsk, version: number, done: (outcome: PutOutcome) => void): void
  /** Reads the newest version of a value. Only where `KEEPS_RECORDS`. */
  get?(origin: NodeIndex, ask: GetAsk, done: (outcome: GetOutcome) => void): void
  /** How long whoever puts or gets waits. */
  readonly valueUsMax: number
  /** Lookups and searches a second that the whole network can take without hindering each other. */
  readonly asksPerS: number
  /** How long after it was begun a lookup or search may still be answered. */
  readonly lookupUsMax: number
  /**
   * Asked of the node that `onDeath` told of last: gives a look at whether its place is filled in the tables of those
   * who live, as often as it is called.
   */
  watchRepair(dead: NodeIndex): () => boolean
  /**
   * How much of one network there is, by the truth: as much before a partition as after the overlay has healed. Where
   * keys have roots, the members that know their neighbours, so that everybody's lookups end at the same roots; else
   * whom some peers reach over as many links as a query goes.
   */
  wholeness(): number
  /** Looks at the roles of peers from now until what it gives is called; nothing where all have one and the same. */
  watchRoles?(): () => RoleSamples
  /** What a live peer is in the overlay. Left out: all are alike. */
  roleOf?(node: NodeIndex): GraphRole
  state(node: NodeIndex): { readonly entries: number; readonly bytes: number }
  /** Where all that is sent is watched. */
  readonly watch?: NetworkWatch
}

/** Until now, over all peers. */
export interface NetworkWatch {
  /** Sent for lookups and searches; the rest is upkeep. */
  readonly questions: { readonly messages: number; readonly bytes: number }
  /** The most pongs that left by one link within 3 s. */
  readonly pongsPerLinkMax: number
}

export interface Adapter {
  readonly overlay: OverlayId
  deploy(init: DeploymentInit): Deployment
}
