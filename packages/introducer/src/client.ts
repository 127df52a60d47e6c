/**
 * What a peer asks of one introducer. Its answers must be signed by the key that its URL names, or, where that names
 * none, by the key that signed its first: one that comes with another key later is not believed.
 */
import { randomBytes } from 'node:crypto'
import { multiaddrOfSocket, type Scope, scopeOf } from './addresses.ts'
import {
  type AnnounceAnswer,
  type AnsweredPeer,
  type AnswerHead,
  base64url,
  checkPeers,
  openAnswer,
  type PeersAnswer
} from './answer.ts'
import { IntroducerError } from './errors.ts'
import { askHttp, type HttpRequest } from './http-request.ts'
import { ANNOUNCE_MS, ANSWER_PEERS_MAX, ASK_MS } from './limits.ts'
import { queryOf, questionOf } from './question.ts'
import type { IntroducerUrl } from './url.ts'

const NONCE_BYTES = 16

/** Keys of introducers that were met before, by the base of their URLs. */
export interface KeyMemory {
  keyOf(base: string): string | undefined
  keepKey(base: string, peerId: string): void
}

export interface ClientInit {
  readonly url: IntroducerUrl
  readonly keys: KeyMemory
  /** Milliseconds since 1970. */
  readonly wallMs: () => number
  /** From which of this machine's addresses; by default the system chooses. */
  readonly localAddress?: string
}

export interface Asked {
  readonly peers: readonly AnsweredPeer[]
  /** As the introducer sees this peer: a multiaddr of IP alone. */
  readonly seen: string
  /** Where the introducer itself is, as its connection tells. */
  readonly scope: Scope
}

export class IntroducerClient {
  readonly base: string
  readonly #init: ClientInit

  constructor(init: ClientInit) {
    this.#init = init
    this.base = init.url.base
  }

  /**
   * @param role  of those who are asked for, in any of the overlays; whoever is in one where it is not said
   * @throws IntroducerError
   */
  async ask(overlays: readonly string[], role: string | undefined, signal: AbortSignal): Promise<Asked> {
    const question = questionOf({
      ...{ overlays, role },
      limit: ANSWER_PEERS_MAX,
      nonce: base64url(randomBytes(NONCE_BYTES))
    })
    const url = new URL(`v1/peers?${queryOf(question)}`, this.base)
    const { answer, remoteAddress } = await this.#request<PeersAnswer>({ url, signal }, ASK_MS)
    const at = multiaddrOfSocket(remoteAddress)
    return {
      peers: checkPeers(answer, question),
      seen: answer.seen,
      scope: at === undefined ? 'public' : scopeOf(at)
    }
  }

  /**
   * @param family  of the addresses that are to be listed: the introducer calls back where the request comes from
   * @throws IntroducerError
   */
  async announce(sealed: Uint8Array, family: 4 | 6, signal: AbortSignal): Promise<AnnounceAnswer> {
    const url = new URL('v1/announce', this.base)
    const body = JSON.stringify({ announcement: base64url(sealed) })
    const { answer } = await this.#request<AnnounceAnswer>({ url, body, family, signal }, ANNOUNCE_MS)
    if (!Array.isArray(answer.addresses) || !Number.isSafeInteger(answer.againMs))
      throw new IntroducerError('Its answer to an announcement cannot be read.')
    return answer
  }

  async #request<Answer extends AnswerHead>(asked: HttpRequest, withinMs: number) {
    const { localAddress, wallMs } = this.#init
    const { body, remoteAddress } = await askHttp({
      ...asked,
      ...(localAddress === undefined ? {} : { localAddress }),
      signal: AbortSignal.any([asked.signal, AbortSignal.timeout(withinMs)])
    })
    const answer = await openAnswer<Answer>(body, wallMs())
    this.#checkKey(answer.introducer)
    return { answer, remoteAddress }
  }

  #checkKey(peerId: string): void {
    const { url, keys } = this.#init
    const { base, pinned } = url
    const known = pinned ?? keys.keyOf(base)
    if (known === undefined || (pinned === peerId && keys.keyOf(base) !== peerId)) keys.keepKey(base, peerId)
    if (known === undefined || known === peerId) return
    const before = pinned === undefined ? 'it had the key of' : 'its URL names'
    throw new IntroducerError(
      `It signs with the key of ${peerId}, and ${before} ${known}: somebody may stand in its place. If its operator says that the key is new, name it by ${base}#${peerId}`,
      { code: 'other-key' }
    )
  }
}
