/** What a read believes of a root and of holders that lie: nothing that is not signed, and no quorum of one. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import type { RoutingNotice, RoutingQuestion, StoredRecord } from '../src/machine.ts'
import { Home } from './home.ts'
import { answerOf, BAD } from './record-ring.ts'
import { keyAt } from './solo.ts'

const KEY = keyAt(1)

/** A reader that is no root, whose own list has three peers, and what the root and the named replicas give. */
class Reader extends Home {
  readonly #links = new Map<number, number>()

  constructor(named: readonly number[], known = 3) {
    super()
    this.routing.root = () => undefined
    this.routing.copies = [11, 12, 13].slice(0, known).map(number => this.peer(number))
    const [root, ...replicas] = named.map(testContact)
    this.root = { root: root!, from: keyAt(0), to: keyAt(2), replicas }
    for (const number of named) this.#links.set(number, this.link(number))
  }

  value(sequence: number, fields: Partial<StoredRecord> = {}): StoredRecord {
    const body = Uint8Array.of(sequence)
    return this.record(9, { kind: 'value', key: KEY, subject: new Uint8Array(0), sequence, body, ...fields })
  }

  /** Reads with what each peer gives; gives whom it asked, and what was told at last. */
  read(given: Readonly<Record<number, StoredRecord | undefined>>, { failing = '', quorum = 0 } = {}) {
    this.effects.take()
    this.command({ type: 'read-value', key: KEY, quorum })
    const asked: number[] = []
    const done = new Set<number>()
    let told: Extract<RoutingNotice, { type: 'value-read' }> | undefined
    for (let more = true; more && told === undefined; ) {
      more = false
      const { log } = this.effects
      this.effects.take()
      for (const effect of log) {
        if (effect.type === 'notify' && effect.notice.type === 'value-read') told = effect.notice
        else if (effect.type === 'ask' && !done.has(effect.id)) {
          done.add(effect.id)
          more = true
          const fails = effect.question.type === failing
          this.give({
            type: 'answer',
            id: effect.id,
            ...(fails
              ? { error: 'the host is busy' }
              : { answer: answerOf(effect.question as RoutingQuestion) })
          })
        } else if (effect.type === 'send' && effect.message.type === 'get') {
          more = true
          const { id } = effect.message
          const [number] = [...this.#links].find(([, link]) => link === effect.link)!
          asked.push(number)
          const record = given[number]
          const records = record === undefined ? [] : [record]
          const message = { type: 'page', id, records, total: records.length } as const
          this.give({ type: 'message', link: effect.link, message })
        }
      }
    }
    return { asked, told }
  }
}

describe('a root that names no replicas', () => {
  it.each([
    ['an old value', 1],
    ['nothing', undefined]
  ])('and gives %s is not the whole quorum of a reader that knows of more peers', (_, sequence) => {
    const reader = new Reader([1])
    const record = sequence === undefined ? undefined : reader.value(sequence)
    const { told } = reader.read({ 1: record })
    expect(told).toMatchObject({ incomplete: true })
    expect(told?.record).toEqual(record)
  })

  it('is all that there is where the reader knows of nobody else', () => {
    const reader = new Reader([1], 0)
    const { told } = reader.read({ 1: reader.value(1) })
    expect(told?.record?.sequence).toBe(1)
    expect(told?.incomplete).toBeUndefined()
    // One more that it knows of is one more that should have answered.
    const other = new Reader([1], 1)
    expect(other.read({ 1: other.value(1) }).told?.incomplete).toBe(true)
  })
})

describe('a holder that gives what is signed by nobody', () => {
  it('is no answer: the next one is asked, and what others have is read', () => {
    const reader = new Reader([1, 2, 3, 4])
    const lie = reader.value(9, { body: Uint8Array.of(BAD) })
    const { asked, told } = reader.read({ 1: lie, 2: reader.value(1), 3: reader.value(2), 4: undefined })
    expect(asked).toEqual([1, 2, 3])
    expect(told?.record?.sequence).toBe(2)
    expect(told?.incomplete).toBeUndefined()
  })

  it('does not make nobody of all others, nor of itself alone', () => {
    const reader = new Reader([1, 2, 3, 4])
    const lie = reader.value(9, { body: Uint8Array.of(BAD) })
    const { asked, told } = reader.read({ 1: lie, 2: undefined, 3: undefined, 4: reader.value(1) })
    expect(asked).toEqual([1, 2, 3, 4])
    expect(told?.record?.sequence).toBe(1)
    const alone = new Reader([1], 0)
    expect(alone.read({ 1: lie }).told).toMatchObject({ incomplete: true, holders: 0 })
  })

  it('cannot have its lie pass for the version that another one signed', () => {
    const reader = new Reader([1, 2, 3])
    const lie = reader.value(5, { body: Uint8Array.of(BAD) })
    const { told } = reader.read({ 1: lie, 2: reader.value(5), 3: undefined })
    expect(told?.record).toEqual(reader.value(5))
  })
})

describe('a value that has expired', () => {
  it('is none, whoever gives it', () => {
    const reader = new Reader([1, 2])
    const { wall } = reader.effects
    const over = reader.value(9, { expiresMs: wall })
    expect(reader.read({ 1: over, 2: over }).told).toMatchObject({ holders: 0 })
    const { told } = reader.read({ 1: over, 2: reader.value(1, { expiresMs: wall + 1 }) })
    expect(told?.record?.sequence).toBe(1)
  })
})

describe('a question that fails', () => {
  it.each(['verify', 'select'])('to %s is a failure, and not a value that nobody has', failing => {
    const reader = new Reader([1, 2])
    const { told } = reader.read({ 1: reader.value(1), 2: reader.value(2) }, { failing })
    expect(told).toMatchObject({ failure: 'busy' })
    expect(told?.record).toBeUndefined()
  })
})
