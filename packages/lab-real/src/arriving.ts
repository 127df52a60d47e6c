/**
 * How fast peers come: no faster than those who are there take them in, and than the processor runs them all. What is
 * measured begins when all take part, have announced what they share, and their comings are no work any more.
 */
import { RunError } from '@servent/lab/backend'
import type { NodeIndex } from '@servent/simulator'
import type { Crowd } from './crowd.ts'
import type { Truth } from './truth.ts'

/**
 * Of those who take part, how many more may be coming: everybody is told of them, and two who come between the same two
 * neighbours of a ring wait for each other.
 */
const COMING_PART = 1 / 8
/** Who takes no part after this time is not waited for: behind a firewall some never do. */
export const COMING_MS_MAX = 30_000
/** Longer than a peer that knows nobody waits at most before it is the first (`ALONE_MS` of FastTrack, four times). */
export const FIRST_MS_MAX = 15_000
/** Until all take part and all files are announced; what is not by then shows as who lives and is no member. */
export const JOIN_MS_MAX = 60_000
const STEP_MS = 10
const LOOK_MS = 200
/** Peers in one process of which no processor is short, unless others use it. */
export const UNPACED_PEERS_MAX = 32
/** Timers that end so much later than they should, in the mean of some: with a few such steps an open takes its whole time. */
export const LATE_MS_MAX = 300
const LATE_TIMER_MS = 20
const LATE_TIMERS = 5
/**
 * Time of the processor that this process had since the last peer came, and timers are late all the same: it is those who
 * are there, and that does not end. Where others use the processor it is longer on the clock.
 */
export const OVERLOAD_CPU_MS_MAX = 60_000

export interface ArrivingInit {
  readonly crowd: Crowd
  readonly truth: Truth
  /** How many are to come. */
  readonly nodes: number
  /** Files are to be announced. */
  readonly shares: boolean
  /** The first must be what all others join by, which takes a while: a FastTrack supernode. */
  readonly firstMustStand: boolean
  /** @throws whatever ends the run */
  readonly wait: (ms: number) => Promise<void>
  /** Milliseconds of a processor that this process has had. */
  readonly cpuMs?: () => number
}

export class Arriving {
  readonly #init: ArrivingInit

  constructor(init: ArrivingInit) {
    this.#init = init
  }

  /** Until the network takes the next one. @throws RunError  the processor is too slow for those who are there */
  async room(): Promise<void> {
    const { crowd, truth, firstMustStand, wait } = this.#init
    const isFirst = firstMustStand && crowd.aliveCount <= 1
    const lateMs = performance.now() + (isFirst ? FIRST_MS_MAX : COMING_MS_MAX)
    const most = () => (isFirst ? 0 : 1 + Math.floor(truth.members * COMING_PART))
    while (this.#coming() > most() && performance.now() < lateMs) await wait(STEP_MS)
    await this.#calm('come')
  }

  /** Until all take part and have announced what they share, or for as long as that may take, and it is quiet. */
  async all(): Promise<void> {
    const { crowd, truth, shares, wait } = this.#init
    const lateMs = performance.now() + JOIN_MS_MAX
    const announced = new Set<NodeIndex>()
    while (performance.now() < lateMs) {
      const alive = crowd.aliveNodes()
      if (truth.members >= alive.length && (!shares || (await this.#haveAnnounced(alive, announced)))) break
      await wait(LOOK_MS)
    }
    await this.#calm('be asked')
  }

  /** Who has announced all is not looked at again: a look at hundreds takes longer than there is between two. */
  async #haveAnnounced(alive: readonly NodeIndex[], announced: Set<NodeIndex>): Promise<boolean> {
    const { crowd } = this.#init
    for (const node of alive) {
      if (announced.has(node)) continue
      const look = await crowd
        .peerOf(node)
        ?.look()
        .catch(error => {
          // Who has gone meanwhile is waited for by nobody.
          if (crowd.alive(node)) throw error
          return undefined
        })
      if (look?.isAnnounced === false) return false
      announced.add(node)
    }
    return true
  }

  #coming(): number {
    const { crowd, truth } = this.#init
    const sinceUs = crowd.nowUs - COMING_MS_MAX * 1000
    return crowd.members.filter(
      ({ node, isServer, bornUs }) =>
        bornUs > sinceUs && !isServer && crowd.alive(node) && !truth.isMember(node)
    ).length
  }

  /** Until timers of this process, which those of its peers are, end in time. Peers in processes of their own have their own. */
  async #calm(what: string): Promise<void> {
    const { crowd, wait, cpuMs = cpuMsOfProcess } = this.#init
    if (crowd.aliveCount <= UNPACED_PEERS_MAX) return
    const [fromMs, fromCpuMs] = [performance.now(), cpuMs()]
    const late: number[] = []
    for (;;) {
      const setMs = performance.now()
      await wait(LATE_TIMER_MS)
      late.push(performance.now() - setMs - LATE_TIMER_MS)
      if (late.length < LATE_TIMERS) continue
      const lateMs = late.reduce((sum, ms) => sum + ms, 0) / LATE_TIMERS
      if (lateMs <= LATE_MS_MAX) return
      const usedMs = cpuMs() - fromCpuMs
      if (usedMs >= OVERLOAD_CPU_MS_MAX)
        this.#giveUp(what, { lateMs, usedMs, part: usedMs / (performance.now() - fromMs) })
      late.shift()
    }
  }

  #giveUp(what: string, { lateMs, usedMs, part }: Record<'lateMs' | 'usedMs' | 'part', number>): never {
    const { crowd, truth, nodes } = this.#init
    throw new RunError(
      `Processors are too slow: ${crowd.aliveCount} of ${nodes} peers are there, ${truth.members} of them take part, and ` +
        `they alone keep this process at work. In ${Math.round(usedMs / 1000)} s of processor time since the last one came, ` +
        `${Math.round(100 * part)} % of one processor, its timers went on ending late, by ${Math.round(lateMs)} ms, so that ` +
        `no other can ${what}. Try fewer --nodes, longer maintenance periods (as --set chord.stabilise-ms=120000), or a ` +
        'machine with less other work.'
    )
  }
}

function cpuMsOfProcess(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
