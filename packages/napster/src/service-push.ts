/**
 * Firewalled sharers push: whoever cannot be called opens a stream to the peer that asked for it through the
 * servers (`relay` with kind `call`), shows what it was asked with, and serves HTTP on it (`PushCalls` of the host).
 * OpenNap's sharer says `SEND` and sends the bytes (napster.txt, 4.2); here follow requests, so that ranges and proofs
 * can be asked for. The protocol is `/servent/napster-push/1.0.0`, and the caller writes
 *
 *     SEND <number of the file> <nonce, 32 hexadecimal characters>\n
 */
import type { CallWords } from '@servent/libp2p-host'

export const PUSH_PROTOCOL = '/servent/napster-push/1.0.0'

export const sendWords: CallWords = {
  end: '\n',
  write: ({ index, nonce }) => `SEND ${index} ${nonce}`,
  read: words => {
    const parts = /^SEND (\d{1,10}) ([0-9a-f]{32})$/.exec(words)
    return parts === null ? undefined : { nonce: parts[2]!, subject: sendSubject(Number(parts[1])) }
  }
}

/** What a sharer of the file of this number says. */
export const sendSubject = (index: number): string => `${index}`
