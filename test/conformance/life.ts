/**
 * The life of a ring, wherever it runs: peers find each other, one joins, a value is put and a provider announced,
 * the root of the value's key crashes, and that of the provider's leaves in good order. Peers are named in the
 * order of their keys, so that `b` follows `a` on every host, though their PeerIds differ.
 */
import {
  type ChordCommand,
  ChordMachine,
  type ChordRules,
  type ChordSettings,
  type ChordTypes
} from '@servent/chord/machine'
import type { HostLimits } from '@servent/libp2p-host'
import { type Contact, compareKeys, KEY_BYTES, type Key, keyOfPeer, keyToHex } from '@servent/overlay/machine'
import { randomOf } from '@servent/simulator'
import { Watched } from './watched.ts'

export const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const
export type Name = (typeof NAMES)[number]

/** Joins when the others are a ring. */
const JOINER: Name = 'd'
/** The root of the value's key, until it crashes. */
const CRASHES: Name = 'c'
/** The root of the provider's key, until it leaves. */
const LEAVES: Name = 'f'

export const LIFE_SETTINGS: Partial<ChordSettings> = {
  successors: 3,
  replicas: 3,
  stabiliseMs: 500,
  fixFingersMs: 500,
  checkPredecessorMs: 500,
  mergeMs: 3_000,
  saveMs: 4_000,
  store: { repairMs: 3_000 },
  // Links that no table wants close between two questions.
  routing: { lingerMs: 1_000 }
}

/** Links come and go here as they do in an hour of the default settings, which the host's bound on comers is for. */
export const HOST_LIMITS: Partial<HostLimits> = { inboundLinksBurst: 1_000 }

const LIFETIME_MS = 3_600_000
/** In virtual time all of it passes; in real time what is waited for comes sooner. */
const FORMS_MS = 20_000
const MENDS_MS = 15_000
const ANSWERS_MS = 5_000
/** Longer than a delay: whoever had a connection to the one that crashed knows that it is gone. */
const NOTICED_MS = 50

export interface RingInit {
  /** Of the machines' chance. */
  readonly seed: string
  /** What all have beside `LIFE_SETTINGS`, or one of them: to show that the outcome tells of it. */
  readonly settingsOf?: (name: Name) => Partial<ChordSettings>
  /** Of machines that are broken on purpose. */
  readonly rules?: ChordRules
}

/** The machines of a ring, before any host runs them. */
export function watchedOf(
  { seed, settingsOf, rules }: RingInit,
  peers: Peers
): Map<Name, Watched<ChordTypes>> {
  return new Map(
    NAMES.map(name => {
      const random = randomOf(`${seed} ${name}`)
      const machine = new ChordMachine({ ...LIFE_SETTINGS, ...settingsOf?.(name) }, rules)
      const nameOf = (id: Uint8Array) => peers.nameOf(id)
      return [name, new Watched<ChordTypes>({ name, machine, nameOf, random: () => random.u32() })]
    })
  )
}

/** One host with all its nodes. */
export interface Ring {
  start(name: Name): Promise<void>
  /** A node hears of another one that speaks Chord. */
  contact(name: Name, other: Name): void
  /** Gives a command and returns its number, by which notices tell of it. */
  command(name: Name, command: ChordCommand): number
  /** Its process is gone, and its system tells the other sides. */
  crash(name: Name): Promise<void>
  stop(name: Name): Promise<void>
  /** In virtual time exactly so long; in real time until something holds, at most so long. */
  pass(ms: number, holds: () => boolean): Promise<void>
  wallMs(): number
  readonly peers: Peers
  watched(name: Name): Watched<ChordTypes>
}

/** Who is who: names in the order of keys. */
export class Peers {
  readonly #contacts: readonly Contact[]
  readonly #names: ReadonlyMap<string, Name>

  /** In any order. */
  constructor(contacts: readonly Contact[]) {
    this.#contacts = contacts.toSorted((a, b) => compareKeys(keyOfPeer(a.id), keyOfPeer(b.id)))
    this.#names = new Map(this.#contacts.map(({ id }, place) => [keyToHex(id), NAMES[place]!]))
  }

  contactOf(name: Name): Contact {
    return this.#contacts[NAMES.indexOf(name)]!
  }

  keyOf(name: Name): Key {
    return keyOfPeer(this.contactOf(name).id)
  }

  nameOf(id: Uint8Array): Name | undefined {
    return this.#names.get(keyToHex(id))
  }
}

/** All signatures are good, and of two values the first is as good as any: hosts of the house answer alike. */
export function answered(question: ChordTypes['question']): ChordTypes['answer'] {
  if (question.type === 'select') return { type: 'selected', index: 0 }
  return { type: 'verified', good: question.records.map(() => true) }
}

export interface Tables {
  readonly mode: string
  readonly predecessor: string
  readonly successors: readonly string[]
}

/** What came of it, without what is a matter of time. */
export interface Life {
  readonly tables: Readonly<Record<string, Readonly<Record<string, Tables>>>>
  /** For each question its answers, by who asked. */
  readonly answers: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export async function live(ring: Ring): Promise<Life> {
  const alive = new Set<Name>()
  const tables: Record<string, Record<string, Tables>> = {}
  const answers: Record<string, Record<string, string>> = {}
  const start = async (name: Name) => {
    await ring.start(name)
    alive.add(name)
  }
  const settle = async (when: string, ms: number) => {
    await ring.pass(ms, () => whatIsWrong(ring, [...alive]) === undefined)
    const wrong = whatIsWrong(ring, [...alive])
    if (wrong !== undefined) throw new Error(`${when}: ${wrong}`)
    tables[when] = Object.fromEntries(
      NAMES.filter(name => alive.has(name)).map(name => [name, tablesOf(ring, name)])
    )
  }
  const ask = async (what: string, command: ChordCommand, who: Iterable<Name> = alive) => {
    const asked = [...who].map(name => [name, ring.command(name, command)] as const)
    const told = () => asked.map(([name, id]) => answerOf(ring, name, id))
    await ring.pass(ANSWERS_MS, () => told().every(answer => answer !== undefined))
    answers[what] = Object.fromEntries(asked.map(([name], at) => [name, told()[at] ?? 'nothing']))
  }

  for (const name of NAMES) if (name !== JOINER) await start(name)
  for (const name of NAMES.slice(1)) if (name !== JOINER) ring.contact(name, 'a')
  await settle('formed', FORMS_MS)
  await start(JOINER)
  ring.contact(JOINER, 'g')
  await settle('joined', MENDS_MS)

  const valueKey = before(ring.peers.keyOf(CRASHES))
  const providerKey = before(ring.peers.keyOf(LEAVES))
  const common = { sequence: 1, expiresMs: ring.wallMs() + LIFETIME_MS }
  const value = new TextEncoder().encode('a value')
  await ask('who is the root of the value', { type: 'lookup', key: valueKey })
  const put = { kind: 'value', key: valueKey, subject: new Uint8Array(), body: value, ...common } as const
  await ask('put', { type: 'publish', records: [{ ...put, publisher: ring.peers.contactOf('b') }] }, ['b'])
  const provided = { kind: 'provider', key: providerKey, subject: providerKey, ...common } as const
  const provider = { ...provided, publisher: ring.peers.contactOf('a'), body: Uint8Array.of(1) }
  await ask('provide', { type: 'publish', records: [provider] }, ['a'])
  const get = { type: 'read-value', key: valueKey, quorum: 0 } as const
  const find = { type: 'fetch', kind: 'provider', key: providerKey, limit: 10 } as const
  await ask('get', get)
  await ask('find', find)

  await ring.crash(CRASHES)
  alive.delete(CRASHES)
  await ring.pass(NOTICED_MS, () => true)
  await ask('who is the root right after the crash', { type: 'lookup', key: valueKey })
  await ask('get right after the crash', get)
  await settle('mended', MENDS_MS)
  await ask('who is the root once it is mended', { type: 'lookup', key: valueKey })
  await ask('get once it is mended', get)

  ring.command(LEAVES, { type: 'leave' })
  await ring.pass(MENDS_MS, () => tablesOf(ring, LEAVES).mode === 'idle')
  await ring.stop(LEAVES)
  alive.delete(LEAVES)
  await ask('find right after the leave', find)
  await settle('left', MENDS_MS)
  await ask('who is the root of the provider', { type: 'lookup', key: providerKey })
  await ask('find once it has left', find)
  for (const name of alive) await ring.stop(name)
  return { tables, answers }
}

function tablesOf(ring: Ring, name: Name): Tables {
  const watched = ring.watched(name)
  const { mode, places } = watched.snapshot()
  const { predecessor, successors } = places[0]!
  return {
    mode,
    predecessor: predecessor === null ? 'nobody' : watched.peerName(predecessor.peer),
    successors: successors.map(({ peer }) => watched.peerName(peer))
  }
}

/** Why the tables are not those of a ring of these; undefined where they are. */
function whatIsWrong(ring: Ring, alive: readonly Name[]): string | undefined {
  const sorted = alive.toSorted()
  const at = (place: number) => sorted[(place + sorted.length) % sorted.length]!
  for (const [place, name] of sorted.entries()) {
    const found = JSON.stringify(tablesOf(ring, name))
    const wanted: Tables = {
      mode: 'ring',
      predecessor: at(place - 1),
      successors: [at(place + 1), at(place + 2), at(place + 3)]
    }
    if (found !== JSON.stringify(wanted)) return `${name} has ${found}, not ${JSON.stringify(wanted)}`
  }
  return undefined
}

/** What notices told of a command, without hops and milliseconds; undefined as long as it is under way. */
function answerOf(ring: Ring, name: Name, command: number): string | undefined {
  const notices = ring
    .watched(name)
    .notices.filter(notice => 'command' in notice && notice.command === command)
  const records: string[] = []
  for (const notice of notices) {
    switch (notice.type) {
      case 'looked-up':
        return ring.peers.nameOf(notice.root.id) ?? 'a stranger'
      case 'lookup-failed':
        return notice.reason
      case 'published':
        return notice.outcomes.join()
      case 'value-read':
        return notice.record === undefined
          ? (notice.failure ?? 'no value')
          : `${new TextDecoder().decode(notice.record.body)} of ${ring.peers.nameOf(notice.record.publisher.id)}`
      case 'records':
        for (const { publisher } of notice.records)
          records.push(ring.peers.nameOf(publisher.id) ?? 'a stranger')
        break
      case 'records-end':
        return `${records.join()}, ${notice.total} in all${notice.failure === undefined ? '' : `, ${notice.failure}`}`
    }
  }
  return undefined
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
