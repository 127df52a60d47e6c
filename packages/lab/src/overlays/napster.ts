/**
 * Napster in the lab. Users share the world's files and announce their records to the server that they are logged in at,
 * which answers from an index in memory and asks the servers that it is linked with. A lookup is what the service does to
 * find providers, a search for a file's content, right when what it finds first is a user who shares the file and lives;
 * a search is one for words.
 *
 * Peers of the plan are the users. Servers are nodes beside them, machines of an operator that are there before anybody:
 * they share nothing and ask for nothing, and churn is none of theirs. Where a part of the users dies, each server
 * does with the same chance, unless it is set otherwise. They are counted where it is said what a machine bears.
 *
 * Ideal start: each user has a link to a server that has room, chosen by chance as the rule has it; users log in and
 * announce what they share by their machines, in the first seconds.
 */

import { answerFromIndex, MemoryIndex } from '@servent/keyword-index/memory'
import {
  NapsterMachine,
  type NapsterNotice,
  type NapsterSettings,
  type NapsterTypes,
  napsterCodec,
  SEARCH_MS,
  type Wanted,
  wantedContent,
  wantedOf
} from '@servent/napster/machine'
import {
  type Contact,
  type FileRecord,
  type Machine,
  matches,
  type RequestId
} from '@servent/overlay/machine'
import { type NodeIndex, pickSome, Simulation } from '@servent/simulator'
import {
  type Adapter,
  type Deployment,
  type DeploymentInit,
  type SearchOutcome,
  TAIL_US
} from '../deployment.ts'
import { withinReach } from '../partition.ts'
import type { PeerInPicture } from '../path/picture.ts'
import { Tracer } from '../path/trace.ts'
import type { RoleSamples } from '../run-result.ts'
import type { SearchAsk } from '../world.ts'
import { entryBytes } from './contacts.ts'
import { ExpiringMap } from './expiring-map.ts'
import { fileTarget, inFilePicture } from './file-pictures.ts'
import { FoundFiles } from './found-files.ts'
import type { QueryCost } from './gnutella-traffic.ts'
import { filesOf } from './indexed-files.ts'
import { countReached } from './linked.ts'
import { filesAt, hasFile, livingFile } from './living-file.ts'
import { nameOf, searchKey } from './names.ts'
import { NapsterFiles } from './napster-files.ts'
import { FIND_STEPS, serverCount, serverLinks } from './napster-servers.ts'
import { NapsterSessions } from './napster-sessions.ts'
import type { NapsterSet } from './napster-settings.ts'
import { FindMessages } from './napster-traffic.ts'
import { watched } from './observed.ts'
import { RoleLooks } from './role-looks.ts'

const SEARCH_US = SEARCH_MS * 1000
/** Searches of all users together; of one user alone a server takes half as many. */
const ASKS_PER_S = 10
/** Longer than any run: a link to a dead peer tells nobody. */
const NEVER_US = 86_400_000_000_000

/** What a server counts of questions that came to it, whatever became of them. */
const QUERIES = [
  'searchesAnswered',
  'searchesRefused',
  'searchesOverRate',
  'meshQueriesDuplicate',
  'meshQueriesOverRate'
] as const

type Found = NapsterNotice & { type: 'found' }

/** A lookup or search under way. */
interface Asking {
  readonly wants: (record: FileRecord) => boolean
  readonly onFound: (files: Found['files']) => void
  /** Nothing more comes. `isAnswered`: what came is what servers had to say. */
  readonly onOver: (isAnswered: boolean) => void
  /** A server was asked. */
  isSent: boolean
  hasFound: boolean
}

export class NapsterDeployment implements Deployment {
  readonly simulation: Simulation<NapsterTypes>
  readonly countsIds = false
  readonly lookupUsMax = SEARCH_US
  readonly valueUsMax = 0
  readonly asksPerS = ASKS_PER_S
  readonly tracer = new Tracer(() => this.simulation)
  readonly #servers: NodeIndex[] = []
  readonly #init: DeploymentInit
  readonly #set: NapsterSet
  readonly #traffic = new FindMessages(SEARCH_US + TAIL_US, () => this.simulation.nowUs)
  readonly #files = new NapsterFiles()
  /** Of servers. */
  readonly #indexes = new Map<NodeIndex, MemoryIndex>()
  readonly #sessions = new NapsterSessions(node => nameOf(node, this.simulation))
  /** By node and number of the search. */
  readonly #asking = new ExpiringMap<string, Asking>(SEARCH_US + TAIL_US, () => this.simulation.nowUs)
  /** Whose search is being given, and has no number yet. */
  #starting: { readonly origin: NodeIndex; readonly asking: Asking } | undefined

  /** `machineOf`: what a node runs, for tests of what is not as it should be. */
  constructor(
    init: DeploymentInit,
    machineOf = (settings: Partial<NapsterSettings>): Machine<NapsterTypes> => new NapsterMachine(settings)
  ) {
    this.#init = init
    this.#set = init.settings as unknown as NapsterSet
    const watch = watched(this.#traffic, this.tracer)
    const { 'users-per-server': users, 'files-per-user': sharedMax } = this.#set
    // The server's own user takes a place.
    const server = { usersMax: users + 1, sharedMax }
    this.simulation = new Simulation<NapsterTypes>({
      seed: init.seed,
      codec: napsterCodec,
      network: init.network,
      // Nobody comes back, and nobody looks at the dead.
      forgetDead: true,
      ...(init.frozen ? { limits: { stallTimeoutUs: NEVER_US } } : {}),
      createMachine: node => watch(machineOf(this.#indexes.has(node) ? { server } : {}), node),
      answer: (question, node) => this.#answer(question, node),
      onNotice: (node, notice) => this.#onNotice(node, notice)
    })
  }

  /** After the peers where these stand from the start, so that they have the numbers that they have in any overlay. */
  get servers(): readonly NodeIndex[] {
    return this.#servers
  }

  startIdeal(nodes: readonly NodeIndex[]): void {
    this.#startServers()
    const random = this.simulation.random.of('ideal-start')
    const places = new Map(this.#servers.map(server => [server, this.#set['users-per-server']]))
    for (const node of nodes) {
      const open = [...places.keys()]
      const server = open.length === 0 ? undefined : open[random.below(open.length)]!
      this.#startUser(node, server)
      if (server === undefined) continue
      const left = places.get(server)! - 1
      if (left > 0) places.set(server, left)
      else places.delete(server)
    }
  }

  start(node: NodeIndex): void {
    this.#startServers()
    this.#startUser(node, undefined)
  }

  /** Once, whoever is there first: each is linked with those that its operator named. */
  #startServers(): void {
    if (this.#servers.length > 0) return
    const { simulation } = this
    const { servers, linked } = this.#set
    const count = serverCount(servers, this.#init.places.count)
    for (let server = 0; server < count; server += 1) {
      const node = simulation.addNode()
      this.#servers.push(node)
      this.#indexes.set(node, new MemoryIndex())
      this.#sessions.addServer(node)
      simulation.start(node)
    }
    if (linked === 'off') return
    const named = this.#servers.map((): Contact[] => [])
    for (const [one, other] of serverLinks(count)) {
      simulation.connect(this.#servers[one]!, this.#servers[other]!)
      named[one]!.push(simulation.contactOf(this.#servers[other]!))
      named[other]!.push(simulation.contactOf(this.#servers[one]!))
    }
    for (const [at, contacts] of named.entries())
      simulation.command(this.#servers[at]!, { type: 'servers', contacts })
  }

  /** A user whose program names all servers, and who has a link to one of them or is yet to choose one. */
  #startUser(node: NodeIndex, server: NodeIndex | undefined): void {
    const { simulation } = this
    simulation.start(node)
    simulation.command(node, { type: 'sharing', files: filesAt(node, this.#init).length, firewalled: false })
    if (server !== undefined) simulation.connect(node, server)
    const contacts = this.#servers.map(one => simulation.contactOf(one))
    simulation.command(node, { type: 'servers', contacts })
  }

  isMember(node: NodeIndex): boolean {
    return this.#sessions.isIn(node)
  }

  onDeath(node: NodeIndex): void {
    this.#sessions.onDeath(node)
    this.#files.forget(nameOf(node, this.simulation))
  }

  /** Nobody is asked whether it lives, nobody logs in anew, and nothing more is announced. */
  freeze(): void {
    this.#traffic.freeze()
  }

  /** To the next number above or below by chance: a server alone dies with the chance of any peer. */
  failServers(share: number): void {
    if (this.#set['servers-fail'] === 'off') return
    const random = this.simulation.random.of('servers-fail')
    const count = Math.floor(share * this.#servers.length + random.unit())
    for (const server of pickSome(this.#servers, count, random)) this.simulation.silence(server)
  }

  lookup(...[origin, ask, done, trace]: Parameters<Deployment['lookup']>): void {
    const isInReach = withinReach(this.#init.sides, origin)
    const file = livingFile(ask.file, this.#init, isInReach)
    if (trace !== undefined) trace.target = fileTarget(file)
    const cost = { messages: 0, bytes: 0, trace }
    let isOver = false
    const end = (found: NodeIndex | undefined, hops: number) => {
      if (isOver) return
      isOver = true
      const right =
        found !== undefined && hasFile(found, file, this.#init, this.simulation) && isInReach(found)
      const status = found === undefined ? 'failed' : right ? 'correct' : 'incorrect'
      // As published the question goes to the server, and whatever is further away is its own business.
      done({ status, hops, hopsAsPublished: Math.min(hops, 1), cost, timeouts: undefined, found })
    }
    if (filesAt(origin, this.#init).includes(file)) {
      end(origin, 0)
      return
    }
    const wanted = { ...wantedContent(file.id), limit: this.#set.results }
    const stop = this.#ask(origin, wanted, cost, {
      wants: record => record.id.equals(file.id),
      onFound: ([first]) => {
        stop()
        end(this.simulation.nodeOf(first!.contact), first!.hops + 1)
      },
      onOver: () => end(undefined, 0)
    })
  }

  search(origin: NodeIndex, ask: SearchAsk, done: () => void): SearchOutcome {
    const { simulation } = this
    const { words } = ask
    const { world, places, sides } = this.#init
    const isInReach = withinReach(sides, origin)
    const results = new FoundFiles(world, places, origin, ask, simulation.nowUs, isInReach)
    const query = { text: words.join(' '), words, limit: this.#set.results }
    this.#ask(origin, wantedOf(query), results.cost, {
      wants: record => matches(query, record),
      onFound: files =>
        results.add(
          files.map(({ record, contact }) => ({ id: `${record.id}`, holder: simulation.nodeOf(contact) })),
          simulation.nowUs
        ),
      onOver: isAnswered => {
        results.end(isAnswered)
        done()
      }
    })
    return results
  }

  inPicture(node: NodeIndex): PeerInPicture {
    return inFilePicture(this.#indexes.has(node) ? 'server' : 'user', this.simulation.linkedTo(node))
  }

  /** Its server counts it among its users no more, and its files have left the index. */
  watchRepair(_dead: NodeIndex): () => boolean {
    return this.#sessions.watchLast()
  }

  watchRoles(): () => RoleSamples {
    const { simulation } = this
    const lostBefore = this.#sessions.lost
    const looks = new RoleLooks(simulation, () => {
      const serving = this.#servers
        .filter(node => simulation.alive(node))
        .map(node => {
          const { users, counters } = simulation.machine(node).snapshot()
          const queries = QUERIES.reduce((sum, counter) => sum + counters[counter]!, 0)
          // Its own user is no peer.
          return { node, users: users - 1, queries }
        })
      const ordinaries = simulation.aliveCount - serving.length
      return { serving, ordinaries, homeless: ordinaries - this.#sessions.size }
    })
    return () => ({ ...looks.end(), counts: { supernodesLost: this.#sessions.lost - lostBefore } })
  }

  wholeness(): number {
    return countReached(this.simulation, FIND_STEPS)
  }

  state(node: NodeIndex): { entries: number; bytes: number } {
    const { neighbours, serversKnown } = this.simulation.machine(node).snapshot()
    const known = neighbours.length + serversKnown
    const index = this.#indexes.get(node)
    const users = neighbours.filter(({ role }) => role === 'user')
    const indexed =
      index === undefined
        ? []
        : users.flatMap(({ peerId }) => filesOf(index, this.#sessions.ownerOf(node, peerId)))
    return {
      entries: known + indexed.length,
      bytes:
        known * entryBytes(this.simulation.contactOf(node)) +
        indexed.reduce((sum, { body }) => sum + body.length, 0)
    }
  }

  /** Gives what ends it before its time. */
  #ask(
    origin: NodeIndex,
    wanted: Wanted,
    cost: QueryCost,
    on: Pick<Asking, 'wants' | 'onFound' | 'onOver'>
  ): () => void {
    const asking: Asking = { ...on, isSent: false, hasFound: false }
    this.#traffic.expect(wanted, cost)
    this.#starting = { origin, asking }
    const search = this.simulation.command(origin, { type: 'search', wanted })
    this.#starting = undefined
    const key = searchKey(origin, search)
    this.#asking.set(key, asking)
    return () => {
      this.#asking.delete(key)
      if (this.simulation.alive(origin)) this.simulation.command(origin, { type: 'end-search', search })
    }
  }

  #onNotice(node: NodeIndex, notice: NapsterNotice): void {
    // A server's own user is no peer.
    if (this.#indexes.has(node)) return
    if (notice.type === 'session') this.#sessions.onSession(node, notice.server)
    if (!('search' in notice)) return
    const asking = this.#askingOf(node, notice.search)
    if (asking === undefined) return
    if (notice.type === 'search-traffic') asking.isSent ||= notice.message.type === 'find'
    else if (notice.type === 'found') {
      asking.hasFound = true
      asking.onFound(notice.files)
    } else {
      this.#asking.delete(searchKey(node, notice.search))
      asking.onOver(asking.isSent && (asking.hasFound || notice.reason === ''))
    }
  }

  #askingOf(node: NodeIndex, search: RequestId): Asking | undefined {
    const starting = this.#starting?.origin === node ? this.#starting.asking : undefined
    return this.#asking.get(searchKey(node, search)) ?? starting
  }

  #answer(question: NapsterTypes['question'], node: NodeIndex): NapsterTypes['answer'] | undefined {
    switch (question.type) {
      case 'verify-shares':
        return this.#files.verifyShares(question)
      case 'verify-found':
        return this.#files.verifyFound(
          question.claims,
          this.#askingOf(node, question.search)?.wants ?? (() => false)
        )
      case 'next-files':
        return this.#files.next(question, this.simulation.contactOf(node), filesAt(node, this.#init))
      // What a peer shares never changes here.
      case 'files':
        return undefined
      default:
        // A server asks for this where it has logged a user out, and at no other time.
        if (question.type === 'index-remove-owner') this.#sessions.onLogout(question.owner)
        return answerFromIndex(this.#indexes.get(node)!, question)
    }
  }
}

export const napster: Adapter = {
  overlay: 'napster',
  deploy: init => new NapsterDeployment(init)
}
