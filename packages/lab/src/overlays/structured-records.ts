/**
 * Files in a structured network: every peer stores a record of each of its files under the file's id and under each word of its
 * name, and a search asks the homes of its words for their counts and the rarest one for its records.
 */
import {
  FETCH_RECORDS_MAX,
  type RoutingMessage,
  type RoutingNotice,
  type RoutingTypes,
  STORED_LIFETIME_MS_MAX,
  type StoredRecord
} from '@servent/key-routing/machine'
import { type Contact, type Key, keyOfContent, keyOfWord } from '@servent/overlay/machine'
import { type NodeIndex, type Simulation, WALL_START_MS } from '@servent/simulator'
import type { DeploymentInit, SearchOutcome } from '../deployment.ts'
import { withinReach } from '../partition.ts'
import type { SearchAsk, WorldFile } from '../world.ts'
import { ExpiringMap } from './expiring-map.ts'
import { labRecord } from './file-records.ts'
import { FoundFiles } from './found-files.ts'
import type { Watch } from './observed.ts'

interface Search {
  readonly origin: NodeIndex
  readonly words: readonly string[]
  readonly results: FoundFiles
  readonly done: () => void
}

export class StructuredRecords implements Watch<RoutingTypes> {
  readonly #simulation: () => Simulation<RoutingTypes>
  readonly #init: DeploymentInit
  readonly #bytesOf: (message: RoutingMessage) => number
  /** Bodies are as long as signed ones and hold nothing: one for each file. */
  readonly #bodies = new Map<WorldFile, Uint8Array>()
  /** By the digest that records name them by. */
  readonly #fileOf = new Map<string, WorldFile>()
  readonly #publishing = new Set<NodeIndex>()
  #onPublished: (() => void) | undefined
  readonly #searches: ExpiringMap<number, Search>
  /** Lookups of searches: by origin and key before they are sent, by origin and number then. */
  readonly #expected: ExpiringMap<string, Search>
  readonly #lookups: ExpiringMap<string, { readonly search: Search; acknowledged: boolean }>
  /** Whose command is being given: an origin that keeps the words itself may be done before it has a number. */
  #beginning: Search | undefined

  /** `livesUs`: how long after its beginning messages of a lookup may come. */
  constructor(
    init: DeploymentInit,
    livesUs: number,
    simulation: () => Simulation<RoutingTypes>,
    bytesOf: (message: RoutingMessage) => number
  ) {
    this.#bytesOf = bytesOf
    const nowUs = () => simulation().nowUs
    this.#searches = new ExpiringMap(livesUs, nowUs)
    this.#expected = new ExpiringMap(livesUs, nowUs)
    this.#lookups = new ExpiringMap(livesUs, nowUs)
    this.#init = init
    this.#simulation = simulation
    for (const file of init.world.files) this.#fileOf.set(nameOf(file.id.digest), file)
  }

  /** `done` is called when everybody who lives has been told of each of its records. */
  publishAll(nodes: readonly NodeIndex[], done: () => void): void {
    this.#onPublished = done
    for (const node of nodes) this.publish(node)
    if (this.#publishing.size === 0) done()
  }

  publish(node: NodeIndex): void {
    const { world, places } = this.#init
    const publisher = this.#simulation().contactOf(node)
    const files = world.filesAt[places.placeOf(node)] ?? []
    if (files.length === 0) return
    this.#publishing.add(node)
    this.#simulation().command(node, {
      type: 'publish',
      records: files.flatMap(file => this.#recordsOf(file, publisher))
    })
  }

  search(origin: NodeIndex, ask: SearchAsk, done: () => void): SearchOutcome {
    const { words } = ask
    const simulation = this.#simulation()
    const { world, places, sides } = this.#init
    const isInReach = withinReach(sides, origin)
    const results = new FoundFiles(world, places, origin, ask, simulation.nowUs, isInReach)
    const search: Search = { origin, words, results, done }
    const keys = words.map(keyOfWord)
    for (const key of keys) this.#expected.set(`${origin} ${nameOf(key)}`, search)
    this.#beginning = search
    const command = simulation.command(origin, { type: 'fetch-rarest', keys, limit: FETCH_RECORDS_MAX })
    if (this.#beginning !== undefined) this.#searches.set(command, search)
    this.#beginning = undefined
    return results
  }

  onDeath(node: NodeIndex): void {
    this.#told(node)
  }

  #told(node: NodeIndex): void {
    if (this.#publishing.delete(node) && this.#publishing.size === 0) this.#onPublished?.()
  }

  onNotice(node: NodeIndex, notice: RoutingNotice): void {
    if (notice.type === 'published') {
      this.#told(node)
      return
    }
    if (notice.type !== 'records' && notice.type !== 'records-end') return
    const search = this.#searches.get(notice.command) ?? this.#beginning
    if (search === undefined) return
    if (notice.type === 'records') this.#add(search, notice.records)
    else {
      this.#searches.delete(notice.command)
      this.#beginning = undefined
      const { cost } = search.results
      cost.messages += notice.traffic.messages
      cost.bytes += notice.traffic.bytes
      search.results.end(notice.failure === undefined)
      search.done()
    }
  }

  /** What others send for the lookups of a search: its origin itself counts what it sends and receives. */
  onSend(message: RoutingMessage): void {
    if (this.#searches.size === 0 && this.#expected.size === 0) return
    const search = this.#searchOf(message)
    if (search === undefined) return
    search.results.cost.messages += 1
    search.results.cost.bytes += this.#bytesOf(message)
  }

  #searchOf(message: RoutingMessage): Search | undefined {
    if (message.type === 'hop-ack') {
      const lookup = this.#lookups.get(`${nameOf(message.origin)} ${message.id}`)
      // The first one goes to the origin.
      if (lookup === undefined || lookup.acknowledged) return lookup?.search
      lookup.acknowledged = true
      return undefined
    }
    if (message.type !== 'lookup' || message.purpose !== 'user') return undefined
    const name = `${nameOf(message.origin.id)} ${message.id}`
    if (message.hops > 1) return this.#lookups.get(name)?.search
    const origin = this.#simulation().nodeOf(message.origin)
    const search = this.#expected.get(`${origin} ${nameOf(message.key)}`)
    if (search !== undefined) this.#lookups.set(name, { search, acknowledged: false })
    return undefined
  }

  /** Whoever asks sees the names in the records, and leaves out what lacks a word, and what it has itself. */
  #add({ origin, words, results }: Search, records: readonly StoredRecord[]): void {
    const simulation = this.#simulation()
    const found = records.flatMap(({ publisher, subject }) => {
      const holder = simulation.nodeOf(publisher)
      const file = this.#fileOf.get(nameOf(subject))
      const isWanted =
        holder !== origin && file !== undefined && words.every(word => file.words.includes(word))
      return isWanted ? [{ id: `${file.id}`, holder }] : []
    })
    results.add(found, simulation.nowUs)
  }

  #recordsOf(file: WorldFile, publisher: Contact): StoredRecord[] {
    let body = this.#bodies.get(file)
    if (body === undefined) {
      body = labRecord(file, publisher).sealed
      this.#bodies.set(file, body)
    }
    const record = (kind: 'provider' | 'word', key: Key): StoredRecord => ({
      kind,
      key,
      publisher,
      sequence: 1,
      expiresMs: expiryNow(this.#simulation()),
      subject: file.id.digest,
      body
    })
    return [
      record('provider', keyOfContent(file.id)),
      ...file.words.map(word => record('word', keyOfWord(word)))
    ]
  }
}

/** Of a record that is made now: as late as a peer takes. Nobody renews them, so plans are no longer (`RECORDS_SECONDS_MAX`). */
export function expiryNow({ nowUs }: Pick<Simulation<RoutingTypes>, 'nowUs'>): number {
  return WALL_START_MS + Math.floor(nowUs / 1000) + STORED_LIFETIME_MS_MAX
}

/** Bytes as a key of maps. */
function nameOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
