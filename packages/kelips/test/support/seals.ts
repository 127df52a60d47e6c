/**
 * Signatures that only their signer is asked for, at a hash's price: networks in which somebody lies answer `sign` and
 * `check` by them. And peers that are written by hand: chains of SHA-256, with lives and tuples that are signed so.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { type Contact, keyOfPeer, type Peer, sameBytes } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { OwnChain, SHA_CHAIN } from '../../src/chain.ts'
import { HEARTBEAT_MS, PEER_PREFIX_BYTES, PREFIX_BYTES } from '../../src/constants.ts'
import type { Beat, PeerLife, PeerTuple } from '../../src/messages.ts'
import { lifeStatement, tupleStatement } from '../../src/statements.ts'
import type { KelipsQuestion, KelipsTypes } from '../../src/types.ts'
import { NOW_MS, tupleOf } from './lone.ts'
import { answerOf } from './network.ts'

const SEAL_BYTES = 16

export function seal(signer: Uint8Array, statement: Uint8Array): Uint8Array {
  return sha256(Uint8Array.of(signer.length, ...signer, ...statement)).slice(0, SEAL_BYTES)
}

/** Whose machine asks signs as itself, and cannot sign as anybody else. */
export function answerSealed(question: KelipsQuestion, asker: Contact): KelipsTypes['answer'] {
  switch (question.type) {
    case 'sign':
      return { type: 'signed', signatures: question.statements.map(statement => seal(asker.id, statement)) }
    case 'check':
      return {
        type: 'checked',
        good: question.signed.map(({ signer, statement, signature }) =>
          sameBytes(signature, seal(signer, statement))
        )
      }
    default:
      return answerOf(question)
  }
}

/** A peer by its number, as others hear of it. */
export class Author {
  readonly contact: Contact
  readonly chain: OwnChain
  readonly #seal: (statement: Uint8Array) => Uint8Array

  constructor(number: Peer, startS = NOW_MS / 1000) {
    this.contact = testContact(number)
    this.chain = new OwnChain(SHA_CHAIN, new Uint8Array(PREFIX_BYTES).fill(number), startS, 0, HEARTBEAT_MS)
    this.#seal = statement => seal(this.contact.id, statement)
  }

  life(beat = 0, own: Partial<PeerLife> = {}): PeerLife {
    const { chain, contact } = this
    return {
      contact,
      startS: chain.startS,
      beat,
      value: chain.valueAt(beat),
      signature: this.#seal(lifeStatement(chain.startS, chain.anchor, HEARTBEAT_MS)),
      level: 0,
      ...own
    }
  }

  beat(beat: number, value = this.chain.valueAt(beat)): Beat {
    return { peer: keyOfPeer(this.contact.id).slice(0, PEER_PREFIX_BYTES), beat, value }
  }

  tuple(key: number, own: Partial<PeerTuple> = {}): PeerTuple {
    const tuple = { ...tupleOf(0, key), provider: this.contact, ...own }
    return { ...tuple, signature: own.signature ?? this.#seal(tupleStatement(tuple)) }
  }
}
