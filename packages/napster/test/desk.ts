/** One machine under a test's hand: links that are up in one call, and what came out since the last look. */
import type { IndexQuestion } from '@servent/keyword-index'
import type {
  Input,
  Link,
  LinkEnd,
  LinkOrigin,
  RequestId,
  SaveQuestion,
  Timer
} from '@servent/overlay/machine'
import { type Effect, RecordingEffects, testContact } from '@servent/overlay/testing'
import { NapsterMachine } from '../src/machine.ts'
import type { HelloMessage, NapsterMessage, SharedRecord } from '../src/messages.ts'
import type {
  NapsterAnswer,
  NapsterCommand,
  NapsterNotice,
  NapsterQuestion,
  NapsterSettings,
  NapsterTables,
  NapsterTypes
} from '../src/types.ts'
import { NaiveIndex } from './naive-index.ts'
import { answerVerify, peerIdOf, recordOf, type TestFile } from './peer.ts'

/** Keeps timers, so that a test can let time pass. */
class TimedEffects extends RecordingEffects<NapsterTypes> {
  readonly timers = new Map<Timer, number>()

  override setTimer(timer: Timer, afterMs: number): void {
    super.setTimer(timer, afterMs)
    this.timers.set(timer, this.now + afterMs)
  }

  override cancelTimer(timer: Timer): void {
    super.cancelTimer(timer)
    this.timers.delete(timer)
  }
}

export const helloOf = (number: number, server = false): HelloMessage => ({
  type: 'hello',
  version: 1,
  server,
  agent: 'Test',
  addresses: testContact(number).addresses,
  servers: []
})

export class Desk {
  readonly machine: NapsterMachine
  readonly effects = new TimedEffects({ seed: 1 })
  readonly index = new NaiveIndex()
  /** Questions that wait for an answer. */
  readonly open: { readonly id: RequestId; readonly question: NapsterQuestion | SaveQuestion }[] = []
  readonly log: Effect<NapsterTypes>[] = []
  /** What the catalogue of this peer has. */
  files: TestFile[] = []
  #requests = 1_000
  #links = 0

  constructor(settings: Partial<NapsterSettings> = {}, saved: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.machine = new NapsterMachine(settings)
    this.handle({ type: 'start', saved })
  }

  get tables(): NapsterTables {
    return this.machine.snapshot()
  }

  counter(name: string): number {
    const count = this.tables.counters[name]
    if (count === undefined) throw new Error(`There is no counter ${name}.`)
    return count
  }

  handle(input: Input<NapsterTypes>): void {
    this.machine.handle(input, this.effects)
    for (const effect of this.effects.take()) {
      this.log.push(effect)
      if (effect.type === 'ask') this.open.push({ id: effect.id, question: effect.question })
    }
  }

  /** A new link. Peers are numbers of `testContact`. */
  link(peer: number, inbound = true, origin?: LinkOrigin): Link {
    this.#links += 1
    const handle = this.effects.peers.intern(testContact(peer))
    const input = { type: 'link-up', link: this.#links, peer: handle, inbound } as const
    this.handle(origin === undefined ? input : { ...input, origin })
    return this.#links
  }

  /** A user of ours that is logged in; what that sent is forgotten. */
  user(peer: number, nick = `user${peer}`, link = 3, port = 1): Link {
    const at = this.plainUser(peer, nick, link, port)
    this.from(at, helloOf(peer))
    this.sent()
    return at
  }

  /** One of another maker's program. */
  plainUser(peer: number, nick = `user${peer}`, link = 3, port = 6699): Link {
    const at = this.link(peer)
    this.from(at, { type: 'login', nick, password: 'x', port, client: 'nap v0.8', link })
    this.sent()
    return at
  }

  /** Another server that this one is linked with. */
  mesh(peer: number, origin?: LinkOrigin): Link {
    const at = this.link(peer, true, origin)
    this.from(at, helloOf(peer, true))
    this.sent()
    return at
  }

  from(link: Link, ...messages: NapsterMessage[]): void {
    for (const message of messages) this.handle({ type: 'message', link, message })
  }

  down(link: Link, kind: LinkEnd['kind'] = 'closed'): void {
    this.handle({ type: 'link-down', link, end: { kind, message: kind } })
  }

  command(command: NapsterCommand): RequestId {
    this.#requests += 1
    this.handle({ type: 'command', id: this.#requests, command })
    return this.#requests
  }

  /** Messages sent since the last look, to one link or to all. */
  sent(link?: Link): NapsterMessage[] {
    const taken: NapsterMessage[] = []
    const kept = this.log.filter(effect => {
      const isTaken = effect.type === 'send' && (link ?? effect.link) === effect.link
      if (isTaken) taken.push(effect.message)
      return !isTaken
    })
    this.log.splice(0, this.log.length, ...kept)
    return taken
  }

  notices(): NapsterNotice[] {
    return this.log.flatMap(effect => (effect.type === 'notify' ? [effect.notice] : []))
  }

  closed(): Link[] {
    return this.log.flatMap(effect => (effect.type === 'close' ? [effect.link] : []))
  }

  opened(): number {
    return this.log.filter(({ type }) => type === 'open').length
  }

  /** Answers what is asked, until nothing is. */
  settle(): this {
    for (let next = this.open.shift(); next !== undefined; next = this.open.shift()) this.answer(next)
    return this
  }

  answer({
    id,
    question
  }: {
    readonly id: RequestId
    readonly question: NapsterQuestion | SaveQuestion
  }): void {
    try {
      this.handle({ type: 'answer', id, answer: this.#answer(question as NapsterQuestion) })
    } catch (error) {
      if ((error as Error).name !== 'IndexUnavailableError') throw error
      this.handle({ type: 'answer', id, error: (error as Error).message })
    }
  }

  /** Shares files as a client of ours does, and answers what that asks for. */
  share(link: Link, peer: number, ...files: readonly (string | TestFile)[]): NapsterMessage[] {
    const records = files.map((file, at): SharedRecord => {
      const whole = typeof file === 'string' ? { index: at + 1, name: file, size: 1_000 } : file
      return { index: whole.index, record: recordOf(peerIdOf(peer), whole) }
    })
    this.from(link, { type: 'share-records', batch: 1, files: records })
    return this.settle().sent(link)
  }

  /** Lets time pass, and fires the machine's timers as they fall due. */
  pass(ms: number): this {
    const endMs = this.effects.now + ms
    for (;;) {
      const due = [...this.effects.timers].sort((a, b) => a[1] - b[1])[0]
      if (due === undefined || due[1] > endMs) break
      const [timer, atMs] = due
      this.effects.timers.delete(timer)
      this.effects.advance(Math.max(0, atMs - this.effects.now))
      this.handle({ type: 'timer', timer })
    }
    this.effects.advance(endMs - this.effects.now)
    return this
  }

  #answer(question: NapsterQuestion): NapsterAnswer {
    const verdict = answerVerify(question)
    if (verdict !== undefined) return verdict
    if (question.type === 'files' || question.type === 'next-files') {
      const chosen =
        question.type === 'files'
          ? this.files.filter(({ index }) => question.indexes.includes(index))
          : this.files
      const files = chosen.map(file => ({ index: file.index, record: recordOf(peerIdOf(0), file) }))
      return { type: 'files', files, isLast: question.type === 'next-files' }
    }
    return this.index.answer(question as IndexQuestion)
  }
}
