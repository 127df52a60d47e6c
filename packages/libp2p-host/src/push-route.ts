/** Whether a provider can be asked to call, before anybody is asked. */
import {
  type Contact,
  type ContentId,
  type OverlayName,
  type Provider,
  type PushRoute,
  peerIdBytes
} from '@servent/overlay'
import { multiaddrsOfContact } from './contacts.ts'
import { PushError } from './errors.ts'
import { isCircuit } from './paths.ts'

/**
 * The way of this overlay to a provider, with the bytes of the provider's PeerId. `self` is this peer, as it can be called.
 *
 * @throws PushError  the provider has no route of this overlay, or this peer cannot be called either
 */
export function pushRouteOf(
  overlay: OverlayName,
  { peerId, push }: Provider,
  id: ContentId,
  self: Contact
): PushRoute & { readonly target: Uint8Array } {
  const target = peerIdBytes(peerId)
  if (push === undefined || push.overlay !== overlay || target === undefined)
    throw new PushError(`No hit tells how ${peerId} could be asked to call. Search for ${id} again.`)
  if (multiaddrsOfContact(self).every(isCircuit))
    throw new PushError('Neither this peer nor the provider can be called, so no connection can be made.')
  return { ...push, target }
}
