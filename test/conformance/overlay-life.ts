/**
 * The life of an `Overlay` as whoever embeds it sees it: files are announced, found by their words and by their content,
 * and taken back; values are put and got; a peer leaves and comes back, one crashes, one comes; the network parts, each
 * side goes on, and it heals. A step is asked for again until it gives what it should, or its time is over.
 */
import { VALUE_BYTES_MAX } from '@servent/key-routing/machine'
import { parseQuery, type SharedFile } from '@servent/overlay'
import type { CreateOverlay, Place, ServedPeer } from './served.ts'

const PEERS = 5
const LOOK_MS = 100
/** A search by itself. */
const SEARCH_MS = 4_000
/** Of a step in virtual time, and of one over TCP on a machine that is busy. */
const PATIENCE_MS = 60_000
/** Until somebody who knows nobody says so. */
const ALONE_MS = 500

export type Told = Readonly<Record<string, unknown>>

const ALL = ['blue mandolin.flac', 'red mandolin.flac', 'white mandolin.flac']

/** What each step gives, with peers by their places. */
export const RIGHT_STEPS: Told = {
  'all have met': true,
  announced: ['0 of 0', '2 of 2', '1 of 1', '0 of 0', '0 of 0'],
  'by one word': ['blue mandolin.flac', 'green mandolin.flac', 'red mandolin.flac'],
  'by two words': ['green mandolin.flac'],
  'by words that no file has': [],
  'by content': [1],
  'put by one': true,
  'got by another': 'hello',
  'put by another': true,
  'got by the first': 'good morning',
  'got what nobody put': 'nothing',
  'by the word of what was taken back': [],
  'by the word of what is left': ['blue mandolin.flac', 'red mandolin.flac'],
  'by the content of what was taken back': [],
  'got when one has left': 'good morning',
  'all have met the one that is back': true,
  'by words when it is back': ['blue mandolin.flac', 'red mandolin.flac'],
  'by content when it is back': [1],
  'the newcomer has announced': '1 of 1',
  'got by the newcomer after churn': 'good morning',
  'by words after churn': ['white mandolin.flac'],
  'all are back': true,
  'by words when all are back': ALL,
  'put on one side': true,
  'put on the other side': true,
  'got on one side': 'an older one',
  'got on the other side': 'a newer one',
  'by words on the other side': ['white mandolin.flac'],
  'all have met again': true,
  'got when all is healed': ['a newer one', 'a newer one'],
  'by words when all is healed': [ALL, ALL.slice(1)]
}

/** What is refused, by the name of its error. */
export const RIGHT_REFUSALS: Told = {
  'search while nobody is known': 'NotReadyError',
  'find while nobody is known': 'NotReadyError',
  'put a value that is too long': 'ValueError',
  'search when it has stopped': 'OverlayStoppedError',
  'find when it has stopped': 'OverlayStoppedError',
  'put when it has stopped': 'OverlayStoppedError',
  'get when it has stopped': 'OverlayStoppedError'
}

export interface OverlayLifeInit {
  readonly place: Place
  readonly create: CreateOverlay
  /** Whether a peer knows as many of so many others as its tables are to hold. */
  readonly hasMet: (peer: ServedPeer, others: number) => boolean
  readonly right: Told
}

const bytes = (text: string) => new TextEncoder().encode(text)

export async function liveServed(init: OverlayLifeInit): Promise<Told> {
  const life = new OverlayLife(init)
  try {
    await life.shares()
    await life.keeps()
    await life.takesBack()
    await life.restarts()
    await life.churns()
    await life.parts()
    return life.told
  } finally {
    await life.end()
  }
}

class OverlayLife {
  readonly told: Record<string, unknown> = {}
  readonly #init: OverlayLifeInit
  /** By their places; whoever comes back takes its own again. */
  readonly #peers: ServedPeer[] = []
  #green: SharedFile | undefined

  constructor(init: OverlayLifeInit) {
    this.#init = init
  }

  async shares(): Promise<void> {
    for (let at = 0; at < PEERS; at += 1) await this.#start(at)
    await this.#tell('all have met', () => this.#haveMet())
    this.#at(1).kept.catalogue.add('blue mandolin.flac')
    const green = this.#at(1).kept.catalogue.add('green mandolin.flac')
    this.#green = green
    this.#at(2).kept.catalogue.add('red mandolin.flac')
    await this.#tell('announced', () => this.#peers.map(announcedBy))
    await this.#tell('by one word', () => this.#search(3, 'mandolin'))
    await this.#tell('by two words', () => this.#search(4, 'mandolin green'))
    await this.#tell('by words that no file has', () => this.#search(4, 'mandolin trombone'))
    await this.#tell('by content', () => this.#find(3, green))
  }

  async keeps(): Promise<void> {
    await this.#tell('put by one', () => this.#put(2, 'hello'))
    await this.#tell('got by another', () => this.#get(4))
    await this.#tell('put by another', () => this.#put(3, 'good morning'))
    await this.#tell('got by the first', () => this.#get(2))
    await this.#tell('got what nobody put', () => this.#get(1, 'another'))
  }

  async takesBack(): Promise<void> {
    const green = this.#green!
    this.#at(1).kept.catalogue.remove(green)
    await this.#tell('by the word of what was taken back', () => this.#search(3, 'green'))
    await this.#tell('by the word of what is left', () => this.#search(3, 'mandolin'))
    await this.#tell('by the content of what was taken back', () => this.#find(3, green))
  }

  async restarts(): Promise<void> {
    const one = this.#at(1)
    await one.stop()
    await this.#tell('got when one has left', () => this.#get(4))
    await this.#start(1, one)
    await this.#tell('all have met the one that is back', () => this.#haveMet())
    await this.#tell('by words when it is back', () => this.#search(3, 'mandolin'))
    const [blue] = one.kept.catalogue.shared.values()
    await this.#tell('by content when it is back', () => this.#find(0, blue!))
  }

  /** One crashes, one comes, and one leaves, before anybody could mend anything; then all come back. */
  async churns(): Promise<void> {
    const [two, three] = [this.#at(2), this.#at(3)]
    await two.crash()
    await this.#start(PEERS)
    this.#at(PEERS).kept.catalogue.add('white mandolin.flac')
    await three.stop()
    await this.#tell('the newcomer has announced', () => announcedBy(this.#at(PEERS)))
    await this.#tell('got by the newcomer after churn', () => this.#get(PEERS))
    await this.#tell('by words after churn', () => this.#search(4, 'mandolin white'))
    await this.#start(2, two)
    await this.#start(3, three)
    await this.#tell('all are back', () => this.#haveMet())
    await this.#tell('by words when all are back', () => this.#search(4, 'mandolin'))
  }

  async parts(): Promise<void> {
    const { place } = this.#init
    place.split([0, 1, 3].map(at => this.#at(at)))
    await this.#tell('put on one side', () => this.#put(1, 'an older one'))
    await this.#tell('put on the other side', () => this.#put(2, 'a newer one'))
    await this.#tell('got on one side', () => this.#get(3))
    await this.#tell('got on the other side', () => this.#get(4))
    await this.#tell('by words on the other side', () => this.#search(4, 'white mandolin'))
    place.heal()
    await this.#tell('all have met again', () => this.#haveMet())
    await this.#tell('got when all is healed', async () => [await this.#get(0), await this.#get(4)])
    // What a peer shares itself it does not find.
    await this.#tell('by words when all is healed', async () => [
      await this.#search(0, 'mandolin'),
      await this.#search(1, 'mandolin')
    ])
  }

  async end(): Promise<void> {
    for (const peer of this.#peers) await peer.stop().catch(() => {})
  }

  #at(place: number): ServedPeer {
    return this.#peers[place]!
  }

  async #start(at: number, before?: ServedPeer): Promise<void> {
    const { place, create } = this.#init
    const bootstrap = at === 0 ? [] : this.#at(0).addresses
    this.#peers[at] = await place.start(create, bootstrap, before?.kept)
  }

  #haveMet(): boolean {
    return this.#peers.every(peer => this.#init.hasMet(peer, this.#peers.length - 1))
  }

  async #tell(what: string, ask: () => unknown): Promise<void> {
    const { place, right } = this.#init
    const wanted = JSON.stringify(right[what])
    const untilMs = place.nowMs() + PATIENCE_MS
    do {
      if (what in this.told) await place.pass(LOOK_MS)
      this.told[what] = await place.done(outcomeOf(async () => ask()))
    } while (JSON.stringify(this.told[what]) !== wanted && place.nowMs() < untilMs)
  }

  async #search(at: number, words: string): Promise<string[]> {
    const found: string[] = []
    const query = parseQuery(words)
    for await (const { record } of this.#at(at).service.search(query, { timeoutMs: SEARCH_MS }))
      found.push(record.name)
    return found.toSorted()
  }

  async #find(at: number, { id }: SharedFile): Promise<number[]> {
    const found: number[] = []
    for await (const { peerId } of this.#at(at).service.findProviders(id, { timeoutMs: SEARCH_MS }))
      found.push(this.#peers.findIndex(peer => peer.peerId === peerId))
    return found.toSorted()
  }

  async #put(at: number, value: string): Promise<boolean> {
    return (await this.#at(at).service.put('greeting', bytes(value))).copies > 0
  }

  async #get(at: number, key = 'greeting'): Promise<string> {
    const found = await this.#at(at).service.get(key)
    return found === undefined ? 'nothing' : new TextDecoder().decode(found.value)
  }
}

/** Each value is with one peer alone. All but two leave, one after the other, and one of those is asked for all. */
export async function keptWhenOthersLeave(
  init: OverlayLifeInit
): Promise<{ values: readonly string[]; got: readonly string[] }> {
  const { place, create, hasMet } = init
  const values = Array.from({ length: 16 }, (_, number) => `value ${number}`)
  const peers = [await place.start(create, [])]
  for (let at = 1; at < PEERS; at += 1) peers.push(await place.start(create, peers[0]!.addresses))
  const untilMs = place.nowMs() + PATIENCE_MS
  while (!peers.every(peer => hasMet(peer, PEERS - 1)) && place.nowMs() < untilMs) await place.pass(LOOK_MS)
  for (const value of values) await place.done(peers[1]!.service.put(value, bytes(value)))
  for (const peer of peers.slice(2)) await peer.stop()
  const got: string[] = []
  for (const value of values) {
    const found = await place.done(peers[0]!.service.get(value))
    got.push(found === undefined ? 'nothing' : new TextDecoder().decode(found.value))
  }
  for (const peer of peers.slice(0, 2)) await peer.stop()
  return { values, got }
}

function announcedBy({ service }: ServedPeer): string {
  const { announced } = service.snapshot()
  return `${announced?.files} of ${announced?.of}`
}

/** A peer whose only contact is gone, and that stops then: the name of the error that each call gives. */
export async function refusedBy({ place, create }: OverlayLifeInit): Promise<Told> {
  const gone = await place.start(create, [])
  await gone.stop()
  const peer = await place.start(create, gone.addresses)
  const { service, kept } = peer
  const { id } = kept.catalogue.add('blue mandolin.flac')
  const told: Record<string, unknown> = {}
  const tell = async (what: string, ask: () => Promise<unknown>): Promise<void> => {
    told[what] = await place.done(
      // What throws before there is a promise is no refusal that a caller expects.
      ask().then(
        () => 'no error',
        error => (error as Error).name
      )
    )
  }
  const search = () => first(service.search(parseQuery('mandolin'), { timeoutMs: ALONE_MS }))
  const find = () => first(service.findProviders(id, { timeoutMs: ALONE_MS }))
  await tell('search while nobody is known', search)
  await tell('find while nobody is known', find)
  await tell('put a value that is too long', () => service.put('key', new Uint8Array(VALUE_BYTES_MAX + 1)))
  await peer.stop()
  await tell('search when it has stopped', search)
  await tell('find when it has stopped', find)
  await tell('put when it has stopped', () => service.put('key', bytes('value')))
  await tell('get when it has stopped', () => service.get('key'))
  return told
}

async function first<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item
  return undefined
}

async function outcomeOf(ask: () => Promise<unknown>): Promise<unknown> {
  try {
    return await ask()
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`
  }
}
