/**
 * Calls back: a sharer that cannot be dialled opens a stream to the peer that asked, says `GIVE <id>\r\n` as FastTrack's did
 * (giFT, packet 0D), and serves HTTP on it (`PushCalls` of the host). The id is the nonce of the Push, 32 hexadecimal digits.
 * The protocol is `/servent/fasttrack-push/1.0.0`.
 */
import type { CallWords } from '@servent/libp2p-host'

export const PUSH_PROTOCOL = '/servent/fasttrack-push/1.0.0'

export const giveWords: CallWords = {
  end: '\r\n',
  write: ({ nonce }) => `GIVE ${nonce}`,
  read: words => {
    const nonce = /^GIVE ([0-9a-f]{32})$/.exec(words)?.[1]
    return nonce === undefined ? undefined : { nonce, subject: '' }
  }
}
