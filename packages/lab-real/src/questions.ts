/** Lookups and searches of a run: who asks, what comes of it, and whether it is right by the truth. */
import {
  FoundFiles,
  type LookupAsk,
  livingFile,
  type OverlayId,
  type Places,
  type SearchAsk,
  type World,
  withinReach
} from '@servent/lab/backend'
import type { NodeIndex } from '@servent/simulator'
import type { ContentIds } from './contents.ts'
import type { Crowd } from './crowd.ts'
import type { Parting } from './parting.ts'
import type { LookupSample, SearchSample, Sink } from './sink.ts'
import type { Truth } from './truth.ts'
import type { LookupAnswer, RealPeer, SearchAnswer } from './types.ts'

const US_PER_MS = 1000
const NONE = { wanted: 0, right: 0 }
/** What a question has found that is still open when nobody waits any more. */
const NO_LOOKUP: LookupAnswer = {
  found: undefined,
  hops: undefined,
  timeouts: undefined,
  tookMs: 0,
  names: undefined
}
const NO_SEARCH: SearchAnswer = { asked: false, hits: [], firstHitMs: undefined, names: undefined }

/** Overlays whose papers count steps as the lab does; of Chord nobody is asked how far the predecessor was. */
const AS_PUBLISHED: Readonly<Record<string, (hops: number) => number>> = {
  pastry: hops => hops,
  gnutella: hops => hops,
  fasttrack: hops => hops,
  napster: hops => Math.min(hops, 1)
}

export interface QuestionsInit {
  readonly overlay: OverlayId
  readonly world: World
  readonly places: Places
  readonly ids: ContentIds
  readonly truth: Truth
  readonly crowd: Crowd
  readonly sink: Sink
  /** Nothing where no partition is planned. */
  readonly parting?: Parting
  readonly roundTripUs: (node: NodeIndex, other: NodeIndex) => number
}

export class Questions {
  readonly #init: QuestionsInit
  readonly #over = Promise.withResolvers<void>()

  constructor(init: QuestionsInit) {
    this.#init = init
  }

  /** Who asks, of those who live and take part: the same as in the simulator where the same do. */
  choose(chooser: number): NodeIndex | undefined {
    const { places, truth, crowd } = this.#init
    return places.choose(chooser, node => truth.isMember(node) && crowd.alive(node))
  }

  /** No answer is waited for any more: each question that is open has failed. */
  end(): void {
    this.#over.resolve()
  }

  async lookup(ask: LookupAsk, number: number): Promise<void> {
    const phase = this.#init.parting?.phase
    const tell = (sample: Omit<LookupSample, 'number' | 'phase'>) =>
      this.#init.sink.lookup({ number, ...(phase && { phase }), ...sample })
    const origin = this.choose(ask.chooser)
    if (origin === undefined) return tell({ status: 'unissued' })
    const truth = this.#init.truth
    const isInReach = withinReach(this.#init.parting?.sides, origin)
    const file = livingFile(ask.file, { world: this.#init.world, places: this.#init.places }, isInReach)
    const has = (node: NodeIndex) =>
      this.#init.crowd.alive(node) &&
      isInReach(node) &&
      this.#init.world.filesAt[this.#init.places.placeOf(node)]?.includes(file) === true
    // Whoever has it asks nobody.
    if (!truth.hasRoots && has(origin))
      return tell({
        status: 'correct',
        hops: 0,
        hopsAsPublished: 0,
        latencyUs: 0,
        names: []
      })
    const rootNow = () => truth.rootOf(ask.key, this.#init.parting && isInReach)
    const rootAtFirst = rootNow()
    const wanted = truth.hasRoots
      ? ({ type: 'root', key: ask.key } as const)
      : ({ type: 'file', id: this.#init.ids.realOf(file) } as const)
    const answer = await this.#ask(origin, peer => peer.lookup(wanted), NO_LOOKUP)
    if (answer === undefined) return tell({ status: 'unissued' })
    const { found, hops, timeouts, tookMs, names } = answer
    if (found === undefined) return tell({ status: 'failed', timeouts, names })
    const node = truth.nodeOf(found)
    const isRight =
      node !== undefined && (truth.hasRoots ? node === rootAtFirst || node === rootNow() : has(node))
    const directUs = node === undefined || node === origin ? 0 : this.#init.roundTripUs(origin, node)
    const steps = this.#stepsOf(hops)
    await tell({
      status: isRight ? 'correct' : 'incorrect',
      hops: steps,
      hopsAsPublished: steps === undefined ? undefined : AS_PUBLISHED[this.#init.overlay]?.(steps),
      timeouts,
      latencyUs: Math.round(tookMs * US_PER_MS),
      names,
      ...(directUs > 0 && { stretch: (tookMs * US_PER_MS) / directUs })
    })
  }

  /** Nothing where who asks dies before the answer. */
  async #ask<T>(origin: NodeIndex, ask: (peer: RealPeer) => Promise<T>, none: T): Promise<T | undefined> {
    const { crowd } = this.#init
    try {
      const answer = await Promise.race([ask(crowd.peerOf(origin)!), this.#over.promise.then(() => none)])
      return crowd.alive(origin) ? answer : undefined
    } catch (error) {
      if (crowd.alive(origin)) throw error
      return undefined
    }
  }

  /** Napster's servers count from themselves. */
  #stepsOf(hops: number | undefined): number | undefined {
    return hops !== undefined && this.#init.overlay === 'napster' ? hops + 1 : hops
  }

  async search(ask: SearchAsk, number: number): Promise<void> {
    const nothing = { wanted: 0, found: 0, right: 0, results: NONE, sought: { wanted: false, right: false } }
    const phase = this.#init.parting?.phase
    const tell = (sample: Omit<SearchSample, 'number' | 'phase'>) =>
      this.#init.sink.search({ number, ...(phase && { phase }), ...sample })
    const origin = this.choose(ask.chooser)
    if (origin === undefined) return tell({ status: 'unissued', ...nothing })
    const { world, places, crowd, parting } = this.#init
    const isInReach = withinReach(parting?.sides, origin)
    const results = new FoundFiles(world, places, origin, ask, crowd.nowUs, isInReach)
    const answer = await this.#ask(origin, peer => peer.search(ask.words, ask.enough ?? null), NO_SEARCH)
    if (answer === undefined) return tell({ status: 'unissued', ...nothing })
    const { asked, hits, firstHitMs, names } = answer
    results.add(
      hits.map(({ id, provider }) => ({
        id: this.#init.ids.ofWorld(id),
        holder: this.#init.truth.nodeOf(provider)
      })),
      this.#init.crowd.nowUs
    )
    results.end(asked)
    const { wanted, found, right, sought } = results
    await tell({
      status: asked ? 'asked' : 'failed',
      wanted,
      found,
      right,
      results: results.results,
      sought,
      names,
      firstHitUs: firstHitMs === undefined ? undefined : Math.round(firstHitMs * US_PER_MS)
    })
  }
}
