/** What a user of the service gives, and the settings of machine and host that come of it. */
import { linkLimits, type StructuredInit, servedSettings, settingsGiven } from '@servent/key-routing'
import type { HostLimits } from '@servent/libp2p-host'
import { PASTRY_SETTINGS, pastrySettings } from './machine.ts'
import { INBOUND_LINKS_MAX, OWN_LINKS_MAX } from './service-limits.ts'
import type { PastrySettings, PastryTypes } from './types.ts'

/** What is not said has the default of `PASTRY_SETTINGS`, and of `KeyRoutedInit`. */
export interface PastryInit extends StructuredInit<PastryTypes, PastrySettings> {}

export function limitsOf(settings: PastrySettings): Partial<HostLimits> {
  return linkLimits(settings, INBOUND_LINKS_MAX)
}

/** Settings of the machine, of those that are given. `heldMax`: links that it may open before a call needs them. */
export function settingsOf(init: PastryInit, heldMax = Number.POSITIVE_INFINITY): PastrySettings {
  return servedSettings(pastrySettings(settingsGiven(init, PASTRY_SETTINGS)), init, OWN_LINKS_MAX, heldMax)
}
