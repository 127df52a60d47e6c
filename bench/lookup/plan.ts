/** Who has what, who asks for what, and who dies: drawn from one seed, so that every side has the same work. */
import { createHash } from 'node:crypto'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as Digest from 'multiformats/hashes/digest'

const SHA2_256 = 0x12

export interface Lookup {
  readonly asker: number
  readonly content: number
  /** The one peer that has it. */
  readonly provider: number
}

const digest = (text: string) => createHash('sha256').update(text).digest()

export function keyOf(seed: string, peer: number): Promise<Ed25519PrivateKey> {
  return generateKeyPairFromSeed('Ed25519', digest(`${seed} peer ${peer}`))
}

export function contentOf(seed: string, content: number): CID {
  return CID.createV1(raw.code, Digest.create(SHA2_256, digest(`${seed} content ${content}`)))
}

/** Whole numbers in [0, bound), the same for the same seed and label. */
export function draws(seed: string, label: string): (bound: number) => number {
  let drawn = 0
  return bound => digest(`${seed} ${label} ${drawn++}`).readUInt32BE() % bound
}

/** Peers that each peer is told of when it comes: up to `count` of those before it, so that nobody is a hub. */
export function introductions(seed: string, peers: number, count: number): number[][] {
  const below = draws(seed, 'introductions')
  return Array.from({ length: peers }, (_, peer) => {
    const known = new Set<number>()
    while (known.size < Math.min(peer, count)) known.add(below(peer))
    return [...known]
  })
}

/** Content `c` is at peer `c modulo peers`. Nobody asks for its own, and no peer that is not `alive` takes part. */
export function lookups(
  seed: string,
  label: string,
  init: { count: number; peers: number; contents: number; alive: (peer: number) => boolean }
): Lookup[] {
  const below = draws(seed, label)
  const drawn: Lookup[] = []
  while (drawn.length < init.count) {
    const content = below(init.contents)
    const asker = below(init.peers)
    const provider = content % init.peers
    if (asker !== provider && init.alive(asker) && init.alive(provider))
      drawn.push({ asker, content, provider })
  }
  return drawn
}
