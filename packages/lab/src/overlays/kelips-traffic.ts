/**
 * What lookups and publishing of Kelips cost all peers together. A lookup is known by its key, and an answer by the
 * link on which its question came and that one's id. Gossip that carries what was announced any further is upkeep.
 */
import type { KelipsMessage, KelipsTypes } from '@servent/kelips/machine'
import type { Input, Key, Link } from '@servent/overlay/machine'
import { ExpiringMap } from './expiring-map.ts'
import { type Cost, type QuestionTraffic, type TrafficInit, tagOf } from './structured-traffic.ts'

export class KelipsTraffic implements QuestionTraffic<KelipsTypes> {
  readonly #byKey: ExpiringMap<number, Cost>
  /** Questions that came to somebody and are not answered, by their link there and their id. */
  readonly #asked: ExpiringMap<string, Cost>
  readonly #bytesOf: (message: KelipsMessage) => number
  #publishing: Cost | undefined

  constructor({ livesUs, nowUs, bytesOf }: TrafficInit<KelipsTypes>) {
    this.#bytesOf = bytesOf
    this.#byKey = new ExpiringMap(livesUs, nowUs)
    this.#asked = new ExpiringMap(livesUs, nowUs)
  }

  expect(key: Key, cost: Cost): void {
    this.#byKey.set(tagOf(key), cost)
  }

  countPublishing(cost: Cost | undefined): void {
    this.#publishing = cost
  }

  onInput(input: Input<KelipsTypes>): boolean {
    if (input.type !== 'message' || !('id' in input.message)) return true
    const cost = this.#costOfQuestion(input.message)
    if (cost !== undefined) this.#asked.set(`${input.link} ${input.message.id}`, cost)
    return true
  }

  onSend(message: KelipsMessage, link: Link, node: number): void {
    const cost = this.#costOfQuestion(message) ?? this.#costOfAnswer(message, link)
    if (cost === undefined) return
    cost.messages += 1
    cost.trace?.sent(message, link, node)
    // Nobody asks for the bytes of single lookups.
    if (cost === this.#publishing) cost.bytes += this.#bytesOf(message)
  }

  #costOfQuestion(message: KelipsMessage): Cost | undefined {
    switch (message.type) {
      case 'find':
        return message.want === 'peer' ? (this.#byKey.get(tagOf(message.key)) ?? this.#publishing) : undefined
      case 'offer':
        // Without tuples it says no more than that a provider lives.
        return message.tuples.length > 0 ? this.#publishing : undefined
      default:
        return undefined
    }
  }

  #costOfAnswer(message: KelipsMessage, link: Link): Cost | undefined {
    if (message.type !== 'providers' && message.type !== 'offered') return undefined
    const name = `${link} ${message.id}`
    const cost = this.#asked.get(name)
    this.#asked.delete(name)
    return cost
  }
}
