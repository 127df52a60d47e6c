/**
 * An introducer's HTTP server: `POST /v1/announce`, `GET /v1/peers`, `GET /health`, and a sentence for people at `/`.
 *
 * Plain HTTP, for the answers are signed. It must see the addresses of those who ask, so it cannot stand behind a proxy:
 * what a header says of an address is not believed.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { PrivateKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddrOfSocket, placeOf } from './addresses.ts'
import { bytesOf, signAnswer } from './answer.ts'
import { RefusedError } from './errors.ts'
import type { Introducer } from './introducer.ts'
import {
  REQUEST_BODY_BYTES_MAX,
  REQUEST_HEADER_BYTES_MAX,
  REQUESTS_PER_CONNECTION_MAX,
  type ServerLimits,
  TARGET_CHARACTERS_MAX
} from './limits.ts'
import { readQuestion } from './question.ts'
import { type Kind, Rates } from './rates.ts'

/** How often Node looks for requests that take too long. */
const LOOK_MS = 1_000
const KEEP_ALIVE_MS = 5_000

const SENTENCE =
  'This is an introducer of Servent peers. Begin with: servent start --introducer http://HOST:PORT/#PEERID\n'

export interface ServerInit {
  readonly introducer: Introducer
  readonly privateKey: PrivateKey
  readonly limits: ServerLimits
  /** On a clock that does not jump. */
  readonly nowMs: () => number
  readonly onEvent: (event: ServerEvent) => void
}

/** What happened, for a log. */
export type ServerEvent =
  | { readonly event: 'announced'; readonly peerId: string; readonly addresses: readonly string[] }
  | { readonly event: 'withdrawn'; readonly peerId: string }
  | { readonly event: 'refused'; readonly from: string; readonly code: string; readonly message: string }

export class IntroducerServer {
  readonly #init: ServerInit
  readonly #rates: Rates
  readonly #server: Server
  /** Open connections, by the network at their other end. */
  readonly #connections = new Map<string, number>()

  constructor(init: ServerInit) {
    const { limits } = init
    this.#init = init
    this.#rates = new Rates(limits, init.nowMs())
    this.#server = createServer(
      {
        headersTimeout: limits.headersMs,
        requestTimeout: limits.requestMs,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: LOOK_MS,
        maxHeaderSize: REQUEST_HEADER_BYTES_MAX
      },
      (request, response) => void this.#answer(request, response)
    )
    this.#server.maxConnections = limits.connectionsMax
    this.#server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION_MAX
    this.#server.setTimeout(limits.idleMs, socket => socket.destroy())
    this.#server.on('connection', socket => this.#connected(socket))
    // Who sends no HTTP gets no answer that would cost more than the request.
    this.#server.on('clientError', (_error, socket) => socket.destroy())
  }

  /** Without a host on all interfaces, of both families where there are both. Gives the port. */
  async listen(port: number, host?: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    return (this.#server.address() as { port: number }).port
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  #connected(socket: Socket): void {
    const from = multiaddrOfSocket(socket.remoteAddress)
    if (from === undefined) return void socket.destroy()
    const place = placeOf(from)
    if (this.#rates.isInDebt(place, this.#init.nowMs())) return void socket.destroy()
    const { network, isPrivate } = place
    const { connectionsPerNetworkMax, connectionsPerPrivateHostMax } = this.#init.limits
    const open = this.#connections.get(network) ?? 0
    if (open >= (isPrivate ? connectionsPerPrivateHostMax : connectionsPerNetworkMax))
      return void socket.destroy()
    this.#connections.set(network, open + 1)
    socket.once('close', () => {
      const left = this.#connections.get(network)! - 1
      if (left === 0) this.#connections.delete(network)
      else this.#connections.set(network, left)
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const from = multiaddrOfSocket(request.socket.remoteAddress)
    // Also over a connection that was open before.
    if (from === undefined || this.#rates.isInDebt(placeOf(from), this.#init.nowMs()))
      return void request.socket.destroy()
    try {
      await this.#route(request, response, from)
    } catch (error) {
      const refused =
        (error as Error).name === 'RefusedError'
          ? (error as RefusedError)
          : new RefusedError(500, 'failed', 'This introducer failed.', 'the same request again later')
      const { code, message } = refused
      if (code !== 'too-many') this.#init.onEvent({ event: 'refused', from: from.toString(), code, message })
      refuse(response, refused)
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, from: Multiaddr): Promise<void> {
    const { introducer, privateKey } = this.#init
    const { method = '', url = '' } = request
    const kind: Kind = method === 'POST' ? 'announcement' : 'question'
    const waitMs = this.#rates.take(placeOf(from), kind, this.#init.nowMs())
    if (waitMs > 0) {
      throw new RefusedError(
        429,
        'too-many',
        'There are too many requests from your network, or from all.',
        'the same request again later',
        waitMs
      )
    }
    if (url.length > TARGET_CHARACTERS_MAX) {
      throw new RefusedError(
        414,
        'too-long',
        `A request has at most ${TARGET_CHARACTERS_MAX} characters.`,
        'ask for fewer overlays'
      )
    }
    const { path, query } = parted(url)
    const allowed = ROUTES[path]
    if (allowed === undefined) {
      throw new RefusedError(404, 'not-found', 'There is no such thing here.', 'GET /v1/peers?limit=20')
    }
    if (method !== allowed) {
      response.setHeader('allow', allowed)
      throw new RefusedError(405, 'method', `${path} takes ${allowed} alone.`, `${allowed} ${path}`)
    }
    if (path === '/') return send(response, 200, SENTENCE, 'text/plain; charset=utf-8')
    if (path === '/health')
      return send(response, 200, JSON.stringify({ status: 'ok', peers: introducer.size() }))
    if (path === '/v1/peers') {
      const answer = introducer.peers(readQuestion(query), from)
      return send(response, 200, await signAnswer(answer, privateKey))
    }
    const answer = await introducer.announce(await readAnnouncement(request), from)
    const { peerId, addresses } = answer
    this.#init.onEvent(
      addresses.length === 0 ? { event: 'withdrawn', peerId } : { event: 'announced', peerId, addresses }
    )
    send(response, 200, await signAnswer(answer, privateKey))
  }
}

/** Paths with the one method that each takes. */
const ROUTES: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  '/': 'GET',
  '/health': 'GET',
  '/v1/peers': 'GET',
  '/v1/announce': 'POST'
})

function parted(target: string): { path: string; query: URLSearchParams } {
  const mark = target.indexOf('?')
  if (mark === -1) return { path: target, query: new URLSearchParams() }
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) }
}

/** @throws RefusedError */
async function readAnnouncement(request: IncomingMessage): Promise<Uint8Array> {
  // No form of a web page can send this type.
  if (request.headers['content-type']?.split(';')[0]?.trim() !== 'application/json') {
    throw new RefusedError(415, 'no-json', 'An announcement is JSON.', 'send content-type: application/json')
  }
  const text = (await readBody(request)).toString('utf8')
  let announcement: unknown
  try {
    announcement = (JSON.parse(text) as { announcement: unknown }).announcement
  } catch {}
  if (typeof announcement === 'string') return bytesOf(announcement)
  throw new RefusedError(
    400,
    'malformed',
    'The request is not {"announcement": "…"}.',
    'announce yourself by servent start --introducer URL'
  )
}

/** @throws RefusedError  it is, or says that it is, longer than `REQUEST_BODY_BYTES_MAX` */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLong = () =>
    new RefusedError(
      413,
      'too-large',
      `A request has at most ${REQUEST_BODY_BYTES_MAX} bytes.`,
      'announce fewer addresses and overlays'
    )
  if (Number(request.headers['content-length'] ?? 0) > REQUEST_BODY_BYTES_MAX) throw tooLong()
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > REQUEST_BODY_BYTES_MAX) throw tooLong()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'application/json; charset=utf-8'
): void {
  if (response.destroyed || response.headersSent) return
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'"
  })
  response.end(body)
}

function refuse(
  response: ServerResponse,
  { status, code, message, try: advice, retryMs }: RefusedError
): void {
  if (response.destroyed || response.headersSent) return
  if (retryMs !== undefined) response.setHeader('retry-after', Math.ceil(retryMs / 1000))
  // What is still to come of the request is not waited for.
  response.setHeader('connection', 'close')
  send(response, status, JSON.stringify({ error: { code, message, try: advice } }))
}
