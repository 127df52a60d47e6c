/** What a user gives the service of a structured overlay, and the settings of machine and host that come of it. */
import type { PrivateKey } from '@libp2p/interface'
import type { HostLimits } from '@servent/libp2p-host'
import type { MachineTypes } from '@servent/overlay'
import { inspectRecord } from './records-body.ts'
import type { KeyRoutedInit } from './service-types.ts'
import type { ServedSettings } from './structured-settings.ts'

/** The overlay's own settings, and what every service of its kind takes. */
export type StructuredInit<T extends MachineTypes, S extends ServedSettings> = Partial<Omit<S, 'store'>> &
  Partial<Omit<KeyRoutedInit<T>, 'privateKey'>> & {
    /** Signs records. Where it is not given, that of the libp2p node. */
    readonly privateKey?: PrivateKey
    /**
     * Multiaddrs, with `/p2p`, of peers by whom the network is joined, at most `BOOTSTRAP_PEERS_MAX`: of more the first
     * are taken. They are remembered whoever else comes, and a network of their own is looked for. Any other peer that
     * speaks the overlay and comes to be connected will do, too.
     */
    readonly bootstrap?: readonly string[]
    /** How records of others are kept. */
    readonly records?: S['store']
  }

/** Of what a user gave, the settings of the machine, which are those that `defaults` names. */
export function settingsGiven<S extends ServedSettings>(init: object, defaults: S): Partial<S> {
  const isSetting = ([name, value]: [string, unknown]) =>
    name !== 'store' && name in defaults && value !== undefined
  return Object.fromEntries(Object.entries(init).filter(isSetting)) as Partial<S>
}

/**
 * Settings of a machine that a service runs. `ownLinks`: those that it opens, where the user does not say. `heldMax`:
 * those that it may open before a call needs them. As many are opened by others as by this peer, and a few are kept free.
 */
export function servedSettings<S extends ServedSettings>(
  settings: S,
  { routing, records }: { readonly routing?: S['routing']; readonly records?: S['store'] },
  ownLinks: number,
  heldMax: number
): S {
  const heldLinks = Math.min(ownLinks, heldMax)
  return {
    ...settings,
    routing: { ownLinks, heldLinks, ...routing },
    // Without it, whatever a publisher brings by its own link would be kept, whatever it says.
    store: { inspect: inspectRecord, ...records }
  }
}

/** What this peer opens always has a place: a refusal by its own host would look like a peer that is gone. */
export function linkLimits({ routing }: ServedSettings, inboundLinksMax: number): Partial<HostLimits> {
  return { linksMax: inboundLinksMax + routing.ownLinks!, inboundLinksMax }
}
