/**
 * The overlays of a node, each in a slot of its own among libp2p's services: one that cannot be built,
 * started or stopped is shown as failed, and the others go on.
 */
import { peerDiscoverySymbol, serviceDependencies } from '@libp2p/interface'
import type { Catalogue, Overlay, OverlayName, OverlaySnapshot } from '@servent/overlay'
import type { Logger } from 'pino'
import { NotFoundError } from './errors.ts'

type Moment = 'beforeStart' | 'start' | 'afterStart' | 'beforeStop' | 'stop' | 'afterStop'
type Lifecycle = Partial<Record<Moment, () => void | Promise<void>>>

export class OverlaySlot {
  readonly name: OverlayName
  /** Nothing where it could not be built. */
  readonly overlay: Overlay | undefined
  readonly #logger: Logger
  #failure: string | undefined

  constructor(name: OverlayName, build: () => Overlay, catalogue: Catalogue, logger: Logger) {
    this.name = name
    this.#logger = logger
    try {
      this.overlay = build()
      this.overlay.attach(catalogue)
    } catch (error) {
      this.#fail('be built', error)
    }
  }

  get [Symbol.toStringTag](): string {
    return `@servent/${this.name}`
  }

  get [serviceDependencies](): string[] {
    return (this.overlay as { [serviceDependencies]?: string[] } | undefined)?.[serviceDependencies] ?? []
  }

  /** By it libp2p learns the addresses of whom the overlay hears of: else nobody but those who called could be dialled. */
  get [peerDiscoverySymbol](): unknown {
    return (this.overlay as { [peerDiscoverySymbol]?: unknown } | undefined)?.[peerDiscoverySymbol]
  }

  get running(): Overlay | undefined {
    return this.snapshot().state === 'running' ? this.overlay : undefined
  }

  snapshot(): OverlaySnapshot {
    if (this.overlay !== undefined && this.#failure === undefined) return this.overlay.snapshot()
    return { name: this.name, state: 'failed', reason: this.#failure ?? '', neighbours: [], counters: {} }
  }

  beforeStart = (): Promise<void> => this.#run('beforeStart')
  start = (): Promise<void> => this.#run('start')
  afterStart = (): Promise<void> => this.#run('afterStart')
  beforeStop = (): Promise<void> => this.#run('beforeStop')
  stop = (): Promise<void> => this.#run('stop')
  afterStop = (): Promise<void> => this.#run('afterStop')

  async #run(moment: Moment): Promise<void> {
    if (this.#failure !== undefined && moment.endsWith('tart')) return
    const lifecycle = this.overlay as Lifecycle | undefined
    try {
      await lifecycle?.[moment]?.()
    } catch (error) {
      this.#fail(moment, error)
    }
  }

  #fail(what: string, error: unknown): void {
    this.#failure ??= `It could not ${what}: ${(error as Error).message}`
    this.#logger.error({ overlay: this.name, err: error }, 'an overlay failed')
  }
}

/** Overlays of this node by name, nothing for those that do not run now. */
export type OverlaysHere = ReadonlyMap<OverlayName, Overlay | undefined>

/**
 * Those that run, of the ones that were named, of all where none was.
 *
 * @throws NotFoundError  one was named that this node does not take part in
 */
export function wantedOverlays(
  here: OverlaysHere,
  names: readonly OverlayName[] | undefined
): { name: OverlayName; overlay: Overlay }[] {
  for (const name of names ?? []) {
    if (here.has(name)) continue
    throw new NotFoundError(
      `This node does not run overlay ${name}. It runs: ${[...here.keys()].join(', ')}.`
    )
  }
  return [...here].flatMap(([name, overlay]) =>
    overlay !== undefined && (names === undefined || names.includes(name)) ? [{ name, overlay }] : []
  )
}
