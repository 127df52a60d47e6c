/** `put` and `value`: every wanted overlay that keeps values under keys is asked at once. */
import { LimitError, type Overlay, type OverlayName } from '@servent/overlay'
import type { Logger } from 'pino'
import { NotFoundError, NoValueError } from './errors.ts'
import { type OverlaysHere, wantedOverlays } from './overlays.ts'
import type { PutRequest, PutView, ValueRequest, ValueView } from './types.ts'

/** An overlay that keeps values: those that route by key have this shape. */
export interface ValueOverlay {
  put(key: string, value: Uint8Array, options: { signal?: AbortSignal }): Promise<{ copies: number }>
  /** Nothing where nobody has a value under the key. */
  get(key: string, options: { signal?: AbortSignal }): Promise<Omit<ValueView, 'key' | 'overlay'> | undefined>
}

export interface ValuesInit {
  readonly overlays: () => OverlaysHere
  readonly logger: Logger
}

interface Asked {
  readonly name: OverlayName
  readonly overlay: Overlay & ValueOverlay
}

const isValueOverlay = (overlay: Overlay): overlay is Overlay & ValueOverlay =>
  ['put', 'get'].every(method => typeof (overlay as never)[method] === 'function')

export class Values {
  readonly #init: ValuesInit

  constructor(init: ValuesInit) {
    this.#init = init
  }

  async put({ key, value, overlays }: PutRequest, signal?: AbortSignal): Promise<PutView> {
    await checkKey(key)
    await checkValue(value)
    const outcomes = await this.#ask(overlays, overlay => overlay.put(key, value, given(signal)), signal)
    return {
      key,
      bytes: value.length,
      overlays: outcomes.map(({ name, result, error }) =>
        error === undefined
          ? { name, copies: result!.copies }
          : { name, copies: 0, reason: (error as Error).message }
      )
    }
  }

  async value({ key, overlays }: ValueRequest, signal?: AbortSignal): Promise<ValueView> {
    await checkKey(key)
    const outcomes = await this.#ask(overlays, overlay => overlay.get(key, given(signal)), signal)
    const [newest] = outcomes
      .flatMap(({ name, result }) => (result === undefined ? [] : [{ ...result, key, overlay: name }]))
      .sort((a, b) => b.sequence - a.sequence)
    if (newest !== undefined) return newest
    const asked = outcomes.map(({ name }) => name).join(', ')
    throw new NoValueError(`Nobody on ${asked} has a value under ${JSON.stringify(key)}.`)
  }

  /** What each overlay gave or failed with. Where all failed, the first failure is everybody's. */
  async #ask<T>(
    names: readonly OverlayName[] | undefined,
    ask: (overlay: ValueOverlay) => Promise<T>,
    signal: AbortSignal | undefined
  ): Promise<{ name: OverlayName; result?: T; error?: unknown }[]> {
    const outcomes = await Promise.all(
      this.#wanted(names).map(({ name, overlay }) =>
        ask(overlay).then(
          result => ({ name, result }),
          error => ({ name, error })
        )
      )
    )
    signal?.throwIfAborted()
    const failed = outcomes.flatMap(outcome => ('error' in outcome ? [outcome] : []))
    for (const { name, error } of failed)
      this.#init.logger.warn({ overlay: name, err: error }, 'an overlay could not put or get')
    if (failed.length === outcomes.length) throw failed[0]!.error
    return outcomes
  }

  #wanted(names: readonly OverlayName[] | undefined): Asked[] {
    const running = wantedOverlays(this.#init.overlays(), names)
    const wanted = running.flatMap(({ name, overlay }) =>
      isValueOverlay(overlay) ? [{ name, overlay }] : []
    )
    if (wanted.length > 0) return wanted
    const asked = running.map(({ name }) => name).join(', ') || 'none'
    throw new NotFoundError(
      `No overlay that keeps values runs here (asked of: ${asked}). Start the node with one: servent start --overlays chord.`
    )
  }
}

const given = (signal: AbortSignal | undefined): { signal?: AbortSignal } =>
  signal === undefined ? {} : { signal }

/** Limits of every overlay that routes by key. They are loaded where they are needed. */
const limits = () => import('@servent/key-routing/machine')

async function checkKey(key: string): Promise<void> {
  const { VALUE_KEY_BYTES_MAX } = await limits()
  const length = Buffer.byteLength(key)
  if (length <= VALUE_KEY_BYTES_MAX) return
  throw new LimitError(
    'VALUE_KEY_BYTES_MAX',
    `A key has at most ${VALUE_KEY_BYTES_MAX} bytes, not ${length}. Choose a shorter one.`
  )
}

async function checkValue({ length }: Uint8Array): Promise<void> {
  const { VALUE_BYTES_MAX } = await limits()
  if (length <= VALUE_BYTES_MAX) return
  throw new LimitError(
    'VALUE_BYTES_MAX',
    `A value has at most ${VALUE_BYTES_MAX} bytes, not ${length}. Share a file in its place.`
  )
}
