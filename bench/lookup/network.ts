/** Peers in several processes, as one network: started, introduced to each other, asked, killed. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Acts, Finding, FindTask, Newcomer, PeerState, PeersInit } from './peers.ts'
import { introductions, type Lookup } from './plan.ts'
import type { Usage } from './traffic.ts'

type Given<Act extends keyof Acts> = Parameters<Acts[Act]>
type Value<Act extends keyof Acts> = Awaited<ReturnType<Acts[Act]>>

/** One process and its peers. */
class PeersProcess {
  readonly first: number
  readonly count: number
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>()
  #asked = 0
  #ended = false

  constructor(first: number, count: number, execArgv: readonly string[]) {
    this.first = first
    this.count = count
    const script = fileURLToPath(new URL('./peers.ts', import.meta.url))
    this.#child = fork(script, { execArgv: [...execArgv], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#child.on('message', (answer: { id: number; value: never; error?: string }) => {
      const asked = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if (answer.error === undefined) asked?.resolve(answer.value)
      else asked?.reject(new Error(answer.error))
    })
    this.#child.once('exit', (code, signal) => {
      this.#ended = true
      for (const { reject } of this.#waiting.values())
        reject(new Error(`Its process ended (${signal ?? code}).`))
      this.#waiting.clear()
    })
  }

  get alive(): boolean {
    return !this.#ended
  }

  ask<Act extends keyof Acts>(act: Act, ...given: Given<Act>): Promise<Value<Act>> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(new Error('Its process has ended.'))
      const id = ++this.#asked
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, act, given: given[0] }, error => {
        if (error !== null) reject(error)
      })
    })
  }

  /** At once, with nothing said to anybody. */
  async kill(): Promise<void> {
    if (this.#ended) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}

export interface NetworkInit extends PeersInit {
  /** Peers of each process: they are numbered from 0 on in this order. */
  readonly processes: readonly number[]
  /** Peers that each is told of when it comes. */
  readonly introductions: number
  /** Flags for Node. */
  readonly execArgv?: readonly string[]
}

export class Network implements AsyncDisposable {
  readonly peers: number
  readonly #processes: readonly PeersProcess[]
  readonly #newcomers: Newcomer[] = []

  private constructor(processes: readonly PeersProcess[]) {
    this.#processes = processes
    this.peers = processes.reduce((sum, { count }) => sum + count, 0)
  }

  /** Peers come one after the other, each as soon as the one before it listens. */
  static async start({
    processes,
    introductions: count,
    execArgv = [],
    ...init
  }: NetworkInit): Promise<Network> {
    let first = 0
    const network = new Network(
      processes.map(size => {
        const process = new PeersProcess(first, size, execArgv)
        first += size
        return process
      })
    )
    try {
      await network.#all(process => process.ask('begin', init))
      for (const [peer, known] of introductions(init.seed, network.peers, count).entries()) {
        const bootstrap = known.map(other => network.#newcomers[other]!.address)
        network.#newcomers.push(await network.#processOf(peer).ask('come', { peer, bootstrap }))
      }
      return network
    } catch (error) {
      await network[Symbol.asyncDispose]()
      throw error
    }
  }

  peerId(peer: number): string {
    return this.#newcomers[peer]!.peerId
  }

  alive(peer: number): boolean {
    return this.#processOf(peer).alive
  }

  /** Kills all peers of one process. */
  async kill(process: number): Promise<void> {
    await this.#processes[process]!.kill()
  }

  /** Of the peers that live, in the order of their numbers. */
  async state(): Promise<PeerState[]> {
    return (await this.#all(process => process.ask('state'))).flat()
  }

  async refresh(): Promise<void> {
    await this.#all(process => process.ask('refresh'))
  }

  /** Peers each provide their share of the contents. */
  async provide(contents: number, atOnce: number): Promise<Finding[]> {
    const tasks = Array.from({ length: contents }, (_, content) => ({ peer: content % this.peers, content }))
    const results = await this.#all(process => {
      const own = tasks.filter(({ peer }) => this.#processOf(peer) === process)
      return process.ask('provide', { tasks: own, atOnce })
    })
    return results.flat()
  }

  /** Every process goes through the lookups of its own peers, `atOnce` at a time. */
  async find(lookups: readonly Lookup[], atOnce: number): Promise<Finding[]> {
    const results = await this.#all(process => {
      const own: FindTask[] = lookups
        .filter(({ asker }) => this.#processOf(asker) === process)
        .map(({ asker, content, provider }) => ({ asker, content, provider: this.peerId(provider) }))
      return process.ask('find', { tasks: own, atOnce })
    })
    return results.flat()
  }

  /** Sums over the processes that live. */
  async usage(): Promise<Usage> {
    const all = await this.#all(process => process.ask('usage'))
    const sum = (name: keyof Usage) => all.reduce((total, one) => total + one[name], 0)
    return {
      messages: sum('messages'),
      protocolBytes: sum('protocolBytes'),
      socketBytes: sum('socketBytes'),
      cpuSeconds: sum('cpuSeconds')
    }
  }

  /** Looks every `everyMs` until the states please; gives the seconds that it took, or nothing after `withinMs`. */
  async until(
    pleases: (states: readonly PeerState[]) => boolean,
    withinMs: number,
    everyMs = 500
  ): Promise<number | undefined> {
    const startMs = performance.now()
    for (;;) {
      if (pleases(await this.state())) return (performance.now() - startMs) / 1000
      if (performance.now() - startMs > withinMs) return undefined
      await sleep(everyMs)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map(process => process.kill()))
  }

  #processOf(peer: number): PeersProcess {
    return this.#processes.find(({ first, count }) => peer >= first && peer < first + count)!
  }

  #all<T>(act: (process: PeersProcess) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#processes.filter(({ alive }) => alive).map(act))
  }
}
