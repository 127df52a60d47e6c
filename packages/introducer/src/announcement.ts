/**
 * What a peer says of itself: its addresses, and which part it takes in which overlays, in libp2p's signed envelope
 * (RFC 0002) with a time, so that introducers and newcomers alike know that the peer itself said so, and when. One
 * that names no overlay withdraws the ones before.
 *
 * The payload is JSON in one form only: what does not come out the same when it is written again is refused, so that
 * nobody carries anything else in it.
 */
import type { PrivateKey } from '@libp2p/interface'
import { RecordEnvelope } from '@libp2p/peer-record'
import { ADDRESS_BYTES_MAX, CONTACT_ADDRESSES_MAX, peerIdText } from '@servent/overlay'
import { readMultiaddr } from './addresses.ts'
import { AnnouncementError } from './errors.ts'
import { ANNOUNCED_OVERLAYS_MAX, ANNOUNCEMENT_BYTES_MAX, NAME_CHARACTERS_MAX } from './limits.ts'

/** Keeps a signature of an announcement from being one of anything else. */
const DOMAIN = 'servent-announcement'
const CODEC = new TextEncoder().encode('/servent/announcement')

export interface OverlayRole {
  /** As `gnutella`. */
  readonly name: string
  /** As `ultrapeer`, or `peer` where the overlay has but one. */
  readonly role: string
}

export interface Announcement {
  /** PeerId in text form. */
  readonly peerId: string
  /** Multiaddrs in text form, without `/p2p`. */
  readonly addresses: readonly string[]
  readonly overlays: readonly OverlayRole[]
  /** Milliseconds since 1970. A later one replaces an earlier one. */
  readonly issuedMs: number
}

/** @throws AnnouncementError  a field breaks its bounds, or the key is another peer's */
export async function sealAnnouncement(
  announcement: Announcement,
  privateKey: PrivateKey
): Promise<Uint8Array> {
  const payload = new TextEncoder().encode(textOf(announcement))
  readPayload(payload)
  if (announcement.peerId !== peerIdText(privateKey.publicKey.toMultihash().bytes))
    throw new AnnouncementError('The key is not that of the peer that announces itself.')
  const envelope = await RecordEnvelope.seal(
    { domain: DOMAIN, codec: CODEC, marshal: () => payload, equals: () => false },
    privateKey
  )
  const sealed = envelope.marshal()
  if (sealed.length > ANNOUNCEMENT_BYTES_MAX) throw tooLong(sealed.length)
  return sealed
}

/**
 * Checks all but the time, the cheap things first and the signature last.
 *
 * @throws AnnouncementError
 */
export async function openAnnouncement(sealed: Uint8Array): Promise<Announcement> {
  if (sealed.length > ANNOUNCEMENT_BYTES_MAX) throw tooLong(sealed.length)
  let envelope: RecordEnvelope
  try {
    envelope = RecordEnvelope.createFromProtobuf(sealed)
    if (Buffer.compare(envelope.marshal(), sealed) !== 0) throw new Error('it is not in its canonical form')
    if (Buffer.compare(envelope.payloadType, CODEC) !== 0) throw new Error('it holds something else')
  } catch (error) {
    throw new AnnouncementError(
      `The announcement has no envelope that can be read: ${(error as Error).message}.`
    )
  }
  const announcement = readPayload(envelope.payload)
  if (announcement.peerId !== peerIdText(envelope.publicKey.toMultihash().bytes))
    throw new AnnouncementError('The announcement is signed by another peer than it names.')
  const isValid = await envelope.validate(DOMAIN).catch(() => false)
  if (!isValid) throw new AnnouncementError('The signature of the announcement is not valid.')
  return announcement
}

/** Names of overlays and roles: what stands in a URL as it is. */
export const isName = (text: unknown): text is string =>
  typeof text === 'string' && text.length <= NAME_CHARACTERS_MAX && /^[a-z][a-z0-9-]*$/.test(text)

/** The one form: these fields in this order. */
const textOf = ({ peerId, addresses, overlays, issuedMs }: Announcement): string =>
  JSON.stringify({
    peerId,
    addresses,
    overlays: overlays.map(({ name, role }) => ({ name, role })),
    issuedMs
  })

/** The envelope bounds its length, and with it how deep it can be nested. */
function readPayload(payload: Uint8Array): Announcement {
  const text = Buffer.from(payload).toString('utf8')
  let read: Announcement
  try {
    read = JSON.parse(text)
    // By bytes: what is no UTF-8 is read as a character that stands for anything.
    if (Buffer.compare(Buffer.from(textOf(read)), payload) !== 0)
      throw new Error('it has other fields, or writes them otherwise')
  } catch (error) {
    throw new AnnouncementError(`The announcement cannot be read: ${(error as Error).message}.`)
  }
  const { addresses, overlays, issuedMs, peerId } = read
  if (typeof peerId !== 'string' || !Number.isSafeInteger(issuedMs) || issuedMs < 0)
    throw new AnnouncementError('The announcement names no peer or no time.')
  if (!Array.isArray(addresses) || addresses.length > CONTACT_ADDRESSES_MAX || !addresses.every(isAddress)) {
    throw new AnnouncementError(
      `An announcement has at most ${CONTACT_ADDRESSES_MAX} addresses, each a multiaddr of at most ${ADDRESS_BYTES_MAX} bytes.`
    )
  }
  if (
    overlays.length > ANNOUNCED_OVERLAYS_MAX ||
    !overlays.every(({ name, role }) => isName(name) && isName(role))
  ) {
    throw new AnnouncementError(
      `An announcement has at most ${ANNOUNCED_OVERLAYS_MAX} overlays, each with a name and a role of small letters, digits and -, at most ${NAME_CHARACTERS_MAX} of them.`
    )
  }
  return read
}

function isAddress(text: unknown): boolean {
  if (typeof text !== 'string') return false
  const address = readMultiaddr(text)
  return address !== undefined && address.bytes.length <= ADDRESS_BYTES_MAX
}

const tooLong = (length: number): AnnouncementError =>
  new AnnouncementError(`An announcement has at most ${ANNOUNCEMENT_BYTES_MAX} bytes, not ${length}.`)
