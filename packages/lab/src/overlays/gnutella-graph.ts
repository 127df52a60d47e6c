/**
 * The links of a Gnutella network that has been there for a while, put down without its messages: peers come and go
 * by the rules of the machine, each step at once. What makes the graph is all here. Who comes knows a few members;
 * whoever is asked names its neighbours and some peers further off (the handshake's contacts, then pongs); those
 * heard of last are tried first; and who lost a neighbour notices it late, when others may have taken the place.
 *
 * Peers that only came, and never went, would make a chain in the order of their ages: only the youngest have
 * places free. So all are replaced a few times over.
 */
import {
  NEIGHBOURS_MAX,
  OPENS_MAX,
  OWN_PLACES_PART,
  PING_TTL,
  PONGS_PER_PING,
  pongsNeeded,
  TRY_CONTACTS_MAX
} from '@servent/gnutella/machine'
import type { Random } from '@servent/simulator'

/** Members that somebody who comes is told of. */
const CONTACTS = 3
/** How often every place is given to another peer, on average, before the graph is taken as it is. */
const TURNOVERS = 2
/**
 * When a death is noticed, in deaths for each peer: a ping after half a minute of silence and another third for its
 * answer, and as long again for those who are asked instead and are dead too, of a session of half an hour.
 */
const NOTICED_PART = 1 / 20
/** Rounds of asking for places before one gives up. */
const ROUNDS_MAX = 200
/** Pings for fresh hosts, likewise. */
const PINGS_MAX = 30
/** Rounds in which all who miss neighbours look once more, after nobody comes or goes. */
const QUIET_ROUNDS = 3

interface Member {
  readonly place: number
  links: Member[]
  /** Those that it opened itself. The latest last. */
  own: Member[]
  /** Of those, how many it had at its best. */
  ownWanted: number
  alive: boolean
}

/** Pairs of places from 0 to `count` - 1, the one first that opened the link. */
export function settledGraph(count: number, neighbours: number, random: Random): [number, number][] {
  return new GrowingGraph(count, Math.min(neighbours, NEIGHBOURS_MAX), random).settle()
}

class GrowingGraph {
  readonly #random: Random
  readonly #places: number
  readonly #sought: number
  readonly #reserved: number
  /** By place. */
  readonly #members: Member[] = []
  readonly #count: number
  /** Neighbours of the dead who have not noticed, the longest first. */
  readonly #bereaved: (readonly Member[])[] = []
  readonly #pongs = pongsNeeded(PING_TTL, PONGS_PER_PING)

  constructor(count: number, places: number, random: Random) {
    this.#count = count
    this.#places = places
    this.#sought = Math.ceil(places / 2)
    this.#reserved = Math.floor(places / OWN_PLACES_PART)
    this.#random = random
  }

  settle(): [number, number][] {
    for (let place = 0; place < this.#count; place += 1) this.#come(place)
    const unnoticed = Math.floor(this.#count * NOTICED_PART)
    for (let death = 0; death < TURNOVERS * this.#count; death += 1) {
      const place = this.#random.below(this.#count)
      this.#go(place)
      this.#come(place)
      if (this.#bereaved.length > unnoticed) this.#notice()
    }
    while (this.#bereaved.length > 0) this.#notice()
    for (let round = 0; round < QUIET_ROUNDS; round += 1)
      for (const member of this.#members) this.#seek(member, [this.#anybody()])
    return this.#members.flatMap(({ place, own }) =>
      own.map(other => [place, other.place] as [number, number])
    )
  }

  #come(place: number): void {
    const contacts = this.#members.length === 0 ? [] : Array.from({ length: CONTACTS }, () => this.#anybody())
    const member: Member = { place, links: [], own: [], ownWanted: 0, alive: true }
    this.#members[place] = member
    this.#seek(member, contacts)
  }

  #go(place: number): void {
    const dead = this.#members[place]!
    dead.alive = false
    for (const other of dead.links) {
      other.links = other.links.filter(one => one !== dead)
      other.own = other.own.filter(one => one !== dead)
    }
    this.#bereaved.push(dead.links)
  }

  #notice(): void {
    for (const member of this.#bereaved.shift()!) if (member.alive) this.#seek(member, [])
  }

  /** Opens links until none are missing, or nobody is known any more. */
  #seek(member: Member, contacts: Member[]): void {
    const tried = new Set([member])
    const heard: Iterator<Member>[] = [contacts.values()]
    let pings = 0
    for (let rounds = 0; rounds < ROUNDS_MAX && this.#missing(member) > 0; rounds += 1) {
      const asked = this.#ask(member, heard, tried)
      if (asked > 0) continue
      pings += 1
      if (pings > PINGS_MAX) return
      for (const neighbour of member.links) heard.push(this.#pongsOf(neighbour))
    }
  }

  /** Asks as many as links are opened at a time, and then hears what they all say. Gives how many there were. */
  #ask(member: Member, heard: Iterator<Member>[], tried: Set<Member>): number {
    const asked: Member[] = []
    const most = Math.min(OPENS_MAX, this.#missing(member))
    while (asked.length < most) {
      const other = nextOf(heard, tried, member)
      if (other === undefined) break
      tried.add(other)
      asked.push(other)
    }
    for (const other of asked) {
      heard.push(this.#named(other))
      if (!this.#hasRoom(other)) continue
      member.links.push(other)
      member.own.push(other)
      member.ownWanted = Math.max(member.ownWanted, Math.min(this.#sought, member.own.length))
      other.links.push(member)
      heard.push(this.#pongsOf(other))
    }
    return asked.length
  }

  /** As the machine counts them: strangers fill places too, but not those that it keeps for itself. */
  #missing({ links, own, ownWanted }: Member): number {
    const missing = Math.max(this.#sought - links.length, Math.max(ownWanted, this.#reserved) - own.length)
    return Math.min(missing, this.#places - links.length)
  }

  #hasRoom({ links, own }: Member): boolean {
    return links.length < this.#places - Math.max(0, this.#reserved - own.length)
  }

  /** Whom a handshake names: those first to whom one's own links worked. Made as far as somebody listens. */
  *#named(member: Member): Generator<Member, undefined> {
    let left = TRY_CONTACTS_MAX
    for (const other of member.own.toReversed()) if (left-- > 0) yield other
    for (const other of this.#pongsOf(member)) if (other !== member && left-- > 0) yield other
  }

  /** Who answers a ping: the neighbour itself, and some of each distance from it. */
  *#pongsOf(member: Member): Generator<Member, undefined> {
    for (const [distance, wanted] of this.#pongs.entries())
      for (let pong = 0; pong < wanted; pong += 1) yield this.#walk(member, distance)
  }

  #walk(from: Member, steps: number): Member {
    let at = from
    for (let step = 0; step < steps && at.links.length > 0; step += 1)
      at = at.links[this.#random.below(at.links.length)]!
    return at
  }

  #anybody(): Member {
    return this.#members[this.#random.below(this.#members.length)]!
  }
}

/** Takes the next one to be asked: of the words heard last, the first. */
function nextOf(
  heard: Iterator<Member>[],
  tried: ReadonlySet<Member>,
  { links }: Member
): Member | undefined {
  for (let words = heard.at(-1); words !== undefined; words = heard.at(-1)) {
    const { done, value: other } = words.next()
    if (done === true) heard.pop()
    else if (other.alive && !tried.has(other) && !links.includes(other)) return other
  }
  return undefined
}
