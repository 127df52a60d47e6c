/** Turns of the codec that other tests take by chance alone. */
import { expect, it } from 'vitest'
import { PATCH_HEADER_BYTES } from '../src/tier-constants.ts'
import { encode, GUID, roundTrip } from './bytes-of.ts'

it('a patch says in its third byte after the variant whether it is compressed', () => {
  const patch = {
    type: 'table-patch',
    guid: GUID,
    ttl: 1,
    hops: 0,
    number: 1,
    count: 1,
    entryBits: 8,
    data: Uint8Array.of(5, 6)
  } as const
  const after = (compressed: boolean) => [...encode({ ...patch, compressed }).subarray(23)]
  expect(after(false)).toEqual([1, 1, 1, 0, 8, 5, 6])
  expect(after(true)).toEqual([1, 1, 1, 1, 8, 5, 6])
  expect(after(true)).toHaveLength(PATCH_HEADER_BYTES + 2)
  for (const compressed of [false, true])
    expect(roundTrip({ ...patch, compressed })).toEqual({ ...patch, compressed })
})
