/**
 * FastTrack in the lab. Peers share the world's files and upload their records to their supernodes, which answer queries
 * from indexes in memory; a lookup is a query for a file's content, right when what it finds is a peer that shares the
 * file and lives; a search is a query of words. Either may have several rounds ("search more").
 *
 * Ideal start: supernodes, their users and the links between them, put down as the rules bring them about
 * (`settledTiers`); records are uploaded by the machines, in the first seconds.
 */
import {
  FastTrackMachine,
  type FastTrackNotice,
  type FastTrackTypes,
  fasttrackCodec,
  type IdealPlace,
  SEARCH_MS,
  SEARCH_RESULTS_MAX,
  SEARCH_SETTLE_MS,
  SUPERNODES_MAX,
  sample,
  type Wanted,
  wantedContent,
  wantedOf
} from '@servent/fasttrack/machine'
import { answerFromIndex, MemoryIndex } from '@servent/keyword-index/memory'
import { type NodeIndex, Simulation } from '@servent/simulator'
import {
  type Adapter,
  type Deployment,
  type DeploymentInit,
  type SearchOutcome,
  TAIL_US
} from '../deployment.ts'
import type { GraphRole } from '../graph.ts'
import { withinReach } from '../partition.ts'
import type { PeerInPicture } from '../path/picture.ts'
import { Tracer } from '../path/trace.ts'
import type { RoleSamples } from '../run-result.ts'
import type { SearchAsk } from '../world.ts'
import { entryBytes } from './contacts.ts'
import { FastTrackFiles } from './fasttrack-files.ts'
import { RoleWatch } from './fasttrack-roles.ts'
import { settledTiers } from './fasttrack-tiers.ts'
import { SearchMessages } from './fasttrack-traffic.ts'
import { fileTarget, inFilePicture } from './file-pictures.ts'
import { FoundFiles } from './found-files.ts'
import type { QueryCost } from './gnutella-traffic.ts'
import { filesOf } from './indexed-files.ts'
import { countReached } from './linked.ts'
import { filesAt, hasFile, livingFile } from './living-file.ts'
import { nameOf, searchKey } from './names.ts'
import { watched } from './observed.ts'

const US_PER_MS = 1000
const SEARCH_US = SEARCH_MS * US_PER_MS
const SETTLE_US = SEARCH_SETTLE_MS * US_PER_MS
/** Searches of all peers together that leave the machines' bounds on what supernodes relay far away. */
const ASKS_PER_S = 10
/** Longer than any run: a link to a dead peer tells nobody. */
const NEVER_US = 86_400_000_000_000

/** Links between who asks, who has a file, and their supernodes. */
const USER_STEPS = 2

/** A lookup or search under way. */
interface Asking {
  readonly cost: QueryCost
  roundsLeft: number
  readonly onFound: (notice: FastTrackNotice & { type: 'found' }) => void
  /** Refused, or the last round is over. */
  readonly onOver: (isRefused: boolean) => void
}

/** Who depended on a peer that died: its users, and the supernode that it was a user of. */
interface Bereaved {
  readonly users: readonly NodeIndex[]
  readonly supernode: NodeIndex | undefined
}

class FastTrackDeployment implements Deployment {
  readonly simulation: Simulation<FastTrackTypes>
  readonly countsIds = false
  readonly lookupUsMax = SEARCH_US
  readonly valueUsMax = 0
  readonly asksPerS = ASKS_PER_S
  readonly tracer = new Tracer(() => this.simulation)
  readonly #init: DeploymentInit
  readonly #target: number
  readonly #rounds: number
  readonly #ttl: number
  readonly #traffic = new SearchMessages(SEARCH_US + TAIL_US, () => this.simulation.nowUs)
  readonly #files = new FastTrackFiles()
  /** Of supernodes, each from the first time that it is asked. */
  readonly #indexes = new Map<NodeIndex, MemoryIndex>()
  readonly #supernodes = new Set<NodeIndex>()
  /** By node and number of the search. */
  readonly #asking = new Map<string, Asking>()
  /** Whose search is being given, and has no number yet. */
  #starting: { readonly origin: NodeIndex; readonly asking: Asking } | undefined
  readonly #nodeOfText = new Map<string, NodeIndex>()
  #bereaved: Bereaved = { users: [], supernode: undefined }
  #roles: RoleWatch | undefined

  constructor(init: DeploymentInit) {
    this.#init = init
    const settings = init.settings as Record<string, number>
    this.#target = settings['ordinaries-per-supernode']!
    this.#rounds = settings.rounds!
    this.#ttl = settings.ttl!
    const watch = watched(this.#traffic, this.tracer)
    this.simulation = new Simulation<FastTrackTypes>({
      seed: init.seed,
      codec: fasttrackCodec,
      network: init.network,
      // Nobody comes back, and nobody looks at the dead.
      forgetDead: true,
      ...(init.frozen ? { limits: { stallTimeoutUs: NEVER_US } } : {}),
      createMachine: node =>
        watch(new FastTrackMachine({ ordinariesPerSupernode: this.#target, ttl: this.#ttl }), node),
      answer: (question, node) => this.#answer(question, node),
      onNotice: (node, notice) => this.#onNotice(node, notice)
    })
  }

  startIdeal(nodes: readonly NodeIndex[]): void {
    const { simulation } = this
    for (const node of nodes) this.start(node)
    const random = simulation.random.of('ideal-start')
    const { network } = this.#init
    const tiers = settledTiers({
      count: nodes.length,
      target: this.#target,
      roundTripMs: (from, to) => network.roundTripUs(nodes[from]!, nodes[to]!) / US_PER_MS,
      random
    })
    const supernodes = tiers.supernodes.map(place => nodes[place]!)
    const knownTo = (node: NodeIndex) =>
      sample([...supernodes], SUPERNODES_MAX, () => random.u32())
        .filter(other => other !== node)
        .map(other => simulation.peerOf(node, other))
    const adopt = (node: NodeIndex, place: Partial<IdealPlace>) =>
      simulation.command(node, {
        type: 'adopt',
        place: {
          role: this.#supernodes.has(node) ? 'supernode' : 'ordinary',
          known: [],
          links: [],
          ...place
        }
      })
    type Bond = IdealPlace['links'][number]['bond']
    const link = (from: NodeIndex, to: NodeIndex, is: Bond, has: Bond) => {
      simulation.connect(from, to)
      adopt(to, { links: [{ peer: simulation.peerOf(to, from), bond: has }] })
      adopt(from, { links: [{ peer: simulation.peerOf(from, to), bond: is }] })
    }
    for (const node of supernodes) adopt(node, { role: 'supernode', known: knownTo(node) })
    for (const [one, other] of tiers.peerings)
      link(supernodes[one]!, supernodes[other]!, 'peering', 'peering')
    for (const { place, home, spare } of tiers.ordinaries) {
      const node = nodes[place]!
      adopt(node, { known: knownTo(node) })
      link(node, supernodes[home]!, 'supernode', 'user')
      if (spare !== undefined) link(node, supernodes[spare]!, 'spare', 'standby')
    }
  }

  start(node: NodeIndex): void {
    const { simulation } = this
    this.#nodeOfText.set(nameOf(node, simulation), node)
    simulation.start(node)
    simulation.command(node, { type: 'circumstances', isReachable: true, uploadKbps: 0 })
  }

  isMember(node: NodeIndex): boolean {
    return this.#supernodes.has(node) || this.simulation.machine(node).snapshot().supernode !== null
  }

  onDeath(node: NodeIndex): void {
    const tables = this.simulation.machine(node).snapshot()
    const users = tables.neighbours.filter(({ bond }) => bond === 'user')
    this.#bereaved = {
      users: users.flatMap(({ peerId }) => this.#nodeOfText.get(peerId) ?? []),
      supernode: tables.supernode === null ? undefined : this.#nodeOfText.get(tables.supernode)
    }
    this.#roles?.onDeath(tables)
    this.#supernodes.delete(node)
    this.#indexes.delete(node)
    const text = nameOf(node, this.simulation)
    this.#nodeOfText.delete(text)
    this.#files.forget(text)
  }

  /** Nobody is asked whether it lives, and nobody changes its role. */
  freeze(): void {
    this.#traffic.freeze()
  }

  lookup(...[origin, ask, done, trace]: Parameters<Deployment['lookup']>): void {
    const isInReach = withinReach(this.#init.sides, origin)
    const file = livingFile(ask.file, this.#init, isInReach)
    if (trace !== undefined) trace.target = fileTarget(file)
    const cost = { messages: 0, bytes: 0, trace }
    let stop = () => {}
    let isOver = false
    const end = (found: NodeIndex | undefined, hops: number) => {
      if (isOver) return
      isOver = true
      stop()
      const right =
        found !== undefined && hasFile(found, file, this.#init, this.simulation) && isInReach(found)
      const status = found === undefined ? 'failed' : right ? 'correct' : 'incorrect'
      done({ status, hops, hopsAsPublished: hops, cost, timeouts: undefined, found })
    }
    if (filesAt(origin, this.#init).includes(file)) {
      end(origin, 0)
      return
    }
    stop = this.#ask(origin, wantedContent(file.id), {
      cost,
      onFound: ({ contact, hops }) => end(this.simulation.nodeOf(contact), hops),
      // What is being verified has a moment left.
      onOver: () => this.simulation.after(SETTLE_US, () => end(undefined, 0))
    })
    this.simulation.after(SEARCH_US, () => end(undefined, 0))
  }

  search(origin: NodeIndex, ask: SearchAsk, done: () => void): SearchOutcome {
    const { simulation } = this
    const { words } = ask
    const { world, places, sides } = this.#init
    const isInReach = withinReach(sides, origin)
    const results = new FoundFiles(world, places, origin, ask, simulation.nowUs, isInReach)
    let isAsked = true
    const wanted = wantedOf({ text: words.join(' '), words: [...words], limit: SEARCH_RESULTS_MAX })
    const stop = this.#ask(origin, wanted, {
      cost: results.cost,
      onFound: ({ contact, files }) => {
        const holder = simulation.nodeOf(contact)
        results.add(
          files.map(({ record }) => ({ id: `${record.id}`, holder })),
          simulation.nowUs
        )
      },
      onOver: isRefused => {
        isAsked = !isRefused
      }
    })
    simulation.after(SEARCH_US, () => {
      stop()
      results.end(isAsked)
      done()
    })
    return results
  }

  inPicture(node: NodeIndex): PeerInPicture {
    if (!this.simulation.alive(node)) return inFilePicture('peer', [])
    const { neighbours } = this.simulation.machine(node).snapshot()
    const seen = neighbours.filter(
      ({ bond }) => bond === 'supernode' || bond === 'peering' || bond === 'user'
    )
    const links = seen.flatMap(({ peerId }) => this.#nodeOfText.get(peerId) ?? [])
    return inFilePicture(this.roleOf(node), links)
  }

  /** Its users have another supernode, and its own one counts it among its users no more. */
  watchRepair(dead: NodeIndex): () => boolean {
    const { simulation } = this
    const name = nameOf(dead, simulation)
    const { users, supernode } = this.#bereaved
    const holdsIt = (node: NodeIndex) =>
      simulation
        .machine(node)
        .snapshot()
        .neighbours.some(({ peerId, bond }) => peerId === name && bond === 'user')
    const isServed = (node: NodeIndex) => {
      const { role, supernode: own } = simulation.machine(node).snapshot()
      return role === 'supernode' || (own !== null && own !== name)
    }
    return () =>
      users.every(node => !simulation.alive(node) || isServed(node)) &&
      (supernode === undefined || !simulation.alive(supernode) || !holdsIt(supernode))
  }

  watchRoles(): () => RoleSamples {
    const watch = new RoleWatch(this.simulation)
    this.#roles = watch
    return () => {
      this.#roles = undefined
      return watch.end()
    }
  }

  roleOf(node: NodeIndex): GraphRole {
    return this.#supernodes.has(node) ? 'supernode' : 'ordinary'
  }

  wholeness(): number {
    return countReached(this.simulation, this.#ttl + USER_STEPS)
  }

  state(node: NodeIndex): { entries: number; bytes: number } {
    const { simulation } = this
    const { neighbours, knownSupernodes } = simulation.machine(node).snapshot()
    const known = neighbours.length + knownSupernodes
    const owners = neighbours.flatMap(({ peerId, bond }) => (bond === 'user' ? [peerId] : []))
    const index = this.#indexes.get(node)
    const indexed =
      index === undefined ? [] : [nameOf(node, simulation), ...owners].flatMap(owner => filesOf(index, owner))
    return {
      entries: known + indexed.length,
      bytes:
        known * entryBytes(simulation.contactOf(node)) +
        indexed.reduce((sum, { body }) => sum + body.length, 0)
    }
  }

  /** Gives what ends it. */
  #ask(origin: NodeIndex, wanted: Wanted, on: Omit<Asking, 'roundsLeft'>): () => void {
    const asking: Asking = { ...on, roundsLeft: this.#rounds - 1 }
    this.#starting = { origin, asking }
    const search = this.simulation.command(origin, { type: 'search', wanted })
    this.#starting = undefined
    const key = searchKey(origin, search)
    this.#asking.set(key, asking)
    return () => {
      if (!this.#asking.delete(key) || !this.simulation.alive(origin)) return
      this.simulation.command(origin, { type: 'end-search', search })
    }
  }

  #onNotice(node: NodeIndex, notice: FastTrackNotice): void {
    if (notice.type === 'role') {
      if (notice.role === 'supernode') this.#supernodes.add(node)
      else this.#supernodes.delete(node)
    }
    if (!('search' in notice)) return
    const starting = this.#starting?.origin === node ? this.#starting.asking : undefined
    const asking = this.#asking.get(searchKey(node, notice.search)) ?? starting
    if (asking === undefined) return
    if (notice.type === 'found') asking.onFound(notice)
    else if (notice.type === 'search-refused') asking.onOver(true)
    else if (notice.type === 'search-traffic') {
      if ('id' in notice.message) this.#traffic.countFor(notice.message.id, asking.cost)
    } else if (notice.isMore && asking.roundsLeft > 0) {
      asking.roundsLeft -= 1
      this.simulation.command(node, { type: 'more', search: notice.search })
    } else asking.onOver(false)
  }

  #answer(question: FastTrackTypes['question'], node: NodeIndex): FastTrackTypes['answer'] {
    const { simulation } = this
    switch (question.type) {
      case 'verify':
        return this.#files.verify(question.claims)
      case 'records':
        return this.#files.page(question, simulation.contactOf(node), filesAt(node, this.#init))
      case 'dial-back': {
        const target = simulation.nodeOf(question.contact)
        const isReachable =
          target !== undefined && simulation.alive(target) && withinReach(this.#init.sides, node)(target)
        return { type: 'dialled', isReachable }
      }
      default:
        return answerFromIndex(this.#indexOf(node), question)
    }
  }

  #indexOf(node: NodeIndex): MemoryIndex {
    const known = this.#indexes.get(node)
    if (known !== undefined) return known
    const index = new MemoryIndex()
    this.#indexes.set(node, index)
    return index
  }
}

export const fasttrack: Adapter = {
  overlay: 'fasttrack',
  deploy: init => new FastTrackDeployment(init)
}
