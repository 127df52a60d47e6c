/** Streams that are made, broken and cut at random, as `fuzz-streams.ts` says. */
import { fuzzStreams } from '../../overlay/test/fuzz-streams.ts'
import { chordCodec } from '../src/wire.ts'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from '../src/wire-limits.ts'
import { message } from './wire-arbitraries.ts'

fuzzStreams({
  codec: chordCodec,
  message: message,
  fieldMax: 10,
  bufferedBytesMax: FRAME_BYTES_MAX + FRAME_LENGTH_BYTES_MAX
})
