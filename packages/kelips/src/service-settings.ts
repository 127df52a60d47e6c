/** What a user of the service gives, and the settings of machine and host that come of it. */
import { linkLimits, type StructuredInit, servedSettings, settingsGiven } from '@servent/key-routing'
import type { HostLimits } from '@servent/libp2p-host'
import { KELIPS_SETTINGS, kelipsSettings } from './machine.ts'
import { INBOUND_LINKS_MAX, OWN_LINKS_MAX } from './service-limits.ts'
import type { KelipsSettings, KelipsTypes } from './types.ts'

/** What is not said has the default of `KELIPS_SETTINGS`, and of `KeyRoutedInit`. */
export interface KelipsInit extends StructuredInit<KelipsTypes, KelipsSettings> {}

export function limitsOf(settings: KelipsSettings): Partial<HostLimits> {
  return linkLimits(settings, INBOUND_LINKS_MAX)
}

/** Settings of the machine, of those that are given. `heldMax`: links that it may open before a call needs them. */
export function settingsOf(init: KelipsInit, heldMax = Number.POSITIVE_INFINITY): KelipsSettings {
  return servedSettings(kelipsSettings(settingsGiven(init, KELIPS_SETTINGS)), init, OWN_LINKS_MAX, heldMax)
}
