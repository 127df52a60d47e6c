/**
 * Dynamic querying (Fisk, Gnutella Dynamic Query Protocol 0.1): an ultrapeer asks a few neighbours, sees how common
 * the thing is, and then asks one link after another, each as far as it takes, until there are enough results. Here
 * is the arithmetic, and what is known of one query; who is asked, and when, stands in `dynamic-rules.ts`.
 */
import type { Link } from '@servent/overlay/machine'
import {
  COUNTED_LINKS_MAX,
  DYNAMIC_MS_MAX,
  HORIZON_MAX,
  LINK_RESULTS_PART,
  RARE_HORIZON,
  RARE_RESULTS,
  RARE_WAIT_LESS_MS,
  RARE_WAIT_MS_MIN,
  ULTRAPEER_TTL_MAX,
  WAIT_PER_HOP_MS
} from './tier-constants.ts'

/** Ultrapeers that a query reaches over one link, in theory (DQ 2.5.2.2): the sum of (degree-1)^i for 0 <= i < ttl. */
export function horizon(degree: number, ttl: number): number {
  let hosts = 0
  for (let hop = 0, reached = 1; hop < ttl; hop += 1, reached *= degree - 1) hosts += reached
  return hosts
}

/** The most that a query over a link may be given, so that all links together stay within the horizon (DQ 2.4). */
export function ttlLimit(degree: number, said: number): number {
  const most = Math.min(ULTRAPEER_TTL_MAX, said)
  for (let ttl = most; ttl > 1; ttl -= 1) if (degree * horizon(degree, ttl) <= HORIZON_MAX) return ttl
  return 1
}

/** What is known when the next link's turn has come; letters as in DQ 2.5.2.1. */
export interface Progress {
  /** D, r and H. */
  readonly wanted: number
  readonly results: number
  readonly reached: number
  /** C: links that are left, the next one counted. */
  readonly linksLeft: number
  /** Of the next link. */
  readonly degree: number
  readonly ttlMax: number
}

/** Hosts that have as many results as are missing, if what was found so far is as common everywhere. */
export function hostsMissing({
  wanted,
  results,
  reached
}: Pick<Progress, 'wanted' | 'results' | 'reached'>): number {
  return results === 0 ? Number.POSITIVE_INFINITY : ((wanted - results) * Math.max(1, reached)) / results
}

/** TTL for the next link: the least that reaches enough hosts, if what was found so far is as common everywhere. */
export function nextTtl({ linksLeft, degree, ttlMax, ...found }: Progress): number {
  if (found.results === 0) return ttlMax
  const hostsPerLink = hostsMissing(found) / linksLeft
  for (let ttl = 1; ttl < ttlMax; ttl += 1) if (horizon(degree, ttl) >= hostsPerLink) return ttl
  return ttlMax
}

/** One query on its way. */
export class DynamicQuery {
  readonly wanted: number
  readonly startedMs: number
  /** Of what came by here and elsewhere, as many as whoever asks says that it kept; nothing where nobody will say. */
  kept: number | undefined
  /** Ultrapeers reached in theory, this one among them. */
  reached = 1
  /** How often what turned out to be rare was asked for further. */
  #hurries = 0
  #counted = 0
  readonly #countedOf = new Map<Link, number>()

  /** Guided: whoever asks says what it keeps, which is nothing yet. */
  constructor(wanted: number, guided: boolean, nowMs: number) {
    this.wanted = wanted
    this.startedMs = nowMs
    if (guided) this.kept = 0
  }

  /** Results that are known of. What only came by is not verified, so it counts where there is no better word. */
  get results(): number {
    return this.kept ?? this.#counted
  }

  /** Results came by. No link counts for more than its part, so that none ends the search for the others. */
  count(link: Link, results: number): void {
    const before = this.#countedOf.get(link) ?? 0
    if (before === 0 && this.#countedOf.size >= COUNTED_LINKS_MAX) return
    const after = Math.min(before + results, Math.ceil(this.wanted / LINK_RESULTS_PART))
    this.#countedOf.set(link, after)
    this.#counted += after - before
  }

  isOver(nowMs: number): boolean {
    return (
      this.results >= this.wanted || this.reached >= HORIZON_MAX || nowMs - this.startedMs >= DYNAMIC_MS_MAX
    )
  }

  /** How long to wait for the results of a query that just went so far (DQ 2.5.2.3). */
  waitMs(ttl: number): number {
    if (this.reached >= RARE_HORIZON && this.results < RARE_RESULTS) this.#hurries += 1
    const perHopMs = Math.max(RARE_WAIT_MS_MIN, WAIT_PER_HOP_MS - this.#hurries * RARE_WAIT_LESS_MS)
    return ttl * perHopMs
  }
}
