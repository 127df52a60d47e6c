/** Answers that take time: one JSON object a line (`application/x-ndjson`), the last `done` or `error`. */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { problemOf } from '../problem.ts'

export const NDJSON = 'application/x-ndjson'

/**
 * Sends what `work` yields, as fast as the client reads. When the client goes, the signal ends the work: a
 * search nobody waits for is not asked further, a download pauses.
 */
export function sendEvents(
  reply: FastifyReply,
  work: (signal: AbortSignal) => AsyncIterable<object>
): FastifyReply {
  const lines = Readable.from(linesOf(work, goneSignal(reply)), { objectMode: false, highWaterMark: 16_384 })
  return reply.header('content-type', NDJSON).header('cache-control', 'no-store').send(lines)
}

/** Aborts when the client goes, or has its answer. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}

async function* linesOf(
  work: (signal: AbortSignal) => AsyncIterable<object>,
  signal: AbortSignal
): AsyncGenerator<string> {
  try {
    for await (const event of work(signal)) yield `${JSON.stringify(event)}\n`
  } catch (error) {
    if (!signal.aborted) yield `${JSON.stringify({ event: 'error', ...problemOf(error) })}\n`
  }
}
