/**
 * The steps of a life: peers find each other, one joins, a value is put, files are shared and one of them is taken back;
 * the root of the value's key crashes, that of a provider's leaves in good order, and both come back with what they had
 * saved, while others crash and come back, too; then the network parts, each side goes on by itself, and it heals.
 *
 * A step ends when tables are what they should be. Then it asks, each living peer or one; what takes its time to come
 * round is asked again until the answer is the right one. What an overlay is not asked, its table of answers leaves out.
 */
import type { RoutingCommand, StoredRecord } from '@servent/key-routing/machine'
import { KEY_BYTES, type Key, keyOfWord, type MachineTypes } from '@servent/overlay/machine'
import { type Life, type LifeOverlay, NAMES, type Name, type Ring, type Tables } from './life.ts'
import { answerOf, type FileName, keyOf, subjectOf } from './life-answers.ts'

/** Joins when the others are a network. */
const JOINER: Name = 'd'
/** The root of the value's key, until it crashes. */
const CRASHES: Name = 'c'
/** The root of the provider's key, until it leaves. */
const LEAVES: Name = 'f'
/** They share files, and live as long as all of it does. */
const [SHARES, SHARES_TOO] = ['a', 'g'] as const satisfies readonly Name[]
/** Every other one, so that each peer loses some of its neighbours. */
const SIDE: readonly Name[] = ['a', 'c', 'e']
const OTHER_SIDE = NAMES.filter(name => !SIDE.includes(name))

const LIFETIME_MS = 3_600_000
const FORMS_MS = 20_000
const MENDS_MS = 15_000
/** Two halves know each other again by what each remembers, one after the other. */
const HEALS_MS = 60_000
const ANSWERS_MS = 5_000
/** Records are copied, and tuples go round, when tables are whole already. */
const COMES_ROUND_MS = 30_000
const ASKED_AGAIN_MS = 500
/** Longer than what lies between two saves of what a machine remembers for its next life. */
const SAVES_MS = 8_000
/** Longer than a delay: whoever had a connection to the one that is gone knows it. */
const NOTICED_MS = 50
/** Longer than links stay that no table wants: what was under way with a peer that leaves has ended. */
const LINGERS_MS = 1_500
/** Too short for tables to be mended. */
const NEXT_MS = 300

const bytesOf = (text: string) => new TextEncoder().encode(text)

interface Asking {
  readonly who?: Iterable<Name>
  /** How long the right answer may take to come round: it is asked for again meanwhile. Not at all where it is not said. */
  readonly withinMs?: number
}

export async function live<T extends MachineTypes>(ring: Ring<T>, overlay: LifeOverlay<T>): Promise<Life> {
  const course = new Course(ring, overlay)
  await course.forms()
  await course.keeps()
  await course.shares()
  await course.takesBack()
  await course.losesOne()
  await course.letsOneGo()
  await course.churns()
  await course.parts()
  await course.heals()
  await course.ends()
  return { tables: course.tables, answers: course.answers }
}

class Course<T extends MachineTypes> {
  readonly tables: Record<string, Record<string, Tables>> = {}
  readonly answers: Record<string, Record<string, string>> = {}
  readonly #ring: Ring<T>
  readonly #overlay: LifeOverlay<T>
  readonly #alive = new Set<Name>()
  #isParted = false
  #sequence = 0

  constructor(ring: Ring<T>, overlay: LifeOverlay<T>) {
    this.#ring = ring
    this.#overlay = overlay
  }

  async forms(): Promise<void> {
    for (const name of NAMES) if (name !== JOINER) await this.#start(name)
    for (const name of NAMES.slice(1)) if (name !== JOINER) this.#ring.contact(name, 'a')
    await this.#settle('formed', FORMS_MS)
    await this.#start(JOINER)
    this.#ring.contact(JOINER, 'g')
    await this.#settle('joined', MENDS_MS)
  }

  async keeps(): Promise<void> {
    const key = this.#valueKey
    await this.#ask('who is the root of the value', { type: 'lookup', key })
    await this.#publish('put', 'b', [this.#value('a value', 'b')])
    await this.#publish('provide', SHARES, [this.#provider(SHARES, this.#providerKey)])
    await this.#ask('get', this.#get)
    await this.#ask('find', this.#find(this.#providerKey))
  }

  async shares(): Promise<void> {
    const [blue, green] = [this.#file('blue song', SHARES), this.#file('green song', SHARES)]
    await this.#publish('share two files', SHARES, [...blue, ...green])
    await this.#publish('share another', SHARES_TOO, this.#file('red song', SHARES_TOO))
    const withinMs = COMES_ROUND_MS
    await this.#ask('search for one word', this.#search('song'), { withinMs })
    await this.#ask('search for two words', this.#search('song', 'green'), { withinMs })
    await this.#ask('find by content', this.#find(subjectOf('green song')), { withinMs })
    await this.#ask('search for what nobody has', this.#search('grey'))
  }

  async takesBack(): Promise<void> {
    await this.#publish('take one back', SHARES, withdrawn(this.#file('green song', SHARES)))
    const withinMs = COMES_ROUND_MS
    await this.#ask('search for the word of what is left', this.#search('song'), { withinMs })
    await this.#ask('search for what was taken back', this.#search('green'), { withinMs })
    await this.#ask('find what was taken back', this.#find(subjectOf('green song')), { withinMs })
  }

  async losesOne(): Promise<void> {
    const key = this.#valueKey
    await this.#saved()
    await this.#crash(CRASHES)
    await this.#pass(NOTICED_MS)
    await this.#ask('who is the root right after the crash', { type: 'lookup', key })
    await this.#ask('get right after the crash', this.#get)
    await this.#settle('mended', MENDS_MS)
    await this.#ask('who is the root once it is mended', { type: 'lookup', key })
    await this.#ask('get once it is mended', this.#get)
  }

  async letsOneGo(): Promise<void> {
    const { leave, isOut } = this.#overlay
    if (leave !== undefined) {
      this.#ring.command(LEAVES, leave)
      await this.#ring.pass(MENDS_MS, () => isOut(this.#ring.watched(LEAVES).snapshot()))
      await this.#pass(LINGERS_MS)
    }
    await this.#ring.stop(LEAVES)
    this.#alive.delete(LEAVES)
    await this.#pass(NOTICED_MS)
    const find = this.#find(this.#providerKey)
    await this.#ask('find right after the leave', find)
    await this.#settle('left', MENDS_MS)
    await this.#ask('who is the root of the provider', { type: 'lookup', key: this.#providerKey })
    await this.#ask('find once it has left', find)
    this.#ring.divergesFromHere()
    await this.#restart(CRASHES)
    await this.#settle('came back', FORMS_MS)
    await this.#ask('who is the root of the value when it is back', { type: 'lookup', key: this.#valueKey })
    await this.#ask('get when it is back', this.#get)
  }

  /** The writer of the value crashes while the one that left comes back, and another one while the writer does. */
  async churns(): Promise<void> {
    await this.#saved()
    await this.#crash('b')
    await this.#restart(LEAVES)
    await this.#pass(NEXT_MS)
    await this.#crash('e')
    await this.#restart('b')
    await this.#pass(NEXT_MS)
    await this.#restart('e')
    await this.#settle('after churn', FORMS_MS)
    const withinMs = COMES_ROUND_MS
    await this.#ask('get after churn', this.#get, { withinMs })
    await this.#ask('find after churn', this.#find(this.#providerKey), { withinMs })
    await this.#ask('search after churn', this.#search('song'), { withinMs })
    await this.#ask('search for what was taken back after churn', this.#search('green'), { withinMs })
  }

  /** Each side has what it had, puts a value, and one takes a file back while the other shares one. */
  async parts(): Promise<void> {
    this.#ring.split(SIDE)
    this.#isParted = true
    await this.#settle('parted', FORMS_MS)
    const withinMs = COMES_ROUND_MS
    await this.#ask('get on each side', this.#get, { withinMs })
    await this.#ask('search on each side', this.#search('song'), { withinMs })
    await this.#publish('put on one side', 'b', [this.#value('an older value', 'b')])
    await this.#publish('put on the other side', 'c', [this.#value('a newer value', 'c')])
    await this.#publish('take back on one side', SHARES, withdrawn(this.#file('blue song', SHARES)))
    await this.#publish('share on the other side', SHARES_TOO, this.#file('grey song', SHARES_TOO))
    await this.#ask('get what each side has put', this.#get, { withinMs })
    await this.#ask('search for what each side has', this.#search('song'), { withinMs })
  }

  async heals(): Promise<void> {
    this.#ring.heal()
    this.#isParted = false
    await this.#settle('healed', HEALS_MS)
    const withinMs = COMES_ROUND_MS
    await this.#ask('who is the root of the value when all is healed', {
      type: 'lookup',
      key: this.#valueKey
    })
    await this.#ask('get when all is healed', this.#get, { withinMs })
    await this.#ask('find when all is healed', this.#find(this.#providerKey), { withinMs })
    await this.#ask('search when all is healed', this.#search('song'), { withinMs })
    await this.#ask('search for what one side took back', this.#search('blue'), { withinMs })
  }

  async ends(): Promise<void> {
    for (const name of this.#sorted()) await this.#ring.stop(name)
  }

  get #valueKey(): Key {
    return before(this.#ring.peers.keyOf(CRASHES))
  }

  get #providerKey(): Key {
    return before(this.#ring.peers.keyOf(LEAVES))
  }

  get #get(): RoutingCommand {
    return { type: 'read-value', key: this.#valueKey, quorum: 0 }
  }

  get #patienceMs(): number {
    return this.#overlay.tellsByGossip ? COMES_ROUND_MS : 0
  }

  #find(key: Key): RoutingCommand {
    return { type: 'fetch', kind: 'provider', key, limit: 10 }
  }

  #search(...words: readonly string[]): RoutingCommand {
    return { type: 'fetch-rarest', keys: words.map(keyOfWord), limit: 10 }
  }

  #value(text: string, name: Name): StoredRecord {
    return this.#record('value', name, this.#valueKey, new Uint8Array(), bytesOf(text))
  }

  #provider(name: Name, key: Key): StoredRecord {
    return this.#record('provider', name, key, key, Uint8Array.of(1))
  }

  /** A file's records, as a service announces it: one by its content and one by each word of its name. */
  #file(file: FileName, name: Name): StoredRecord[] {
    const subject = subjectOf(file)
    const words = file
      .split(' ')
      .map(word => this.#record('word', name, keyOfWord(word), subject, bytesOf(file)))
    return [this.#provider(name, subject), ...words]
  }

  /** Newer than all before it. */
  #record(
    kind: StoredRecord['kind'],
    name: Name,
    key: Key,
    subject: Uint8Array,
    body: Uint8Array
  ): StoredRecord {
    this.#sequence += 1
    const { peers, wallMs } = this.#ring
    const publisher = peers.contactOf(name)
    const expiresMs = wallMs() + LIFETIME_MS
    return { kind, key, publisher, sequence: this.#sequence, expiresMs, subject, body }
  }

  #sorted(): Name[] {
    return [...this.#alive].toSorted()
  }

  /** Who lives and can be reached by a peer, itself among them. */
  #within(name: Name): readonly Name[] {
    if (!this.#isParted) return this.#sorted()
    const side = SIDE.includes(name) ? SIDE : OTHER_SIDE
    return side.filter(one => this.#alive.has(one))
  }

  async #start(name: Name): Promise<void> {
    await this.#ring.start(name)
    this.#alive.add(name)
  }

  async #crash(name: Name): Promise<void> {
    await this.#ring.crash(name)
    this.#alive.delete(name)
  }

  async #restart(name: Name): Promise<void> {
    await this.#ring.restart(name)
    this.#alive.add(name)
  }

  /** All of the time. */
  async #pass(ms: number): Promise<void> {
    await this.#ring.pass(ms, () => false)
  }

  /** Everybody has saved what it will come back with. */
  async #saved(): Promise<void> {
    const hasSaved = (name: Name) => this.#ring.watched(name).log.some(line => line.startsWith('  -> save '))
    await this.#ring.pass(SAVES_MS, () => this.#sorted().every(hasSaved))
  }

  #tablesOf(name: Name): Tables {
    const watched = this.#ring.watched(name)
    return this.#overlay.tablesOf(watched.snapshot(), peer => watched.peerName(peer), this.#within(name))
  }

  /** Of each whose tables are not what they should be. */
  #whatIsWrong(): string[] {
    return this.#sorted().flatMap(name => {
      const wanted = this.#overlay.wholeTables(name, this.#within(name))
      const [told, right] = [this.#tablesOf(name), wanted].map(tables => JSON.stringify(tables))
      return told === right ? [] : [`${name} has ${told}, not ${right}`]
    })
  }

  async #settle(when: string, ms: number): Promise<void> {
    await this.#ring.pass(ms, () => this.#whatIsWrong().length === 0)
    const wrong = this.#whatIsWrong()
    if (wrong.length > 0) throw new Error(`${when}: ${wrong.join('; ')}`)
    this.tables[when] = Object.fromEntries(this.#sorted().map(name => [name, this.#tablesOf(name)]))
  }

  async #publish(what: string, name: Name, records: readonly StoredRecord[]): Promise<void> {
    await this.#ask(what, { type: 'publish', records }, { who: [name] })
  }

  async #ask(
    what: string,
    command: RoutingCommand,
    { who, withinMs = this.#patienceMs }: Asking = {}
  ): Promise<void> {
    const right = this.#overlay.answers[what]
    if (right === undefined) return
    const untilMs = this.#ring.wallMs() + withinMs
    const isRight = (told: Readonly<Record<string, string>>) =>
      Object.entries(told).every(([name, answer]) => answer === right[name])
    for (;;) {
      const told = await this.#told(command, who ?? this.#sorted())
      this.answers[what] = told
      if (isRight(told) || this.#ring.wallMs() >= untilMs) return
      await this.#pass(ASKED_AGAIN_MS)
    }
  }

  async #told(command: RoutingCommand, who: Iterable<Name>): Promise<Record<string, string>> {
    const asked = [...who].map(name => [name, this.#ring.command(name, command as T['command'])] as const)
    const told = () =>
      asked.map(([name, id]) =>
        answerOf(this.#ring, name, id, found => this.#rootName(name, keyOf(command), found))
      )
    await this.#ring.pass(ANSWERS_MS, () => told().every(answer => answer !== undefined))
    return Object.fromEntries(asked.map(([name], at) => [name, told()[at] ?? 'nothing']))
  }

  /** Whose a key is: the one that it should be by the keys of all within reach, or somebody else by name. */
  #rootName(asker: Name, key: Key, found: Name | undefined): string {
    const { peers } = this.#ring
    const [nearest] = this.#within(asker).toSorted((a, b) =>
      this.#overlay.compare(key, peers.keyOf(a), peers.keyOf(b))
    )
    return found === nearest ? 'the nearest' : (found ?? 'a stranger')
  }
}

function withdrawn(records: readonly StoredRecord[]): StoredRecord[] {
  return records.map(record => ({ ...record, withdrawn: true }))
}

/** The key just before another one, whose root is the same. */
function before(key: Key): Key {
  const lower = Uint8Array.from(key)
  let place = KEY_BYTES - 1
  while (lower[place] === 0) {
    lower[place] = 255
    place -= 1
  }
  lower[place] = lower[place]! - 1
  return lower
}
