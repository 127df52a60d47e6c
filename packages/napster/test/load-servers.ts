/** Servers in processes of their own, for tests that kill them. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'

/** What `fixtures/server.ts` is told. */
export interface ServerPlan {
  /** Of its key. */
  readonly seed: number
  readonly port: number
  readonly peers: readonly string[]
  /** The address of a PostgreSQL server; an index in memory where there is none. */
  readonly database?: string
  readonly connectionsMax: number
}

/** What it says when it has started, and whenever it is asked. */
export interface ServerState {
  readonly rssBytes: number
  readonly users: number
  readonly files: number
  /** In its index, those of other servers that share it among them. Some seconds old. */
  readonly filesIndexed?: number
  /** Links to other servers. */
  readonly servers: number
  readonly counters: Readonly<Record<string, number>>
}

/**
 * As a node has it: a processor that is busy for seconds is no lost connection, and libp2p by itself ends one after a
 * ping that takes 2 s.
 */
export const CONNECTION_MONITOR = {
  pingInterval: 20_000,
  pingTimeout: { minTimeout: 20_000, maxTimeout: 40_000 }
} as const

const SCRIPT = fileURLToPath(new URL('./fixtures/server.ts', import.meta.url))
const running = new Set<ChildProcess>()

export class ServerProcess {
  readonly name: string
  readonly peerId: string
  readonly address: string
  readonly #plan: ServerPlan
  #child: ChildProcess | undefined
  #asking: Promise<ServerState> | undefined
  rssBytesMost = 0

  private constructor(name: string, peerId: string, address: string, plan: ServerPlan) {
    this.name = name
    this.peerId = peerId
    this.address = address
    this.#plan = plan
  }

  /** Two servers that are named to each other. Neither runs yet. */
  static async pair(init: Pick<ServerPlan, 'database' | 'connectionsMax'>): Promise<ServerProcess[]> {
    const known = await Promise.all(
      [1, 2].map(async seed => {
        const key = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(seed))
        const peerId = peerIdFromPrivateKey(key).toString()
        const port = await freePort()
        return { seed, peerId, port, address: `/ip4/127.0.0.1/tcp/${port}/p2p/${peerId}` }
      })
    )
    return known.map(({ seed, peerId, port, address }) => {
      const peers = known.filter(other => other.seed !== seed).map(other => other.address)
      const name = seed === 1 ? 'A' : 'B'
      return new ServerProcess(name, peerId, address, { ...init, seed, port, peers })
    })
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  async start(): Promise<void> {
    const child = fork(SCRIPT, [JSON.stringify(this.#plan)], { execArgv: ['--conditions=source'] })
    this.#child = child
    running.add(child)
    child.on('exit', () => running.delete(child))
    const ended = once(child, 'exit').then(() => {
      throw new Error(`Server ${this.name} ended before it was ready.`)
    })
    await Promise.race([once(child, 'message'), ended])
    ended.catch(() => {})
  }

  /** Whoever asks while a question is under way gets its answer. */
  state(): Promise<ServerState> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  /** As a machine that loses its power: nothing is said to anybody, and nothing is put away. */
  async kill(): Promise<void> {
    const child = this.#child!
    this.#child = undefined
    child.kill('SIGKILL')
    await once(child, 'exit')
    this.#asking = undefined
  }

  async #ask(): Promise<ServerState> {
    const child = this.#child!
    const answer = once(child, 'message')
    child.send('state')
    const [state] = (await answer) as [ServerState]
    this.rssBytesMost = Math.max(this.rssBytesMost, state.rssBytes)
    return state
  }
}

export function killServers(): void {
  for (const child of running) child.kill('SIGKILL')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
