/** Prices each message alike: for tests that are not about bytes. */
import type { Codec } from '@servent/overlay/machine'
import type { PastryMessage } from '../../src/machine.ts'

export const plainCodec: Codec<PastryMessage> = {
  byteLength: () => 100,
  typeOf: ({ type }) => type,
  open: () => {
    throw new Error('Nothing is encoded in a simulation.')
  }
}
