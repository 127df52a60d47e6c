/** Settings that every structured overlay has, how a choice out of its range is read, and what they say to its parts. */
import { clamp } from '@servent/overlay/machine'
import { LOOKUP_BUDGET_MS } from './constants.ts'
import { type RouterSettings, routerSettings } from './router-settings.ts'
import { STORE_SETTINGS } from './store-settings.ts'
import type { StoreSettings } from './store-types.ts'
import { HOLDERS_DEFAULT, PERIOD_MS_MAX, PERIOD_MS_MIN, SAVE_MS } from './structured-constants.ts'
import type { LookupStyle } from './types.ts'

/** What the user of a node chooses. A value out of its range is taken for the nearest that is in it. */
export interface StructuredSettings {
  readonly style: LookupStyle
  /** Between two saves of the peer cache; 0: never. */
  readonly saveMs: number
  /** Holders of a record, its root among them. */
  readonly replicas: number
  readonly lookupBudgetMs: number
  /** Whether each step of a lookup is told by a notice. */
  readonly traceLookups: boolean
  /** Times and bounds of calls and lookups that differ from the router's defaults. */
  readonly routing: Partial<RouterSettings>
  /** What differs from the defaults in how records of others are kept. */
  readonly store: Partial<Omit<StoreSettings, 'replicas'>>
}

/** What a service adds to. */
export type ServedSettings = Pick<StructuredSettings, 'routing' | 'store'>

export const STRUCTURED_SETTINGS: StructuredSettings = {
  style: 'semi-recursive',
  saveMs: SAVE_MS,
  replicas: HOLDERS_DEFAULT,
  lookupBudgetMs: LOOKUP_BUDGET_MS,
  traceLookups: false,
  routing: {},
  store: {}
}

/** These settings within their ranges. `holdersMax`: this peer, and as many as its tables always know. */
export function structuredSettings<S extends StructuredSettings>(all: S, holdersMax: number): S {
  const { saveMs, replicas } = all
  return { ...all, saveMs: periodOrNever(saveMs), replicas: clamp(replicas, 1, holdersMax) }
}

/** For the overlay's `KeyRouter`. */
export function routingOf(settings: StructuredSettings): RouterSettings {
  const { style, lookupBudgetMs, traceLookups, replicas, routing } = settings
  return routerSettings({ style, lookupBudgetMs, traceLookups, replicas: replicas - 1, ...routing })
}

/** For the overlay's `RecordKeeper`. */
export function storeOf({ store, replicas }: Pick<StructuredSettings, 'store' | 'replicas'>): StoreSettings {
  return { ...STORE_SETTINGS, ...store, replicas: replicas - 1 }
}

/** A setting of how often something is done. */
export function period(ms: number): number {
  return clamp(ms, PERIOD_MS_MIN, PERIOD_MS_MAX)
}

/** The same where 0 is never. */
export function periodOrNever(ms: number): number {
  return ms === 0 ? 0 : period(ms)
}
