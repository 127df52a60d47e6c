/**
 * One lookup, as a machine of its own: whom to ask next, and when it is over. It knows peers by handle and key, and
 * nothing of links and time.
 *
 * The nearest peers that are known are dealt to d paths (S/Kademlia section 4.4). No two paths ask the same peer, so a
 * liar leads one of them astray. A path goes downhill: of what an answer names it takes the peers that are nearer to
 * the key than whoever named them, asks the nearest first, alpha at a time, and leaves out whoever is further away than
 * k that have answered on it (as `@libp2p/kad-dht` does). When all paths stand still, of the k nearest that any answer
 * named those are asked that no path took, until the k nearest have all answered (spec, "Peer routing").
 */
import type { Key, Peer } from '@servent/overlay/machine'
import { LOOKUP_PEERS_MAX, LOOKUP_REQUESTS_MAX } from './machine-constants.ts'
import { compareXor } from './xor.ts'

export interface LookupSettings {
  readonly k: number
  readonly alpha: number
  readonly disjointPaths: number
}

export interface Named {
  readonly peer: Peer
  readonly key: Key
}

/** Parts of a lookup that a test replaces by wrong ones. */
export interface LookupRules {
  /** Whether a peer that is known to this lookup may be taken by one more path. */
  readonly takesAgain: boolean
  /** Whether whoever was asked counts among the nearest although it did not answer. */
  readonly countsSilent: boolean
  /** Whether whoever did not answer is waited for all the same. */
  readonly waitsForSilent: boolean
}

export const RIGHT_LOOKUP: LookupRules = { takesAgain: false, countsSilent: false, waitsForSilent: false }

type State = 'known' | 'asked' | 'answered' | 'silent'

interface Candidate extends Named {
  /** The path that may ask it. */
  readonly path: number
  /** Requests until it is asked, its own among them: 1 for one that was known at first. */
  readonly steps: number
  state: State
  /** Asked when the paths stood still. */
  swept: boolean
}

interface Path {
  /** The nearest last. */
  readonly waiting: Candidate[]
  /** That have answered, the nearest first, at most k. */
  readonly nearest: Candidate[]
  underWay: number
}

export interface Ask {
  readonly peer: Peer
  readonly path: number
  readonly steps: number
}

export class DisjointLookup {
  readonly key: Key
  readonly #settings: LookupSettings
  readonly #rules: LookupRules
  readonly #known = new Map<Peer, Candidate>()
  /** All that are known, the nearest first. */
  readonly #byDistance: Candidate[] = []
  readonly #paths: Path[] = []
  #sweeping = 0
  #requests = 0
  #silent = 0
  #turn = 0

  /** `seeds` are in no order that means anything: in theirs they are dealt to the paths. */
  constructor(key: Key, seeds: readonly Named[], settings: LookupSettings, rules = RIGHT_LOOKUP) {
    this.key = key
    this.#settings = settings
    this.#rules = rules
    const paths = Math.min(settings.disjointPaths, seeds.length)
    for (let path = 0; path < paths; path += 1) this.#paths.push({ waiting: [], nearest: [], underWay: 0 })
    for (const [at, seed] of seeds.entries()) {
      const candidate = this.#learn(seed, at % paths, 1)
      if (candidate !== undefined) this.#enqueue(candidate)
    }
  }

  get requests(): number {
    return this.#requests
  }

  /** Requests that nobody answered. */
  get timeouts(): number {
    return this.#silent
  }

  get known(): number {
    return this.#known.size
  }

  /** Requests under way. */
  get underWay(): number {
    return this.#paths.reduce((sum, { underWay }) => sum + underWay, this.#sweeping)
  }

  /** Whom to ask now; nothing: nobody before something is heard, and if nothing is under way, it is over. */
  next(): Ask | undefined {
    if (this.#requests >= LOOKUP_REQUESTS_MAX) return undefined
    for (let tried = 0; tried < this.#paths.length; tried += 1) {
      const at = (this.#turn + tried) % this.#paths.length
      const candidate = this.#nextOf(this.#paths[at]!)
      if (candidate === undefined) continue
      // The paths take turns, so that one with much to ask does not hold up the others.
      this.#turn = at + 1
      this.#paths[at]!.underWay += 1
      return this.#ask(candidate, at)
    }
    if (this.#paths.some(({ underWay }) => underWay > 0)) return undefined
    return this.#sweep()
  }

  /** A peer that was asked has answered, and named these. What it names beyond k is not heard. */
  onAnswer(peer: Peer, closer: readonly Named[]): void {
    const responder = this.#end(peer)
    if (responder === undefined) return
    responder.state = 'answered'
    const path = this.#paths[responder.path]!
    insertByDistance(this.key, path.nearest, responder)
    if (path.nearest.length > this.#settings.k) path.nearest.pop()
    for (const named of closer.slice(0, this.#settings.k)) {
      const isDownhill = compareXor(this.key, named.key, responder.key) < 0
      const candidate = this.#learn(named, responder.path, responder.steps + 1)
      if (candidate !== undefined && isDownhill) this.#enqueue(candidate)
    }
  }

  /** A peer that was asked cannot be reached, or did not answer in time. */
  onSilent(peer: Peer): void {
    if (this.#rules.waitsForSilent) return
    const candidate = this.#end(peer)
    if (candidate === undefined) return
    candidate.state = this.#rules.countsSilent ? 'answered' : 'silent'
    this.#silent += 1
  }

  /** The k nearest that have answered, the nearest first. */
  closest(): Ask[] {
    const found: Ask[] = []
    for (const { peer, path, steps, state } of this.#byDistance) {
      if (state === 'answered') found.push({ peer, path, steps })
      if (found.length === this.#settings.k) break
    }
    return found
  }

  /** Whether the k nearest of all that are known and not silent have answered. */
  get isComplete(): boolean {
    return this.#unanswered(1).length === 0
  }

  /** Whether the nearest of all that are known and not silent has answered: nobody nearer can come by waiting. */
  get hasNearest(): boolean {
    return this.#byDistance.find(({ state }) => state !== 'silent')?.state === 'answered'
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.#known.keys()) hold(peer)
  }

  #learn(named: Named, path: number, steps: number): Candidate | undefined {
    const { peer, key } = named
    if (this.#known.has(peer) && !this.#rules.takesAgain) return undefined
    if (this.#known.size >= LOOKUP_PEERS_MAX) return undefined
    const candidate: Candidate = { peer, key, path, steps, state: 'known', swept: false }
    this.#known.set(peer, candidate)
    insertByDistance(this.key, this.#byDistance, candidate)
    return candidate
  }

  #enqueue(candidate: Candidate): void {
    const { waiting } = this.#paths[candidate.path]!
    let at = waiting.length
    while (at > 0 && compareXor(this.key, waiting[at - 1]!.key, candidate.key) < 0) at -= 1
    waiting.splice(at, 0, candidate)
  }

  #nextOf(path: Path): Candidate | undefined {
    if (path.underWay >= this.#settings.alpha) return undefined
    const candidate = path.waiting.pop()
    if (candidate === undefined) return undefined
    const furthest = path.nearest[this.#settings.k - 1]
    if (furthest === undefined || compareXor(this.key, candidate.key, furthest.key) < 0) return candidate
    // It is the nearest of those that wait: the path has come as far as it can.
    path.waiting.length = 0
    return undefined
  }

  #sweep(): Ask | undefined {
    if (this.#sweeping >= this.#settings.alpha) return undefined
    const [candidate] = this.#unanswered(1, ({ state }) => state === 'known')
    if (candidate === undefined) return undefined
    candidate.swept = true
    this.#sweeping += 1
    return this.#ask(candidate, candidate.path)
  }

  /** Of the k nearest that are not silent, those that have not answered. */
  #unanswered(count: number, isWanted = (_: Candidate) => true): Candidate[] {
    const found: Candidate[] = []
    let looked = 0
    for (const candidate of this.#byDistance) {
      if (candidate.state === 'silent') continue
      if (candidate.state !== 'answered' && isWanted(candidate)) found.push(candidate)
      looked += 1
      if (looked === this.#settings.k || found.length === count) break
    }
    return found
  }

  #ask(candidate: Candidate, path: number): Ask {
    candidate.state = 'asked'
    this.#requests += 1
    return { peer: candidate.peer, path, steps: candidate.steps }
  }

  #end(peer: Peer): Candidate | undefined {
    const candidate = this.#known.get(peer)
    if (candidate?.state !== 'asked') return undefined
    if (candidate.swept) this.#sweeping -= 1
    else this.#paths[candidate.path]!.underWay -= 1
    return candidate
  }
}

function insertByDistance(key: Key, sorted: Candidate[], candidate: Candidate): void {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareXor(key, sorted[middle]!.key, candidate.key) <= 0) low = middle + 1
    else high = middle
  }
  sorted.splice(low, 0, candidate)
}
