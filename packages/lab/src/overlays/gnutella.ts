/**
 * Gnutella in the lab. Peers share the world's files and answer queries from them; a lookup is a query for a
 * file's URN, right when what it finds is a peer that shares the file and lives; a search is a query of words.
 *
 * Ideal start: the links of a network that peers came to and went from for long (`settledGraph`); the handshakes are
 * the machine's own.
 */
import {
  addHashes,
  type GnutellaCommand,
  GnutellaMachine,
  type GnutellaNotice,
  type GnutellaSettings,
  type GnutellaTypes,
  gnutellaCodec,
  HANDSHAKES_MAX,
  LEAF_ULTRAPEERS,
  type Role,
  SEARCH_MS,
  type Wanted
} from '@servent/gnutella/machine'
import type { RequestId } from '@servent/overlay/machine'
import { type NodeIndex, Simulation } from '@servent/simulator'
import {
  type Adapter,
  type Deployment,
  type DeploymentInit,
  type NetworkWatch,
  type SearchOutcome,
  TAIL_US
} from '../deployment.ts'
import type { GraphRole } from '../graph.ts'
import { withinReach } from '../partition.ts'
import type { PeerInPicture } from '../path/picture.ts'
import { Tracer } from '../path/trace.ts'
import type { SearchAsk, WorldFile } from '../world.ts'
import { entryBytes } from './contacts.ts'
import { fileTarget, inFilePicture } from './file-pictures.ts'
import { FoundFiles } from './found-files.ts'
import { GnutellaFiles, urnOf } from './gnutella-files.ts'
import { settledGraph } from './gnutella-graph.ts'
import { type QueryCost, QueryTraffic } from './gnutella-traffic.ts'
import { countReached } from './linked.ts'
import { filesAt, hasFile, livingFile } from './living-file.ts'
import { nameOf, searchKey } from './names.ts'
import { watched } from './observed.ts'
import type { Settings } from './settings.ts'
import { twoTierGraph } from './two-tier-graph.ts'

const SEARCH_US = SEARCH_MS * 1000
/** Between rounds of links of an ideal start, where a machine would refuse them all at once. */
const ROUND_US = 2_000_000
/** Floods of all peers together that the machines' bounds on what they hand on leave room for, by a wide margin. */
const ASKS_PER_S = 10
/** Longer than any run: a link to a dead peer tells nobody. */
const NEVER_US = 86_400_000_000_000
/** How many times more hands than come in a round on average may be shaken in it. */
const HANDSHAKE_ROOM = 2.5
const KIBIBYTE = 1024
/** A GUID, the link that it came by, and when: what a route is. */
const ROUTE_BYTES = 16 + 4 + 8

/** A query under way. */
interface Query extends Wanted {
  readonly cost: QueryCost
  readonly origin: NodeIndex
  readonly onFound: (notice: GnutellaNotice & { type: 'found' }) => void
  readonly onRefused: () => void
}

class GnutellaDeployment implements Deployment {
  readonly simulation: Simulation<GnutellaTypes>
  readonly countsIds = false
  readonly lookupUsMax = SEARCH_US
  readonly valueUsMax = 0
  readonly asksPerS = ASKS_PER_S
  readonly tracer = new Tracer(() => this.simulation)
  readonly #init: DeploymentInit
  readonly #places: number
  readonly #settings: GnutellaSettings
  /** By node, of those that were given one. */
  readonly #roles = new Map<NodeIndex, Role>()
  readonly #traffic = new QueryTraffic(SEARCH_US + TAIL_US, () => this.simulation.nowUs)
  readonly #files = new GnutellaFiles()
  /** By node and number of the search. */
  readonly #queries = new Map<string, Query>()
  /** Whose search is being given, and has no number yet. */
  #starting: Query | undefined
  readonly #nodeOfText = new Map<string, NodeIndex>()
  /** Who were neighbours of the one that died last. */
  #bereaved: readonly NodeIndex[] = []

  constructor(init: DeploymentInit) {
    this.#init = init
    const settings = machineSettings(init.settings)
    this.#settings = settings
    this.#places = settings.neighbours
    const watch = watched(this.#traffic, this.tracer)
    this.simulation = new Simulation<GnutellaTypes>({
      seed: init.seed,
      codec: gnutellaCodec,
      network: init.network,
      // Nobody comes back, and nobody looks at the dead.
      forgetDead: true,
      ...(init.frozen ? { limits: { stallTimeoutUs: NEVER_US } } : {}),
      createMachine: node =>
        watch(new GnutellaMachine({ ...settings, role: this.#roles.get(node) ?? settings.role }), node),
      answer: (question, node) => {
        const query = question.type === 'verify' ? this.#query(node, question.search) : undefined
        return this.#files.answer(question, this.simulation.contactOf(node), filesAt(node, this.#init), query)
      },
      onNotice: (node, notice) => this.#onNotice(node, notice)
    })
  }

  startIdeal(nodes: readonly NodeIndex[]): void {
    const { simulation } = this
    const { pairs, roundsOf } = this.#graph(nodes)
    for (const node of nodes) this.start(node)
    const rounds = Math.ceil(roundsOf)
    for (const [index, pair] of pairs.entries()) {
      const [from, to] = pair.map(at => nodes[at]!) as [NodeIndex, NodeIndex]
      const round = index % rounds
      if (round === 0) simulation.connect(from, to)
      else simulation.after(round * ROUND_US, () => simulation.connect(from, to))
    }
  }

  /** The links that there are, roles given, and in how many rounds nobody shakes too many hands at a time. */
  #graph(nodes: readonly NodeIndex[]): {
    readonly pairs: readonly (readonly [number, number])[]
    readonly roundsOf: number
  } {
    const random = this.simulation.random.of('ideal-start')
    const { role, degree, leaves } = this.#settings
    if (role === 'flat') {
      return {
        pairs: settledGraph(nodes.length, this.#places, random),
        roundsOf: this.#places / HANDSHAKES_MAX
      }
    }
    const graph = twoTierGraph(nodes.length, { degree, leaves, ultrapeersOfLeaf: LEAF_ULTRAPEERS }, random)
    for (const [at, one] of graph.roles.entries()) this.#roles.set(nodes[at]!, one)
    return { pairs: graph.pairs, roundsOf: (degree + leaves) / (HANDSHAKES_MAX / HANDSHAKE_ROOM) }
  }

  start(node: NodeIndex): void {
    const { simulation } = this
    this.#nodeOfText.set(nameOf(node, simulation), node)
    simulation.start(node)
    const shared = filesAt(node, this.#init)
    const bytes = shared.reduce((sum, { size }) => sum + size, 0)
    simulation.command(node, {
      type: 'sharing',
      files: shared.length,
      kibibytes: Math.ceil(bytes / KIBIBYTE),
      firewalled: false
    })
    if (this.#settings.role !== 'flat') simulation.command(node, { type: 'words', hashes: hashesOf(shared) })
  }

  isMember(node: NodeIndex): boolean {
    return this.simulation.linkedTo(node).length > 0
  }

  onDeath(node: NodeIndex): void {
    const { simulation } = this
    const names = simulation.machine(node).snapshot().neighbours
    this.#bereaved = names.flatMap(({ peerId }) => this.#nodeOfText.get(peerId) ?? [])
    const text = nameOf(node, simulation)
    this.#nodeOfText.delete(text)
    this.#files.forget(text)
  }

  /** Nobody is asked whether it lives, and nobody new is sought. */
  freeze(): void {
    this.#traffic.freeze()
  }

  lookup(...[origin, ask, done, trace]: Parameters<Deployment['lookup']>): void {
    const isInReach = withinReach(this.#init.sides, origin)
    const file = livingFile(ask.file, this.#init, isInReach)
    if (trace !== undefined) trace.target = fileTarget(file)
    if (filesAt(origin, this.#init).includes(file)) {
      done({
        status: 'correct',
        hops: 0,
        hopsAsPublished: 0,
        cost: { messages: 0 },
        timeouts: undefined,
        found: origin
      })
      return
    }
    let hit: { hops: number; found: NodeIndex | undefined } | undefined
    const end = () => {
      const { hops = 0, found } = hit ?? {}
      const right =
        found !== undefined && hasFile(found, file, this.#init, this.simulation) && isInReach(found)
      done({
        status: hit === undefined ? 'failed' : right ? 'correct' : 'incorrect',
        hops,
        hopsAsPublished: hops,
        cost: query.cost,
        timeouts: undefined,
        found
      })
    }
    const over = { is: false }
    const once = () => {
      if (over.is) return
      over.is = true
      end()
    }
    const { query, stop } = this.#ask(
      origin,
      { text: '', urns: [urnOf(file)] },
      {
        onFound: notice => {
          hit ??= { hops: notice.hops, found: this.simulation.nodeOf(notice.contact) }
          stop()
          once()
        },
        onRefused: once
      },
      { messages: 0, bytes: 0, trace }
    )
    this.simulation.after(SEARCH_US, () => {
      stop()
      once()
    })
  }

  search(origin: NodeIndex, ask: SearchAsk, done: () => void): SearchOutcome {
    const { simulation } = this
    const { world, places, sides } = this.#init
    const isInReach = withinReach(sides, origin)
    const results = new FoundFiles(world, places, origin, ask, simulation.nowUs, isInReach)
    let asked = true
    const { stop } = this.#ask(
      origin,
      { text: ask.words.join(' '), urns: [], ...(ask.enough === undefined ? {} : { enough: ask.enough }) },
      {
        onFound: ({ contact, files }) => {
          const holder = simulation.nodeOf(contact)
          results.add(
            files.map(({ record }) => ({ id: `${record.id}`, holder })),
            simulation.nowUs
          )
        },
        onRefused: () => {
          asked = false
        }
      },
      results.cost
    )
    simulation.after(SEARCH_US, () => {
      stop()
      results.end(asked)
      done()
    })
    return results
  }

  inPicture(node: NodeIndex): PeerInPicture {
    const { simulation } = this
    return inFilePicture(simulation.alive(node) ? this.roleOf(node) : 'peer', simulation.linkedTo(node))
  }

  watchRepair(dead: NodeIndex): () => boolean {
    const { simulation } = this
    const name = nameOf(dead, simulation)
    const bereaved = this.#bereaved
    return () =>
      bereaved.every(node => {
        if (!simulation.alive(node)) return true
        const { neighbours } = simulation.machine(node).snapshot()
        return (
          neighbours.length >= Math.ceil(this.#places / 2) &&
          neighbours.every(({ peerId }) => peerId !== name)
        )
      })
  }

  roleOf(node: NodeIndex): GraphRole {
    const tier = this.simulation.machine(node).snapshot().tiers?.tier ?? 'flat'
    return tier === 'flat' ? 'peer' : tier
  }

  wholeness(): number {
    return countReached(this.simulation, this.#settings.ttl)
  }

  state(node: NodeIndex): { entries: number; bytes: number } {
    const { simulation } = this
    const { neighbours, hostCache, pongs, routes, queryCache } = simulation.machine(node).snapshot()
    const known = neighbours.length + hostCache + pongs
    const routed = routes.queries + routes.pushes
    return {
      entries: known + routed + queryCache.hits,
      bytes: known * entryBytes(simulation.contactOf(node)) + routed * ROUTE_BYTES + queryCache.bytes
    }
  }

  #ask(
    origin: NodeIndex,
    wanted: Wanted & { readonly enough?: number },
    on: Pick<Query, 'onFound' | 'onRefused'>,
    cost: QueryCost = { messages: 0, bytes: 0 }
  ): { query: Query; stop: () => void } {
    const query: Query = { origin, ...wanted, ...on, cost }
    const command: GnutellaCommand = { type: 'search', ...wanted }
    this.#traffic.expect(command, cost)
    this.#starting = query
    const search = this.simulation.command(origin, command)
    this.#starting = undefined
    const key = searchKey(origin, search)
    this.#queries.set(key, query)
    const stop = () => {
      if (!this.#queries.delete(key) || !this.simulation.alive(origin)) return
      this.simulation.command(origin, { type: 'end-search', search })
    }
    return { query, stop }
  }

  get watch(): NetworkWatch {
    const { all: questions, pongs } = this.#traffic
    return { questions, pongsPerLinkMax: pongs.most }
  }

  #onNotice(node: NodeIndex, notice: GnutellaNotice): void {
    if (notice.type === 'found') this.#query(node, notice.search)?.onFound(notice)
    else if (notice.type === 'search-refused') this.#query(node, notice.search)?.onRefused()
  }

  #query(node: NodeIndex, search: RequestId): Query | undefined {
    const starting = this.#starting?.origin === node ? this.#starting : undefined
    return this.#queries.get(searchKey(node, search)) ?? starting
  }
}

/** All that queries for these files may name. */
function hashesOf(files: readonly WorldFile[]): Uint32Array {
  const hashes = new Set<number>()
  for (const file of files) addHashes({ name: file.name, tags: {}, urns: [urnOf(file)] }, hashes)
  return Uint32Array.from(hashes)
}

/** As the machine names them. */
function machineSettings(settings: Settings): GnutellaSettings {
  const {
    'query-cache': queryCache,
    'query-routing': queryRouting,
    ...others
  } = settings as unknown as Omit<GnutellaSettings, 'agent' | 'queryCache' | 'queryRouting'> & {
    'query-cache': 'on' | 'off'
    'query-routing': 'on' | 'off'
  }
  return { ...others, queryCache: queryCache === 'on', queryRouting: queryRouting === 'on', agent: 'Servent' }
}

export const gnutella: Adapter = {
  overlay: 'gnutella',
  deploy: init => new GnutellaDeployment(init)
}
