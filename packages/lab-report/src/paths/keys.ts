/** Places among keys, by their first 64 bits in hexadecimal. */

const BITS = 64
const ALL = 2n ** BigInt(BITS)

export const numberOf = (id: string): bigint => BigInt(`0x${id}`)

/** Where on a ring, from 0 to 1. */
export const turnOf = (id: string): number => Number(numberOf(id)) / Number(ALL)

/** How far it is clockwise from one to another, from 0 to 1. */
export const turnBetween = (from: string, to: string): number =>
  Number((numberOf(to) - numberOf(from) + ALL) % ALL) / Number(ALL)

export const bitsOf = (value: bigint): string => value.toString(2).padStart(BITS, '0')

/** Digits of so many bits each, written as hexadecimal ones. */
export function digitsOf(id: string, digitBits: number): string {
  const bits = bitsOf(numberOf(id))
  return Array.from({ length: BITS / digitBits }, (_, at) =>
    Number.parseInt(bits.slice(at * digitBits, (at + 1) * digitBits), 2).toString(16)
  ).join('')
}

/** How many signs two texts have in common at their beginning. */
export function shared(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length += 1
  return length
}

export const sharedBits = (a: string, b: string): number => shared(bitsOf(numberOf(a)), bitsOf(numberOf(b)))

export const xorOf = (a: string, b: string): bigint => numberOf(a) ^ numberOf(b)
