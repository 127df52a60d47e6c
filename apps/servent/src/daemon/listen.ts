/**
 * Opens the local API on loopback and on a unix socket in the data folder. What answers is loaded when the
 * first request comes: a node that nobody asks starts sooner and is smaller.
 */
import { chmod, rm } from 'node:fs/promises'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse
} from 'node:http'
import type { ListenOptions } from 'node:net'
import { join } from 'node:path'
import { type Endpoint, endpointOf, type ServentNode } from '@servent/node'
import type { Api } from '../api/server.ts'
import { ProblemError } from '../problem.ts'

/** Bytes of a path that a unix socket's address holds with its closing zero: 108 on Linux, 104 on macOS. */
export const SOCKET_PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103
const SOCKET_MODE = 0o600
const SOCKET_NAME = 'api.sock'
/** The value of the header Host for requests over the socket, which has no address of its own. */
const SOCKET_HOST = 'localhost'
/**
 * A request must have arrived whole within this; answers may take as long as their work does. Only this user's programs
 * ask here, and Node counts what it has not read yet as late: a node that has no turn for ten seconds, on a machine with
 * far too much to do, is not to refuse them.
 */
const REQUEST_TIMEOUT_MS = 120_000
const HEADERS_TIMEOUT_MS = 60_000
const KEEP_ALIVE_MS = 5_000
/** This user's programs share these; more at once are a mistake of one of them. */
const CONNECTIONS_MAX = 256

export interface Listening {
  readonly url: string
  readonly socket?: string
  /** Sentences for the user. */
  readonly warnings: readonly string[]
  close(): Promise<void>
}

export interface ListenInit {
  readonly node: ServentNode
  readonly version: string
  readonly token: string
  readonly onStop: () => void
}

/** @throws ProblemError  the port is taken */
export async function listen(init: ListenInit): Promise<Listening> {
  const { api, dataDir } = init.node.config
  const hosts: string[] = []
  const answers = new Answers(init, request => (isOverSocket(request) ? [SOCKET_HOST] : hosts))
  const warnings: string[] = []
  const servers: Server[] = []
  const close = async () => {
    await Promise.all(servers.map(closeServer))
    await answers.close()
  }
  try {
    const overTcp = makeServer(answers.listener)
    servers.push(overTcp)
    hosts.push(...(await listenOnPort(overTcp, endpointOf(api))))
    const socket = join(dataDir, SOCKET_NAME)
    const listening = await listenOnSocket(socket, warnings, () => {
      const overSocket = makeServer(answers.listener)
      servers.push(overSocket)
      return overSocket
    })
    return { url: `http://${hosts[0]}`, ...(listening ? { socket } : {}), warnings, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The API behind both servers, made at the first request. */
class Answers {
  readonly #init: ListenInit
  readonly #hosts: (request: IncomingMessage) => readonly string[]
  #api: Promise<Api> | undefined

  constructor(init: ListenInit, hosts: (request: IncomingMessage) => readonly string[]) {
    this.#init = init
    this.#hosts = hosts
  }

  readonly listener: RequestListener = (request, response) => {
    this.#api ??= this.#make()
    this.#api.then(
      api => api.routing(request, response),
      error => this.#fail(response, error)
    )
  }

  async #make(): Promise<Api> {
    const { createApi } = await import('../api/server.ts')
    return createApi({ ...this.#init, hosts: this.#hosts })
  }

  #fail(response: ServerResponse, error: unknown): void {
    // The next request tries again: what kept it from being made may be over.
    this.#api = undefined
    response.writeHead(500, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify({
        error: { code: 'failed', message: `The API could not be made: ${(error as Error).message}` }
      })
    )
  }

  async close(): Promise<void> {
    await (await this.#api?.catch(() => undefined))?.close()
  }
}

function makeServer(listener: RequestListener): Server {
  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS
    },
    listener
  )
  server.maxConnections = CONNECTIONS_MAX
  return server
}

/** A stop does not wait for a client that keeps its connection. */
function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/** Connections over a unix socket have no port. */
function isOverSocket(request: IncomingMessage): boolean {
  return request.socket.localPort === undefined
}

function open(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** The values of the header Host that name this server: its address first, then `localhost`. */
async function listenOnPort(server: Server, { host, port }: Endpoint): Promise<string[]> {
  try {
    await open(server, { host, port })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new ProblemError({
      code: 'failed',
      message: `The API cannot listen on ${host}:${port}.`,
      why: 'another program has that port, perhaps another node',
      try: '--api 127.0.0.1:0 takes any free port'
    })
  }
  const taken = (server.address() as { port: number }).port
  const bracketed = host.includes(':') ? `[${host}]` : host
  return [...new Set([`${bracketed}:${taken}`, `localhost:${taken}`])]
}

async function listenOnSocket(path: string, warnings: string[], make: () => Server): Promise<boolean> {
  if (process.platform === 'win32') return false
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    warnings.push(
      `The data folder's path is too long for a unix socket in it (${Buffer.byteLength(path)} bytes, ${SOCKET_PATH_BYTES_MAX} are possible): the API listens on loopback alone.`
    )
    return false
  }
  // The folder's lock is held: a socket that stands here is what a killed node left.
  await rm(path, { force: true })
  await open(make(), { path })
  await chmod(path, SOCKET_MODE)
  return true
}
