/** Talks to the API of a running node: over its unix socket where there is one, else over loopback. */
import { type IncomingMessage, type RequestOptions, request } from 'node:http'
import { readToken, tokenFile } from '../api/secret.ts'
import { type DaemonNotice, readNotice } from '../daemon/notice.ts'
import { type Problem, ProblemError, problemOf } from '../problem.ts'

/** One line of an answer: a share of a folder names thousands of ids in its last. */
const LINE_CHARACTERS_MAX = 64 * 1024 * 1024

const GONE = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTSOCK', 'ECONNRESET', 'EPIPE'])
/** A node that takes longer counts as one that is there. */
const HEALTH_MS_MAX = 5_000

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
    try {
      return new Client(notice, await readToken(dataDir))
    } catch (error) {
      // A killed node leaves its notice: what is wrong with the token then is for the next start to mend.
      if (!(await answers(notice))) throw silent(notice)
      throw withoutToken(notice, dataDir, error)
    }
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
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          ...placeOf(this.notice),
          method,
          path,
          ...(signal === undefined ? {} : { signal }),
          headers: {
            host: hostOf(this.notice),
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
        reject(gone ? silent(this.notice) : error)
      })
      sent.end(bytes)
    })
  }
}

/** Whether the node that wrote the notice is there still: after a crash nobody answers. Needs no token. */
export function answers(notice: DaemonNotice): Promise<boolean> {
  return new Promise(resolve => {
    const asked = request(
      {
        ...placeOf(notice),
        path: '/health',
        headers: { host: hostOf(notice) },
        agent: false,
        timeout: HEALTH_MS_MAX
      },
      response => {
        response.resume()
        resolve(response.statusCode === 200)
      }
    )
    // A node too busy to answer is there; a connection that is refused is nobody's.
    asked.once('timeout', () => {
      resolve(true)
      asked.destroy()
    })
    asked.once('error', error => resolve(!GONE.has((error as NodeJS.ErrnoException).code ?? '')))
    asked.end()
  })
}

function placeOf({ socket, url }: DaemonNotice): RequestOptions {
  if (socket !== undefined) return { socketPath: socket }
  const { hostname, port } = new URL(url)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/** The value of the header Host: the socket has no address of its own. */
const hostOf = ({ socket, url }: DaemonNotice): string =>
  socket === undefined ? new URL(url).host : 'localhost'

const silent = ({ pid, socket, url }: DaemonNotice): ProblemError =>
  noDaemon(`The node of pid ${pid} does not answer at ${socket ?? url}.`, 'it crashed or was killed')

/** The node runs and nobody can command it: only its end and a new start give it a token again. */
function withoutToken({ pid }: DaemonNotice, dataDir: string, error: unknown): Error {
  const end = `end the node (kill ${pid}), then servent start`
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
    return new ProblemError({
      code: 'no-token',
      message: `The node of pid ${pid} runs, and its token ${tokenFile(dataDir)} is gone.`,
      why: 'without it nobody can command the node',
      try: end
    })
  }
  const { try: _, ...problem } = problemOf(error)
  return new ProblemError({ ...problem, try: `rm ${tokenFile(dataDir)}, ${end}` })
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
