/**
 * What the system sent over the connections of each process, by its own count: of each TCP socket the bytes that it sent,
 * those that it sent again left out (`tcpi_bytes_sent` and `tcpi_bytes_retrans` of Linux's `tcp_info`). It tells them by
 * netlink, which no program in JavaScript speaks, so it is asked by `ss` of iproute2. That needs no privileges for
 * processes of the same user. Headers of TCP and IP are not in it.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Established connections, with what is known of each, in a line, and by numbers. */
const SS = ['-tinpHO', 'state', 'established']
const OUTPUT_BYTES_MAX = 64 * 2 ** 20
/** Of its answer. Without one, a run would wait for it for ever. */
const ANSWER_MS_MAX = 10_000
/** All peers are looked at together. What was asked so shortly before answers them all. */
const SHARED_MS = 100

export class KernelSockets {
  readonly #program: string
  readonly #msMax: number
  #asked:
    | { readonly atMs: number; readonly answer: Promise<ReadonlyMap<number, number> | undefined> }
    | undefined

  constructor(program = 'ss', msMax = ANSWER_MS_MAX) {
    this.#program = program
    this.#msMax = msMax
  }

  /** Bytes by process; nothing where there is nobody to ask, as on other systems than Linux. */
  sent(): Promise<ReadonlyMap<number, number> | undefined> {
    const nowMs = performance.now()
    if (this.#asked === undefined || nowMs - this.#asked.atMs > SHARED_MS)
      this.#asked = { atMs: nowMs, answer: this.#ask() }
    return this.#asked.answer
  }

  async #ask(): Promise<ReadonlyMap<number, number> | undefined> {
    try {
      const { stdout } = await promisify(execFile)(this.#program, SS, {
        maxBuffer: OUTPUT_BYTES_MAX,
        timeout: this.#msMax,
        killSignal: 'SIGKILL'
      })
      return sentByProcess(stdout)
    } catch {
      return undefined
    }
  }
}

/** Nothing where no line says how many bytes were sent: so `ss` of old, and kernels before 4.19. */
export function sentByProcess(text: string): ReadonlyMap<number, number> | undefined {
  const sent = new Map<number, number>()
  for (const line of text.split('\n')) {
    const [, pid] = /[(,]pid=(\d+),/.exec(line) ?? []
    const bytes = figureOf(line, 'bytes_sent')
    if (pid === undefined || bytes === undefined) continue
    const again = figureOf(line, 'bytes_retrans') ?? 0
    sent.set(Number(pid), (sent.get(Number(pid)) ?? 0) + bytes - again)
  }
  return sent.size === 0 ? undefined : sent
}

function figureOf(line: string, name: string): number | undefined {
  const [, figure] = new RegExp(`\\b${name}:(\\d+)\\b`).exec(line) ?? []
  return figure === undefined ? undefined : Number(figure)
}
