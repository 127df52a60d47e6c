/**
 * Dynamic querying (Fisk, Gnutella Dynamic Query Protocol 0.1): an ultrapeer asks a few neighbours, sees how common
 * the thing is, and then asks one link after another, each as far as it takes, until there are enough results. Here
 * is the arithmetic, and what is known of one query; who is asked, and when, stands in `dynamic-rules.ts`.
 */
import {
  DYNAMIC_MS_MAX,
  HORIZON_MAX,
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

/** TTL for the next link: the least that reaches enough hosts, if what was found so far is as common everywhere. */
export function nextTtl({ wanted, results, reached, linksLeft, degree, ttlMax }: Progress): number {
  if (results === 0) return ttlMax
  const perHost = results / Math.max(1, reached)
  const hostsPerLink = (wanted - results) / perHost / linksLeft
  for (let ttl = 1; ttl < ttlMax; ttl += 1) if (horizon(degree, ttl) >= hostsPerLink) return ttl
  return ttlMax
}

/** One query on its way. */
export class DynamicQuery {
  readonly wanted: number
  readonly startedMs: number
  /** That came by here. */
  results = 0
  /** Of what came by here and elsewhere, as many as whoever asks says that it kept. */
  kept: number | undefined
  /** Ultrapeers reached in theory, this one among them. */
  reached = 1
  /** How often what turned out to be rare was asked for further. */
  #hurries = 0

  constructor(wanted: number, nowMs: number) {
    this.wanted = wanted
    this.startedMs = nowMs
  }

  isOver(nowMs: number): boolean {
    const found = this.kept ?? this.results
    return found >= this.wanted || this.reached >= HORIZON_MAX || nowMs - this.startedMs >= DYNAMIC_MS_MAX
  }

  /** How long to wait for the results of a query that just went so far (DQ 2.5.2.3). */
  waitMs(ttl: number): number {
    if (this.reached >= RARE_HORIZON && this.results < RARE_RESULTS) this.#hurries += 1
    const perHopMs = Math.max(RARE_WAIT_MS_MIN, WAIT_PER_HOP_MS - this.#hurries * RARE_WAIT_LESS_MS)
    return ttl * perHopMs
  }
}
