/** The signed word of a relay that it takes calls for a peer: RFC 0002's envelope around a reservation voucher. */
import type { PeerId, PrivateKey, Record } from '@libp2p/interface'
import { RecordEnvelope } from '@libp2p/peer-record'
import { encodeVoucher } from './wire.ts'

const DOMAIN = 'libp2p-relay-rsvp'
const PAYLOAD_TYPE = Uint8Array.of(0x03, 0x02)

/** An envelope's bytes. `expire` in seconds since 1970. */
export async function sealVoucher(
  relay: PeerId,
  peer: PeerId,
  expire: bigint,
  privateKey: PrivateKey
): Promise<Uint8Array> {
  const payload = encodeVoucher(relay.toMultihash().bytes, peer.toMultihash().bytes, expire)
  const record: Record = { domain: DOMAIN, codec: PAYLOAD_TYPE, marshal: () => payload, equals: () => false }
  return (await RecordEnvelope.seal(record, privateKey)).marshal()
}
