/**
 * A signed answer of an introducer, as JSON:
 *
 *     { "answer": "<JSON as a text>", "publicKey": "<base64url>", "signature": "<base64url>" }
 *
 * The signature is over `servent-introducer-answer` and a line feed, and the text of `answer` in UTF-8, with the key
 * of the introducer (in libp2p's protobuf). The answer repeats the question, with the nonce that the client chose,
 * and says when it was given, so that it answers nothing else and at no other time.
 */
import { publicKeyFromProtobuf, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey, PublicKey } from '@libp2p/interface'
import { peerIdText } from '@servent/overlay'
import type { OverlayRole } from './announcement.ts'
import { IntroducerError } from './errors.ts'
import { ANSWER_PEERS_MAX, ANSWER_SKEW_MS_MAX } from './limits.ts'

const DOMAIN = 'servent-introducer-answer\n'

/** What was asked for, as the introducer understood it. */
export interface Question {
  /** Any of them; none is all that there are. */
  readonly overlays: readonly string[]
  readonly role?: string
  readonly limit: number
  readonly nonce?: string
}

export interface AnswerHead {
  readonly introducer: string
  /** Milliseconds since 1970. */
  readonly issuedMs: number
  /** The address that the request came from. */
  readonly seen: string
}

export interface AnsweredPeer {
  /** What the peer itself signed, in base64url. */
  readonly announcement: string
  /** Of its addresses, those at which the introducer called it. */
  readonly addresses: readonly string[]
  readonly provenMs: number
}

export interface PeersAnswer extends AnswerHead {
  readonly question: Question
  readonly peers: readonly AnsweredPeer[]
}

export interface AnnounceAnswer extends AnswerHead {
  readonly peerId: string
  readonly overlays: readonly OverlayRole[]
  /** At which others will be sent; none after a withdrawal. */
  readonly addresses: readonly string[]
  /** After which the peer should announce itself again. */
  readonly againMs: number
}

export async function signAnswer(answer: AnswerHead, privateKey: PrivateKey): Promise<string> {
  const text = JSON.stringify(answer)
  const signature = await privateKey.sign(signedBytes(text))
  return JSON.stringify({
    answer: text,
    publicKey: base64url(publicKeyToProtobuf(privateKey.publicKey)),
    signature: base64url(signature)
  })
}

/**
 * The answer in a body, signed by the key that it names. Whether that is the right introducer's the caller knows.
 *
 * @throws IntroducerError  it is not signed so, or not of now
 */
export async function openAnswer<Answer extends AnswerHead>(body: string, nowMs: number): Promise<Answer> {
  let text: string
  let key: PublicKey
  let signature: Uint8Array
  try {
    const sealed = JSON.parse(body) as Record<string, string>
    text = sealed.answer!
    key = publicKeyFromProtobuf(bytesOf(sealed.publicKey!))
    signature = bytesOf(sealed.signature!)
  } catch {
    throw new IntroducerError('Its answer is not signed: what answers there is no introducer.')
  }
  if (!(await isSigned(key, text, signature)))
    throw new IntroducerError('The signature of its answer is not valid.')
  const answer = readAnswer<Answer>(text)
  if (answer.introducer !== peerIdText(key.toMultihash().bytes))
    throw new IntroducerError('Its answer is signed by another key than it names.')
  if (!(Math.abs(answer.issuedMs - nowMs) <= ANSWER_SKEW_MS_MAX)) {
    throw new IntroducerError(
      `Its answer is of another time: ${shownTime(answer.issuedMs)}, and here it is ${shownTime(nowMs)}. Check the clock of this machine.`
    )
  }
  return answer
}

/** A signature of another length than the key's throws. */
async function isSigned(key: PublicKey, text: string, signature: Uint8Array): Promise<boolean> {
  try {
    return await key.verify(signedBytes(text), signature)
  } catch {
    return false
  }
}

/** An introducer may sign what it likes. */
function readAnswer<Answer extends AnswerHead>(text: string): Answer {
  try {
    const answer = JSON.parse(text) as Answer | null
    if (typeof answer?.seen === 'string' && Number.isSafeInteger(answer.issuedMs)) return answer
  } catch {}
  throw new IntroducerError('Its answer cannot be read.')
}

/** @throws IntroducerError  it answers another question, or cannot be read */
export function checkPeers(answer: PeersAnswer, asked: Question): readonly AnsweredPeer[] {
  if (JSON.stringify(answer.question) !== JSON.stringify(asked))
    throw new IntroducerError('It answers another question than was asked: an answer may have been replayed.')
  const { peers } = answer
  const isPeer = (peer: AnsweredPeer | null) =>
    typeof peer?.announcement === 'string' &&
    Array.isArray(peer.addresses) &&
    peer.addresses.every(address => typeof address === 'string')
  if (!Array.isArray(peers) || peers.length > ANSWER_PEERS_MAX || !peers.every(isPeer))
    throw new IntroducerError('Its list of peers cannot be read, or is too long.')
  return peers
}

export const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))

const signedBytes = (text: string): Uint8Array => new TextEncoder().encode(DOMAIN + text)

const shownTime = (ms: number): string =>
  Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : 'none that there is'
