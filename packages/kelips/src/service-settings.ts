/** What a user of the service gives, and the settings of machine and host that come of it. */
import type { PrivateKey } from '@libp2p/interface'
import { inspectRecord, type KeyRoutedInit } from '@servent/key-routing'
import type { HostLimits } from '@servent/libp2p-host'
import { KELIPS_SETTINGS, kelipsSettings } from './machine.ts'
import { INBOUND_LINKS_MAX, OWN_LINKS_MAX } from './service-limits.ts'
import type { KelipsSettings, KelipsTypes } from './types.ts'

/** What is not said has the default of `KELIPS_SETTINGS`, and of `KeyRoutedInit`. */
export interface KelipsInit
  extends Partial<Omit<KelipsSettings, 'store'>>,
    Partial<Omit<KeyRoutedInit<KelipsTypes>, 'privateKey'>> {
  /** Signs heartbeats, tuples and records. Where it is not given, that of the libp2p node. */
  readonly privateKey?: PrivateKey
  /**
   * Multiaddrs, with `/p2p`, of peers by whom a network is joined, at most `BOOTSTRAP_PEERS_MAX`: of more the first
   * are taken. Any other peer that speaks Kelips and comes to be connected will do, too.
   */
  readonly bootstrap?: readonly string[]
  /** How values of others are kept. */
  readonly records?: KelipsSettings['store']
}

/** What this peer opens always has a place: a refusal by its own host would look like a peer that is gone. */
export function limitsOf({ routing }: KelipsSettings): Partial<HostLimits> {
  return { linksMax: INBOUND_LINKS_MAX + routing.ownLinks!, inboundLinksMax: INBOUND_LINKS_MAX }
}

/** Settings of the machine, of those that are given. */
export function settingsOf(init: KelipsInit): KelipsSettings {
  const given = Object.entries(init).filter(
    ([name, value]) => name !== 'store' && name in KELIPS_SETTINGS && value !== undefined
  )
  const settings = kelipsSettings(Object.fromEntries(given))
  return {
    ...settings,
    routing: { ownLinks: OWN_LINKS_MAX, ...init.routing },
    // Without it, whatever somebody brings by its own link would be kept, whatever it says.
    store: { inspect: inspectRecord, ...init.records }
  }
}
