/** A run that failed says where it can be found again: with its seed it fails at the same event. */
export class SimulationError extends Error {
  static override readonly name = 'SimulationError'
  override readonly name = 'SimulationError'
  readonly seed: string
  /** Virtual time. */
  readonly nowUs: number
  /** How many events there were, this one counted. */
  readonly event: number
  readonly traceHash: string

  constructor(where: { seed: string; nowUs: number; event: number; traceHash: string }, cause: unknown) {
    const { seed, nowUs, event, traceHash } = where
    const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    super(
      `The run failed with seed ${JSON.stringify(seed)} at ${nowUs} us, event ${event}, trace ${traceHash}: ${why}`,
      { cause }
    )
    this.seed = seed
    this.nowUs = nowUs
    this.event = event
    this.traceHash = traceHash
  }
}
