/** How many lookups a network asks for. */

/** Mean of a session and of an absence. */
const SESSION_S = 3600

export interface Workload {
  readonly addresses: number
  /** The half of the hours that is measured, and the one before it. */
  readonly halfS: number
  /** Between two lookups of one live peer, on average. */
  readonly rateS: number
}

/**
 * Of the measured half. All addresses are up at first; with sessions and absences as long as each other,
 * of N the part (1 + e^(-2t/s)) / 2 is up after the time t.
 */
export function lookupsOf({ addresses, halfS, rateS }: Workload): number {
  const gone = (s: number) => Math.exp((-2 * s) / SESSION_S)
  const liveSeconds = (addresses / 2) * (halfS + (SESSION_S / 2) * (gone(halfS) - gone(2 * halfS)))
  return Math.max(1, Math.round(liveSeconds / rateS))
}
