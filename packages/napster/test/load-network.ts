/** Two servers in processes of their own, users in this one, and searches among them. */
import { randomOf } from '@servent/simulator'
import { LoadSearches, quantile } from './load-searches.ts'
import { killServers, ServerProcess } from './load-servers.ts'
import { LoadUser, Vocabulary } from './load-users.ts'

/** Users that start at a time. */
const STARTS_AT_A_TIME = 8
const WATCH_MS = 200
/** Between two looks at what a server says of itself. */
const STATE_MS = 1_000

export interface LoadPlan {
  readonly users: number
  readonly files: number
  readonly searchesPerSecond: number
  /** The address of a PostgreSQL server; an index in memory for each server where there is none. */
  readonly database?: string
  /** Others use this machine, too: what comes late is no failure. */
  readonly patient?: boolean
}

/** From starting a server or a user to its being linked or logged in. */
const STARTED_MS = 30_000
/** The same, and for whatever else is waited for, where others use the machine, too. */
export const PATIENCE_MS = 600_000

export class LoadNetwork {
  readonly servers: readonly ServerProcess[]
  readonly users: readonly LoadUser[]
  readonly searches: LoadSearches
  readonly vocabulary: Vocabulary
  readonly #timers: readonly NodeJS.Timeout[]

  private constructor(servers: readonly ServerProcess[], users: readonly LoadUser[], plan: LoadPlan) {
    const random = randomOf('load')
    this.servers = servers
    this.users = users
    this.vocabulary = new Vocabulary(random)
    for (const user of users) user.share(this.vocabulary, plan.files)
    const names = new Map(servers.map(({ peerId, name }) => [peerId, `server ${name}`]))
    const { searchesPerSecond: perSecond, patient = false } = plan
    this.searches = new LoadSearches({
      users,
      vocabulary: this.vocabulary,
      random,
      perSecond,
      servers: names,
      patient
    })
    this.#timers = [
      setInterval(() => {
        for (const user of users) user.watch(performance.now())
      }, WATCH_MS),
      setInterval(() => {
        for (const server of servers) if (server.isRunning) void server.state()
      }, STATE_MS)
    ]
  }

  /** Half of the users at each server. */
  static async start(plan: LoadPlan): Promise<LoadNetwork> {
    const { database, users: count, patient = false } = plan
    const startedMs = patient ? PATIENCE_MS : STARTED_MS
    const servers = await ServerProcess.pair({
      ...(database === undefined ? {} : { database }),
      connectionsMax: 2 * count + 16
    })
    await Promise.all(servers.map(server => server.start()))
    for (const server of servers) await until(async () => (await server.state()).servers === 1, startedMs)
    const users: LoadUser[] = []
    for (let first = 0; first < count; first += STARTS_AT_A_TIME) {
      const some = Array.from({ length: Math.min(STARTS_AT_A_TIME, count - first) }, (_, more) =>
        LoadUser.start(first + more, servers[(first + more) % 2]!.address)
      )
      users.push(...(await Promise.all(some)))
      await until(() => users.every(({ server }) => server !== undefined), startedMs)
    }
    return new LoadNetwork(servers, users, plan)
  }

  get here(): readonly LoadUser[] {
    return this.users.filter(({ goneMs }) => goneMs === undefined)
  }

  /** Milliseconds until all users who are here have had all of their files acknowledged. */
  async announced(withinMs: number): Promise<number> {
    const beganMs = performance.now()
    const left = () => this.here.filter(({ wholeSession }) => wholeSession === undefined)
    await until(
      () => left().length === 0,
      withinMs,
      () =>
        `of ${left().length} users not all files are acknowledged, of whom ${left().filter(({ server }) => server === undefined).length} have no server`
    )
    return performance.now() - beganMs
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.searches.stop()
    await Promise.all(this.here.map(({ libp2p }) => libp2p.stop()))
    killServers()
  }

  /** Of the users who were without a server since the last time, in words. */
  gaps(): string {
    const gaps = this.users.flatMap(user => user.gaps.splice(0))
    const of = (which: 'server' | 'files') => gaps.map(gap => gap[which])
    const said = (times: readonly number[]) =>
      `${Math.round(quantile(times, 0.5))} ms in the middle and ${Math.round(Math.max(0, ...times))} ms at most`
    return `${gaps.length} users were without a server for ${said(of('server'))}, and their files were all announced again after ${said(of('files'))}`
  }
}

/** @param left  what is still lacking, for people */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
  left: () => string = () => `${condition}`
): Promise<void> {
  for (const endMs = performance.now() + withinMs; !(await condition()); ) {
    if (performance.now() > endMs) throw new Error(`It did not come about within ${withinMs} ms: ${left()}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
