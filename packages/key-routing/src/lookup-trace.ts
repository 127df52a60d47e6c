/** Tells each step of a lookup, for pictures and for tests. */
import { keyToHex, type Peer } from '@servent/overlay/machine'
import type { Relay } from './lookup-relay.ts'
import type { LookupStep, RoutingEffects } from './types.ts'

export function tellStep(
  relay: Pick<Relay, 'id' | 'origin' | 'key' | 'purpose' | 'hops'>,
  what: LookupStep['what'],
  peer: Peer,
  root: boolean,
  effects: RoutingEffects
): void {
  const { id, key, purpose, hops } = relay
  effects.notify({
    type: 'lookup-step',
    origin: keyToHex(relay.origin.id),
    id,
    key,
    purpose,
    what,
    peer,
    root,
    hops
  })
}
