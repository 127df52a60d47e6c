/** The 256-bit key space in which overlays place peers, contents and words, and can be compared. */
import { sha256 } from '@noble/hashes/sha2.js'
import type { ContentId } from './content-id.ts'

/** 32 bytes, most significant first. */
export type Key = Uint8Array

export const KEY_BYTES = 32

const WORD_PREFIX = 'servent/word/'

export function keyOfPeer(peerIdMultihash: Uint8Array): Key {
  return sha256(peerIdMultihash)
}

export function keyOfContent(id: ContentId): Key {
  return sha256(id.multihash)
}

export function keyOfWord(word: string): Key {
  return sha256(new TextEncoder().encode(WORD_PREFIX + word))
}
