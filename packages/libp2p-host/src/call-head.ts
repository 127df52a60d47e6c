/** The first words of a peer that calls: read up to their end, within their bounds, and not a byte further. */
import type { Duplex } from 'node:stream'
import { PushError } from './errors.ts'
import { CALL_HEAD_BYTES_MAX, CALL_HEAD_MS } from './push-limits.ts'

/**
 * The text before the first `end`. What follows it stays in the stream.
 *
 * @throws PushError  it is too long, or did not come in time, or the stream ended before
 */
export function readCallHead(duplex: Duplex, end: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0)
    const timer = setTimeout(
      () => settle(new PushError('The caller did not say who it is in time.')),
      CALL_HEAD_MS
    )
    const settle = (error?: PushError, text = '') => {
      clearTimeout(timer)
      duplex.off('readable', onReadable).off('end', onEnd).off('close', onEnd)
      if (error === undefined) resolve(text)
      else reject(error)
    }
    const onEnd = () => settle(new PushError('The caller went away before it said who it is.'))
    const onReadable = () => {
      for (
        let chunk = duplex.read() as Buffer | null;
        chunk !== null;
        chunk = duplex.read() as Buffer | null
      ) {
        head = Buffer.concat([head, chunk])
        const at = head.indexOf(end)
        if (at >= 0 && at <= CALL_HEAD_BYTES_MAX) {
          settle(undefined, head.toString('utf8', 0, at))
          if (head.length > at + end.length) duplex.unshift(head.subarray(at + end.length))
          return
        }
        // Past the limit only the end may stand, which may have come in part.
        if (!end.startsWith(head.toString('latin1', CALL_HEAD_BYTES_MAX))) {
          settle(new PushError(`The caller said over ${CALL_HEAD_BYTES_MAX} bytes before it said who it is.`))
          return
        }
      }
    }
    duplex.on('readable', onReadable).on('end', onEnd).on('close', onEnd)
    onReadable()
  })
}
