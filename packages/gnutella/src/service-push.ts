/**
 * Calls back: whoever cannot be dialled opens a stream to the peer that asked, shows what it was asked with,
 * and serves HTTP on it (`PushCalls` of the host). The protocol is `/servent/gnutella-push/1.0.0`. The caller writes
 *
 *     GIV <index>:<servent GUID, 32 hexadecimal characters>/<name>\n
 *     Nonce: <32 hexadecimal characters>\n
 *     \n
 *
 * where the first and the last line are Gnutella's, and the nonce between them, which the Push carried, is ours.
 */
import type { CallWords } from '@servent/libp2p-host'
import type { Guid } from './messages.ts'

export const PUSH_PROTOCOL = '/servent/gnutella-push/1.0.0'

/** What a servent that gives a file of this index says. */
export const givSubject = (servent: Guid, index: number): string => `${index}:${servent}`

/** `servent` is the GUID of this peer, as it is when it calls. */
export function givWords(servent: () => Guid): CallWords {
  return {
    end: '\n\n',
    // A line must stay one, whatever a file is called.
    write: ({ index, name, nonce }) =>
      `GIV ${givSubject(servent(), index)}/${name.replace(/\p{Cc}/gu, ' ')}\nNonce: ${nonce}`,
    read: words => {
      const parts = /^GIV (\d{1,10}):([0-9a-f]{32})\/[^\n]*\nNonce: ([0-9a-f]{32})$/i.exec(words)
      if (parts === null) return undefined
      const [, index, guid, nonce] = parts
      return { nonce: nonce!.toLowerCase(), subject: givSubject(guid!.toLowerCase(), Number(index)) }
    }
  }
}
