/** Opens the local API on loopback and on a unix socket in the data folder. */
import { chmod, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Endpoint, endpointOf, type ServentNode } from '@servent/node'
import { type Api, createApi } from '../api/server.ts'
import { ProblemError } from '../problem.ts'

/** Bytes of a path that a unix socket's address holds with its closing zero: 108 on Linux, 104 on macOS. */
export const SOCKET_PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103
const SOCKET_MODE = 0o600
const SOCKET_NAME = 'api.sock'

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
  const endpoint = endpointOf(api)
  const hosts: string[] = []
  const overTcp = await createApi({ ...init, hosts: () => hosts })
  const warnings: string[] = []
  const servers: Api[] = [overTcp]
  const close = async () => {
    await Promise.all(servers.map(server => server.close()))
  }
  try {
    hosts.push(...(await listenOnPort(overTcp, endpoint)))
    const path = join(dataDir, SOCKET_NAME)
    const socket = await listenOnSocket(path, warnings, async () => {
      const overSocket = await createApi({ ...init, hosts: () => ['localhost'] })
      servers.push(overSocket)
      return overSocket
    })
    return { url: `http://${hosts[0]}`, ...(socket ? { socket: path } : {}), warnings, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The values of the header Host that name this server: its address first, then `localhost`. */
async function listenOnPort(server: Api, { host, port }: Endpoint): Promise<string[]> {
  try {
    await server.listen({ host, port })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new ProblemError({
      code: 'failed',
      message: `The API cannot listen on ${host}:${port}.`,
      why: 'another program has that port, perhaps another node',
      try: '--api 127.0.0.1:0 takes any free port'
    })
  }
  const taken = (server.server.address() as { port: number }).port
  const bracketed = host.includes(':') ? `[${host}]` : host
  return [...new Set([`${bracketed}:${taken}`, `localhost:${taken}`])]
}

async function listenOnSocket(
  path: string,
  warnings: string[],
  create: () => Promise<Api>
): Promise<boolean> {
  if (process.platform === 'win32') return false
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    warnings.push(
      `The data folder's path is too long for a unix socket in it (${Buffer.byteLength(path)} bytes, ${SOCKET_PATH_BYTES_MAX} are possible): the API listens on loopback alone.`
    )
    return false
  }
  // The folder's lock is held: a socket that stands here is what a killed node left.
  await rm(path, { force: true })
  const server = await create()
  await server.listen({ path })
  await chmod(path, SOCKET_MODE)
  return true
}
