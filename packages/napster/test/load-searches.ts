/**
 * Searches at a steady rate, each held against what the users say of themselves. A search that gives nothing and says why is
 * asked again until it finds, so that a summary can say how long a file was missed; one that gives nothing and does not
 * say why, although the file was acknowledged and its owner connected all the while, is a failure, and so is a wrong hit.
 */
import { parseQuery } from '@servent/overlay'
import type { Random } from '@servent/simulator'
import { SEARCH_MS } from '../src/constants.ts'
import type { Ended } from '../src/service-search.ts'
import type { LoadUser, Vocabulary } from './load-users.ts'

/** From when a user left to when their server has seen that their link ended. */
const FAREWELL_MS = 1_000
/** Over a search's deadline. */
const SLACK_MS = 1_000
const ASK_AGAIN_MS = 1_000
/** Every so many a search is for a common word. */
const COMMON_EVERY = 5
const COMMON_LIMIT = 50
/** Users whose files are asked for at a time: each has hundreds, and whoever asks verifies them all. */
const SWEEPS_AT_A_TIME = 4

export interface Answer {
  readonly names: readonly string[]
  readonly ms: number
  /** Why there is nothing, or not all; empty where all is well. */
  readonly why: string
}

interface Noted {
  readonly phase: string
  readonly ms: number
  readonly outcome: string
}

export interface LoadSearchesInit {
  readonly users: readonly LoadUser[]
  readonly vocabulary: Vocabulary
  readonly random: Random
  readonly perSecond: number
  /** Names of servers by their PeerIds. */
  readonly servers: ReadonlyMap<string, string>
  /** On a machine that others use, too, what comes late is counted and is no failure. */
  readonly patient: boolean
}

export class LoadSearches {
  /** What users see now, for the summary. */
  phase = 'before'
  /** What must not be. */
  readonly failures: string[] = []
  /** What came too late, where that is no failure. */
  readonly lateness: string[] = []
  readonly #init: LoadSearchesInit
  readonly #noted: Noted[] = []
  /** Milliseconds from the first search for a file to the one that found it. */
  readonly #late: { readonly phase: string; readonly ms: number }[] = []
  readonly #underWay = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #count = 0
  #isOver = false
  #tickMs = 0
  /** For how long in all this process, which has all the users, did not come to what was due: no search's fault. */
  #stalledMs = 0

  constructor(init: LoadSearchesInit) {
    this.#init = init
  }

  start(): void {
    const beganMs = performance.now()
    const everyMs = 1_000 / this.#init.perSecond
    // What a busy processor was late for is made up for: the rate stays.
    this.#tickMs = beganMs
    this.#timer = setInterval(() => {
      const nowMs = performance.now()
      this.#stalledMs += Math.max(0, nowMs - this.#tickMs - everyMs)
      this.#tickMs = nowMs
      while (this.#count < (nowMs - beganMs) / everyMs) this.#begin()
    }, everyMs)
  }

  /** No new ones, and nothing is asked again; what is under way ends. */
  async stop(): Promise<void> {
    this.#isOver = true
    clearInterval(this.#timer)
    await Promise.all(this.#underWay)
  }

  /** One search, with what it may say held against the truth. */
  async ask(seeker: LoadUser, text: string, limit: number): Promise<Answer> {
    const beganMs = performance.now()
    const stalledBeforeMs = this.#stalledMs
    const names: string[] = []
    let ended: Ended = { unanswered: [], reason: 'It did not say how it ended.' }
    const onEnd = (end: Ended) => {
      ended = end
    }
    try {
      for await (const { record } of seeker.service.search(parseQuery(text, { limit }), { onEnd })) {
        names.push(record.name)
        this.#check(text, record.name, record.provider, beganMs)
      }
    } catch (error) {
      const { name, message } = error as Error
      // Whose server was killed has none for a moment, and is told so.
      if (name === 'NobodyToAskError') onEnd({ unanswered: [], reason: message })
      else if (name !== 'ServerError') throw error
    }
    const ms = performance.now() - beganMs
    const lateMs = this.#stalledMs - stalledBeforeMs
    if (ms > SEARCH_MS + SLACK_MS + lateMs) this.#tooLate(`a search for ${text} took ${Math.round(ms)} ms`)
    const silent = ended.unanswered.map(peerId => this.#init.servers.get(peerId) ?? peerId)
    const reasons = ended.reason === '' ? [] : [ended.reason]
    if (silent.length > 0) reasons.push(`no answer of ${silent.sort().join(', ')}`)
    return { names, ms, why: reasons.join(' / ') }
  }

  /** Asks for all files of each user, again and again until they are all found; gives the milliseconds it took. */
  async sweep(users: readonly LoadUser[], withinMs: number): Promise<number> {
    const beganMs = performance.now()
    const waiting = [...users]
    const one = async (): Promise<void> => {
      for (let user = waiting.shift(); user !== undefined; user = waiting.shift()) {
        const seeker = this.#anybody(user)
        const { names, why } = await this.ask(seeker, user.word, user.files + 1)
        if (new Set(names).size === user.files) continue
        if (performance.now() - beganMs > withinMs) {
          this.#fail(`of ${user.word} ${names.length} of ${user.files} files are found (${why})`)
          continue
        }
        waiting.push(user)
        await new Promise(resolve => setTimeout(resolve, ASK_AGAIN_MS / 4))
      }
    }
    await Promise.all(Array.from({ length: SWEEPS_AT_A_TIME }, one))
    return performance.now() - beganMs
  }

  summary(): string[] {
    const lines: string[] = []
    const count = (of: readonly Noted[], outcome: string) =>
      of.filter(noted => noted.outcome === outcome).length
    for (const phase of new Set(this.#noted.map(noted => noted.phase))) {
      const of = this.#noted.filter(noted => noted.phase === phase)
      const late = this.#late.filter(found => found.phase === phase).map(({ ms }) => ms)
      const times = of.map(({ ms }) => ms)
      lines.push(
        `${phase}: ${of.length} searches, ${count(of, '')} answered whole, p50 ${round(quantile(times, 0.5))} ms, ` +
          `p99 ${round(quantile(times, 0.99))} ms; ${late.length} files found late, after ${round(Math.max(0, ...late))} ms at most`
      )
      const outcomes = new Set(of.map(({ outcome }) => outcome))
      for (const outcome of outcomes) if (outcome !== '') lines.push(`    ${count(of, outcome)} × ${outcome}`)
    }
    return lines
  }

  /** Of searches in one phase: how many, and how many of them were answered whole. */
  answered(phase: string): { readonly of: number; readonly whole: number } {
    const of = this.#noted.filter(noted => noted.phase === phase)
    return { of: of.length, whole: of.filter(({ outcome }) => outcome === '').length }
  }

  #begin(): void {
    this.#count += 1
    const search = (this.#count % COMMON_EVERY === 0 ? this.#common() : this.#unique()).catch(
      (error: Error) => void this.failures.push(`${error.name}: ${error.message}`)
    )
    this.#underWay.add(search)
    void search.finally(() => this.#underWay.delete(search))
  }

  async #unique(): Promise<void> {
    const { phase } = this
    const owner = this.#anybody()
    const seeker = this.#anybody(owner)
    const text = owner.uniqueWord(this.#init.random.below(owner.files))
    const beganMs = performance.now()
    const session = owner.wholeSession
    const { names, ms, why } = await this.ask(seeker, text, 10)
    const wasThere = session !== undefined && owner.wholeSession === session
    const isFound = names.length === 1
    if (!isFound && wasThere && why === '') this.#fail(`${text} was not found, and nothing was said of it`)
    const silently = owner.goneMs !== undefined ? 'its owner is gone' : 'its owner is between two servers'
    this.#note(phase, ms, isFound ? '' : why || silently)
    if (isFound) return
    for (;;) {
      await new Promise(resolve => setTimeout(resolve, ASK_AGAIN_MS))
      if (owner.goneMs !== undefined || seeker.goneMs !== undefined || this.#isOver) return
      if ((await this.ask(seeker, text, 10)).names.length > 0) break
    }
    this.#late.push({ phase, ms: performance.now() - beganMs })
  }

  async #common(): Promise<void> {
    const { phase } = this
    const seeker = this.#anybody()
    const word = this.#init.vocabulary.word()
    const sessions = this.#init.users.map(user => user.wholeSession)
    const { names, ms, why } = await this.ask(seeker, word, COMMON_LIMIT)
    if (why === '') {
      // Whoever was here all the while with all of their files.
      const here = this.#init.users.filter(
        (user, at) => user !== seeker && sessions[at] !== undefined && user.wholeSession === sessions[at]
      )
      const most = here.reduce((sum, { words }) => sum + (words.get(word) ?? 0), 0)
      if (names.length < Math.min(most, COMMON_LIMIT))
        this.#fail(`${word} gave ${names.length} of ${most} files, and nothing was said of it`)
    }
    this.#note(phase, ms, why)
  }

  #note(phase: string, ms: number, outcome: string): void {
    this.#noted.push({ phase, ms, outcome })
  }

  #check(text: string, name: string, provider: string, beganMs: number): void {
    const owner = this.#init.users.find(({ peerId }) => peerId === provider)
    if (owner === undefined || !hasWord(name, text) || !hasWord(name, owner.word))
      this.#fail(`${name} of ${provider} was given for ${text}`)
    if (owner?.goneMs !== undefined && owner.goneMs + FAREWELL_MS < beganMs)
      this.#tooLate(`${name} was given, ${Math.round(beganMs - owner.goneMs)} ms after its owner left`)
  }

  /** Somebody who has not left, and is not this one. */
  #anybody(but?: LoadUser): LoadUser {
    const { users, random } = this.#init
    const here = users.filter(user => user !== but && user.goneMs === undefined)
    return here[random.below(here.length)]!
  }

  #tooLate(what: string): void {
    if (this.#init.patient) this.lateness.push(`${this.phase}: ${what}`)
    else this.#fail(what)
  }

  #fail(what: string): void {
    this.failures.push(`${this.phase}: ${what}`)
  }
}

const hasWord = (name: string, word: string): boolean => name.split(/[ .]/).includes(word)
const round = (ms: number): number => Math.round(ms)

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0
}
