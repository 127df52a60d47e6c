/** Streams that are made, broken and cut at random, as `fuzz-streams.ts` says. */
import { fuzzStreams } from '../../overlay/test/fuzz-streams.ts'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from '../src/constants.ts'
import { fasttrackCodec } from '../src/wire.ts'
import { message } from './wire-arbitraries.ts'

fuzzStreams({
  codec: fasttrackCodec,
  message: message,
  fieldMax: 16,
  bufferedBytesMax: FRAME_BYTES_MAX + FRAME_LENGTH_BYTES_MAX
})
