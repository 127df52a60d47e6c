/**
 * The life of a network of a structured overlay, wherever it runs: peers find each other, one joins, a value is put and a
 * provider announced, the root of the value's key crashes, that of the provider's leaves in good order, and the one that
 * crashed comes back with what it had saved. Peers are named in the order of their keys, so that `b` follows `a` on every
 * host, though their PeerIds differ. What each overlay has of its own stands in `life-overlays.ts`.
 */
import type { RoutingCommand, RoutingNotice, RoutingQuestion } from '@servent/key-routing/machine'
import type { HostLimits, StateStore } from '@servent/libp2p-host'
import type { OverlayName } from '@servent/overlay'
import {
  type Codec,
  type Contact,
  compareKeys,
  KEY_BYTES,
  type Key,
  keyOfPeer,
  keyToHex,
  type Machine,
  type MachineTypes
} from '@servent/overlay/machine'
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

/** Links come and go here as they do in an hour of the default settings, which the host's bound on comers is for. */
export const HOST_LIMITS: Partial<HostLimits> = { inboundLinksBurst: 1_000 }

const LIFETIME_MS = 3_600_000
/** In virtual time all of it passes; in real time what is waited for comes sooner. */
const FORMS_MS = 20_000
const MENDS_MS = 15_000
const ANSWERS_MS = 5_000
/** Longer than what lies between two saves of what a machine remembers for its next life. */
const SAVES_MS = 8_000
/** Longer than a delay: whoever had a connection to the one that crashed knows that it is gone. */
const NOTICED_MS = 50

/** What an overlay has of its own. */
export interface LifeOverlay<T extends MachineTypes> {
  readonly name: OverlayName
  readonly protocol: string
  readonly codec: Codec<T['message']>
  createMachine(settings: object, rules?: unknown): Machine<T>
  readonly answered: (question: T['question']) => T['answer']
  /** By what it leaves in good order before it stops, where it can. */
  readonly leave: T['command'] | undefined
  /** The tables of a node, without what is a matter of time; of nobody but those who live where it keeps others a while. */
  tablesOf(tables: T['snapshot'], nameOf: (peer: number) => string, alive: readonly Name[]): Tables
  /** What they are in a network that is whole; `alive` in the order of keys. */
  wholeTables(name: Name, alive: readonly Name[]): Tables
  isOut(tables: T['snapshot']): boolean
  /** Whether answers are right in the moment after somebody went, too: what goes by gossip is so a little later. */
  readonly isRightAtOnce: boolean
  /** Less than nothing where the first key is nearer: whose it is, of all that live. */
  compare(key: Key, a: Key, b: Key): number
}

export type Tables = Readonly<Record<string, string | readonly string[]>>

export interface LifeInit<T extends MachineTypes> {
  readonly overlay: LifeOverlay<T>
  /** Of the machines' chance. */
  readonly seed: string
  /** What all have beside the overlay's settings for this, or one of them: to show that the outcome tells of it. */
  readonly settingsOf?: (name: Name) => object
  /** Of machines that are broken on purpose. */
  readonly rules?: unknown
}

/** A machine of a network, before any host runs it. `life`: how often the node was started before. */
export function watchedOf<T extends MachineTypes>(
  { overlay, seed, settingsOf, rules }: LifeInit<T>,
  peers: Peers,
  name: Name,
  life = 0
): Watched<T> {
  const random = randomOf(`${seed} ${name}${life === 0 ? '' : ` ${life}`}`)
  const machine = overlay.createMachine({ ...settingsOf?.(name) }, rules)
  return new Watched<T>({ name, machine, nameOf: id => peers.nameOf(id), random: () => random.u32() })
}

/** Where a node's machines save, life after life. One that crashed and does not know saves nothing more. */
export function storeOfLife(kept: StateStore, watched: { readonly isEnded: boolean }): StateStore {
  return {
    load: () => kept.load(),
    save: async (key, bytes) => {
      if (!watched.isEnded) await kept.save(key, bytes)
    }
  }
}

/** One host with all its nodes. */
export interface Ring<T extends MachineTypes> {
  start(name: Name): Promise<void>
  /** A node hears of another one that speaks Chord. */
  contact(name: Name, other: Name): void
  /** Gives a command and returns its number, by which notices tell of it. */
  command(name: Name, command: T['command']): number
  /** Its process is gone, and its system tells the other sides. */
  crash(name: Name): Promise<void>
  stop(name: Name): Promise<void>
  /** A node that crashed begins again with what its machine had saved. */
  restart(name: Name): Promise<void>
  /** In virtual time exactly so long; in real time until something holds, at most so long. */
  pass(ms: number, holds: () => boolean): Promise<void>
  wallMs(): number
  readonly peers: Peers
  watched(name: Name): Watched<T>
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
export function answered(question: RoutingQuestion) {
  if (question.type === 'select') return { type: 'selected' as const, index: 0 }
  return { type: 'verified' as const, good: question.records.map(() => true) }
}

/** What came of it, without what is a matter of time. */
export interface Life {
  readonly tables: Readonly<Record<string, Readonly<Record<string, Tables>>>>
  /** For each question its answers, by who asked. */
  readonly answers: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export async function live<T extends MachineTypes>(ring: Ring<T>, overlay: LifeOverlay<T>): Promise<Life> {
  const alive = new Set<Name>()
  const tables: Record<string, Record<string, Tables>> = {}
  const answers: Record<string, Record<string, string>> = {}
  const sorted = () => [...alive].toSorted()
  const tablesOf = (name: Name): Tables => {
    const watched = ring.watched(name)
    return overlay.tablesOf(watched.snapshot(), peer => watched.peerName(peer), sorted())
  }
  const whatIsWrong = (): string | undefined => {
    for (const name of sorted()) {
      const [found, wanted] = [tablesOf(name), overlay.wholeTables(name, sorted())].map(told =>
        JSON.stringify(told)
      )
      if (found !== wanted) return `${name} has ${found}, not ${wanted}`
    }
    return undefined
  }
  const start = async (name: Name) => {
    await ring.start(name)
    alive.add(name)
  }
  const settle = async (when: string, ms: number) => {
    await ring.pass(ms, () => whatIsWrong() === undefined)
    const wrong = whatIsWrong()
    if (wrong !== undefined) throw new Error(`${when}: ${wrong}`)
    tables[when] = Object.fromEntries(sorted().map(name => [name, tablesOf(name)]))
  }
  /** Whose a key is: the one that it should be by everybody's keys, or somebody else by name. */
  const rootName = (key: Key, found: Name | undefined): string => {
    const [nearest] = sorted().toSorted((a, b) =>
      overlay.compare(key, ring.peers.keyOf(a), ring.peers.keyOf(b))
    )
    return found === nearest ? 'the nearest' : (found ?? 'a stranger')
  }
  const ask = async (what: string, command: RoutingCommand, who: Iterable<Name> = alive) => {
    const asked = [...who].map(name => [name, ring.command(name, command as T['command'])] as const)
    const told = () =>
      asked.map(([name, id]) => answerOf(ring, name, id, found => rootName(keyOf(command), found)))
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

  const hasSaved = () => ring.watched(CRASHES).log.some(line => line.startsWith('  -> save '))
  await ring.pass(SAVES_MS, hasSaved)
  await ring.crash(CRASHES)
  alive.delete(CRASHES)
  await ring.pass(NOTICED_MS, () => false)
  if (overlay.isRightAtOnce)
    await ask('who is the root right after the crash', { type: 'lookup', key: valueKey })
  await ask('get right after the crash', get)
  await settle('mended', MENDS_MS)
  await ask('who is the root once it is mended', { type: 'lookup', key: valueKey })
  await ask('get once it is mended', get)

  if (overlay.leave !== undefined) {
    ring.command(LEAVES, overlay.leave)
    await ring.pass(MENDS_MS, () => overlay.isOut(ring.watched(LEAVES).snapshot()))
  }
  await ring.stop(LEAVES)
  alive.delete(LEAVES)
  if (overlay.isRightAtOnce) await ask('find right after the leave', find)
  await settle('left', MENDS_MS)
  await ask('who is the root of the provider', { type: 'lookup', key: providerKey })
  await ask('find once it has left', find)

  await ring.restart(CRASHES)
  alive.add(CRASHES)
  await settle('came back', FORMS_MS)
  await ask('who is the root of the value when it is back', { type: 'lookup', key: valueKey })
  await ask('get when it is back', get)
  for (const name of sorted()) await ring.stop(name)
  return { tables, answers }
}

function keyOf(command: RoutingCommand): Key {
  return 'key' in command ? command.key : new Uint8Array(KEY_BYTES)
}

/** What notices told of a command, without hops and milliseconds; undefined as long as it is under way. */
function answerOf<T extends MachineTypes>(
  ring: Ring<T>,
  name: Name,
  command: number,
  rootName: (found: Name | undefined) => string
): string | undefined {
  const told = ring.watched(name).notices as readonly RoutingNotice[]
  const notices = told.filter(notice => 'command' in notice && notice.command === command)
  const records: string[] = []
  for (const notice of notices) {
    switch (notice.type) {
      case 'looked-up':
        return rootName(ring.peers.nameOf(notice.root.id))
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
