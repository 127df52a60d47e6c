/** One request of HTTP to an introducer: no redirect is followed, no proxy used, and no more is read than is wanted. */
import { type ClientRequest, type IncomingMessage, request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'
import { IntroducerError } from './errors.ts'
import { ANSWER_BYTES_MAX, WHY_CHARACTERS_MAX } from './limits.ts'

export interface HttpRequest {
  readonly url: URL
  /** JSON; it is a POST then. */
  readonly body?: string
  /** Of IP, where the other one will not do. */
  readonly family?: 4 | 6
  /** From which of this machine's addresses. */
  readonly localAddress?: string
  readonly signal: AbortSignal
}

export interface HttpAnswer {
  readonly body: string
  /** Of the introducer. */
  readonly remoteAddress: string | undefined
}

/**
 * The body of an answer with status 200.
 *
 * @throws IntroducerError  nobody answers, it refuses, or it says more than `ANSWER_BYTES_MAX`
 */
export async function askHttp(asked: HttpRequest): Promise<HttpAnswer> {
  try {
    const response = await responseTo(asked)
    const { remoteAddress } = response.socket
    const body = await readBody(response)
    if (response.statusCode !== 200) throw refusal(response, body)
    return { body, remoteAddress }
  } catch (error) {
    const { name, message } = error as Error
    if (name === 'IntroducerError') throw error
    if (asked.signal.aborted) throw new IntroducerError('It did not answer in time.')
    throw new IntroducerError(`It cannot be asked: ${message}.`)
  }
}

function responseTo({ url, body, family, localAddress, signal }: HttpRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? overHttps : overHttp
    const request: ClientRequest = send(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'application/json',
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      },
      // A connection of its own, which ends with the answer.
      agent: false,
      signal,
      ...(family === undefined ? {} : { family }),
      ...(localAddress === undefined ? {} : { localAddress })
    })
    request.once('response', resolve).once('error', reject).end(body)
  })
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX)
      throw new IntroducerError(`Its answer has more than ${ANSWER_BYTES_MAX} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** What it says are a stranger's words: they are cut, and whoever shows them makes them safe. */
function refusal({ statusCode, headers }: IncomingMessage, body: string): IntroducerError {
  let said: { code?: unknown; message?: unknown; try?: unknown } = {}
  try {
    said = (JSON.parse(body) as { error: typeof said }).error ?? {}
  } catch {}
  const seconds = Number(headers['retry-after'])
  const why = typeof said.message === 'string' ? `: ${said.message.slice(0, WHY_CHARACTERS_MAX)}` : '.'
  const advice = typeof said.try === 'string' ? ` Try: ${said.try.slice(0, WHY_CHARACTERS_MAX)}.` : ''
  return new IntroducerError(`It refuses (${statusCode})${why}${advice}`, {
    ...(Number.isFinite(seconds) && seconds > 0 ? { retryMs: seconds * 1000 } : {}),
    ...(typeof said.code === 'string' ? { code: said.code.slice(0, WHY_CHARACTERS_MAX) } : {})
  })
}
