/** What a user of the service gives, and the settings of machine and host that come of it. */
import type { PrivateKey } from '@libp2p/interface'
import { inspectRecord, type KeyRoutedInit } from '@servent/key-routing'
import type { HostLimits } from '@servent/libp2p-host'
import { CHORD_SETTINGS, chordSettings } from './machine.ts'
import { INBOUND_LINKS_MAX, OWN_LINKS_MAX } from './service-limits.ts'
import type { ChordSettings, ChordTypes } from './types.ts'

/** What is not said has the default of `CHORD_SETTINGS`, and of `KeyRoutedInit`. */
export interface ChordInit
  extends Partial<Omit<ChordSettings, 'store'>>,
    Partial<Omit<KeyRoutedInit<ChordTypes>, 'privateKey'>> {
  /** Signs records. Where it is not given, that of the libp2p node. */
  readonly privateKey?: PrivateKey
  /**
   * Multiaddrs, with `/p2p`, of peers by whom a ring is joined, at most `BOOTSTRAP_PEERS_MAX`: of more the first
   * are taken. They are remembered whoever else comes, and a ring of their own is looked for. Any other peer that speaks Chord and comes to be
   * connected will do, too.
   */
  readonly bootstrap?: readonly string[]
  /** How records of others are kept. */
  readonly records?: ChordSettings['store']
}

/** What this peer opens always has a place: a refusal by its own host would look like a peer that is gone. */
export function limitsOf({ virtualNodes, routing }: ChordSettings): Partial<HostLimits> {
  const inboundLinksMax = INBOUND_LINKS_MAX * virtualNodes
  return { linksMax: inboundLinksMax + routing.ownLinks!, inboundLinksMax }
}

/** Settings of the machine, of those that are given. */
export function settingsOf(init: ChordInit): ChordSettings {
  const given = Object.entries(init).filter(
    ([name, value]) => name !== 'store' && name in CHORD_SETTINGS && value !== undefined
  )
  const settings = chordSettings(Object.fromEntries(given))
  return {
    ...settings,
    routing: { ownLinks: OWN_LINKS_MAX * settings.virtualNodes, ...init.routing },
    // Without it, whatever a publisher brings by its own link would be kept, whatever it says.
    store: { inspect: inspectRecord, ...init.records }
  }
}
