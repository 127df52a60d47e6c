/** Talks to the API of a running node: over its unix socket where there is one, else over loopback. */
import { type IncomingMessage, request } from 'node:http'
import { readToken } from '../api/secret.ts'
import { type DaemonNotice, readNotice } from '../daemon/notice.ts'
import { type Problem, ProblemError } from '../problem.ts'

/** One line of an answer: a share of a folder names thousands of ids in its last. */
const LINE_CHARACTERS_MAX = 64 * 1024 * 1024

const GONE = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTSOCK', 'ECONNRESET', 'EPIPE'])

export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: object
  readonly signal?: AbortSignal
}

export class Client {
  readonly notice: DaemonNotice
  readonly #token: string

  private constructor(notice: DaemonNotice, token: string) {
    this.notice = notice
    this.#token = token
  }

  /** @throws ProblemError  no node says that it runs on this folder, or its token may not be read */
  static async connect(dataDir: string): Promise<Client> {
    const notice = await readNotice(dataDir)
    if (notice === undefined) throw noDaemon(`No node is running on ${dataDir}.`)
    return new Client(notice, await readToken(dataDir))
  }

  /** The whole answer. */
  async call<T>(call: Call): Promise<T> {
    const response = await this.#send(call)
    const text = await wholeText(response)
    const answer = text === '' ? undefined : parse(text)
    if (response.statusCode! >= 400) throw refusal(response, answer)
    return answer as T
  }

  /**
   * The events of a verb that takes time. Ending the loop ends the work in the node, too.
   *
   * @throws ProblemError  refused, failed midway, or the node ended before its work did
   */
  async *events<T extends { event: string }>(call: Call): AsyncGenerator<T> {
    const response = await this.#send(call)
    if (response.statusCode! >= 400) throw refusal(response, parse(await wholeText(response)))
    let last: string | undefined
    try {
      for await (const line of linesOf(response)) {
        const event = JSON.parse(line) as T & Problem
        if (event.event === 'error') {
          const { code, message, why, try: advice } = event
          throw new ProblemError({ code, message, ...(why && { why }), ...(advice && { try: advice }) })
        }
        last = event.event
        yield event
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
    } finally {
      response.destroy()
    }
    if (last === 'done') return
    call.signal?.throwIfAborted()
    throw new ProblemError({
      code: 'failed',
      message: 'The node ended before its answer did.',
      why: 'it was stopped, or it crashed',
      try: 'servent doctor, and the last lines of its log'
    })
  }

  #send({ method, path, body, signal }: Call): Promise<IncomingMessage> {
    const { socket, url } = this.notice
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const where =
      socket === undefined
        ? { host: new URL(url).hostname.replace(/^\[|\]$/g, ''), port: Number(new URL(url).port) }
        : { socketPath: socket, headers: { host: 'localhost' } }
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          ...where,
          method,
          path,
          ...(signal === undefined ? {} : { signal }),
          headers: {
            host: socket === undefined ? new URL(url).host : 'localhost',
            authorization: `Bearer ${this.#token}`,
            ...(bytes === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': bytes.length })
          },
          agent: false
        },
        resolve
      )
      sent.once('error', error => {
        const { code } = error as NodeJS.ErrnoException
        const gone = code !== undefined && GONE.has(code)
        reject(
          gone
            ? noDaemon(
                `The node of pid ${this.notice.pid} does not answer at ${socket ?? url}.`,
                'it crashed or was killed'
              )
            : error
        )
      })
      sent.end(bytes)
    })
  }
}

function noDaemon(message: string, why?: string): ProblemError {
  return new ProblemError({
    code: 'no-daemon',
    message,
    ...(why === undefined ? {} : { why }),
    try: 'servent start'
  })
}

function refusal(response: IncomingMessage, answer: unknown): ProblemError {
  const problem = (answer as { error?: Problem } | undefined)?.error
  if (problem?.code !== undefined) return new ProblemError(problem)
  return new ProblemError({
    code: 'failed',
    message: `The node answered with status ${response.statusCode}.`
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function wholeText(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response) text += chunk
  return text
}

/** Lines parted by newlines alone: `node:readline` parts them at U+2028, too, which may stand in a name. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding('utf8')
  let rest = ''
  for await (const chunk of response) {
    rest += chunk
    if (rest.length > LINE_CHARACTERS_MAX) throw new Error('The node sent a line without end.')
    const lines = rest.split('\n')
    rest = lines.pop()!
    yield* lines
  }
}
