/** The metric of Kademlia (paper section 2.1), without making a distance of each key. */
import { KEY_BYTES, type Key, keyBit, type RandomSource, randomBytes } from '@servent/overlay/machine'

/** Negative where `a` is nearer to the key than `b`, 0 where they are equal. */
export function compareXor(key: Key, a: Key, b: Key): number {
  for (let index = 0; index < KEY_BYTES; index += 1) {
    const [one, other] = [a[index]!, b[index]!]
    // The first byte in which they differ decides.
    if (one !== other) return (one ^ key[index]!) - (other ^ key[index]!)
  }
  return 0
}

/** A random key that shares exactly so many bits with this one: where a bucket's peers are looked for. */
export function randomKeyWithPrefix(own: Key, prefixBits: number, random: RandomSource): Key {
  const key = randomBytes(random, KEY_BYTES)
  for (let bit = 0; bit <= prefixBits; bit += 1) {
    const wanted = bit === prefixBits ? 1 - keyBit(own, bit) : keyBit(own, bit)
    const mask = 1 << (7 - (bit & 7))
    key[bit >> 3] = wanted === 1 ? key[bit >> 3]! | mask : key[bit >> 3]! & ~mask
  }
  return key
}
