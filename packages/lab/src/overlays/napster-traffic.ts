/**
 * What one search costs all machines together: the question to a server, its questions to other servers, their results
 * and ends, and those that go to whoever asked. A user's number of a search is its own, and servers give it an
 * id of theirs; what it looks for goes from machine to machine as one object, and says which search it is.
 */
import { type NapsterMessage, type NapsterTypes, napsterCodec, type Wanted } from '@servent/napster/machine'
import { type Input, type Link, toHex } from '@servent/overlay/machine'
import { ExpiringMap } from './expiring-map.ts'
import type { QueryCost } from './gnutella-traffic.ts'
import type { Watch } from './observed.ts'

/** Timers of searches, which a network that stands still still takes. */
const OF_SEARCHES = /^(question|search) /

export class FindMessages implements Watch<NapsterTypes> {
  readonly #byWanted = new WeakMap<Wanted, QueryCost>()
  /** By the id that servers gave it. */
  readonly #byId: ExpiringMap<string, QueryCost>
  /** By a server's machine, its link to who asks, and the number that the search has there. */
  readonly #byAsker: ExpiringMap<string, QueryCost>
  #frozen = false

  /** `livesUs`: how long after its beginning messages of a search may come. */
  constructor(livesUs: number, nowUs: () => number) {
    this.#byId = new ExpiringMap(livesUs, nowUs)
    this.#byAsker = new ExpiringMap(livesUs, nowUs)
  }

  /** Counts for the search that looks for this. */
  expect(wanted: Wanted, cost: QueryCost): void {
    this.#byWanted.set(wanted, cost)
  }

  /** From now on upkeep stands still. Searches that are under way go on. */
  freeze(): void {
    this.#frozen = true
  }

  onInput(input: Input<NapsterTypes>, machine: number): boolean {
    if (input.type === 'message' && input.message.type === 'find') {
      const { query, wanted } = input.message
      const cost = this.#byWanted.get(wanted)
      if (cost !== undefined) this.#byAsker.set(askerOf(machine, input.link, query), cost)
    }
    return !(this.#frozen && input.type === 'timer' && !OF_SEARCHES.test(`${input.timer}`))
  }

  onSend(message: NapsterMessage, link: Link, machine: number): void {
    const cost = this.#costOf(message, link, machine)
    if (cost === undefined) return
    cost.messages += 1
    cost.trace?.sent(message, link, machine)
    cost.bytes += napsterCodec.byteLength(message)
  }

  #costOf(message: NapsterMessage, link: Link, machine: number): QueryCost | undefined {
    switch (message.type) {
      case 'find':
        return this.#byWanted.get(message.wanted)
      case 'mesh-find': {
        const cost = this.#byWanted.get(message.wanted)
        if (cost !== undefined) this.#byId.set(toHex(message.id), cost)
        return cost
      }
      case 'mesh-found':
      case 'mesh-end':
        return this.#byId.get(toHex(message.id))
      case 'found':
      case 'found-end':
        return this.#byAsker.get(askerOf(machine, link, message.query))
      default:
        return undefined
    }
  }
}

const askerOf = (machine: number, link: Link, query: number): string => `${machine}/${link}/${query}`
