/** What a user of the service gives, and the settings of machine and host that come of it. */
import { linkLimits, type StructuredInit, servedSettings, settingsGiven } from '@servent/key-routing'
import type { HostLimits } from '@servent/libp2p-host'
import { CHORD_SETTINGS, chordSettings } from './machine.ts'
import { INBOUND_LINKS_MAX, OWN_LINKS_MAX } from './service-limits.ts'
import type { ChordSettings, ChordTypes } from './types.ts'

/** What is not said has the default of `CHORD_SETTINGS`, and of `KeyRoutedInit`. */
export interface ChordInit extends StructuredInit<ChordTypes, ChordSettings> {}

export function limitsOf(settings: ChordSettings): Partial<HostLimits> {
  return linkLimits(settings, INBOUND_LINKS_MAX * settings.virtualNodes)
}

/** Settings of the machine, of those that are given. `heldMax`: links that it may open before a call needs them. */
export function settingsOf(init: ChordInit, heldMax = Number.POSITIVE_INFINITY): ChordSettings {
  const settings = chordSettings(settingsGiven(init, CHORD_SETTINGS))
  return servedSettings(settings, init, OWN_LINKS_MAX * settings.virtualNodes, heldMax)
}
