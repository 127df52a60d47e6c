/** One machine by itself: a test is its host, and plays all the others. */
import type { Input, Link, LinkOrigin, Peer } from '@servent/overlay/machine'
import { RecordingEffects, testContact } from '@servent/overlay/testing'
import {
  KademliaMachine,
  type KademliaMessage,
  type KademliaNotice,
  type KademliaSettings,
  type KademliaTypes
} from '../../src/machine.ts'

type Sent<Type extends KademliaMessage['type']> = Extract<KademliaMessage, { type: Type }>

export class Solo {
  readonly effects = new RecordingEffects<KademliaTypes>()
  readonly machine: KademliaMachine
  readonly #links = new Map<Peer, Link>()
  #commands = 0

  constructor(settings: Partial<KademliaSettings> = {}, saved: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.machine = new KademliaMachine(settings)
    this.give({ type: 'start', saved })
  }

  give(input: Input<KademliaTypes>): void {
    this.machine.handle(input, this.effects)
  }

  /** The handle of the peer with this number, from 1. */
  peer(number: number): Peer {
    return this.effects.peers.intern(testContact(number))
  }

  /** Links with a peer, once; gives the link. */
  link(number: number, inbound = true, origin?: LinkOrigin): Link {
    const peer = this.peer(number)
    const known = this.#links.get(peer)
    if (known !== undefined) return known
    const link = this.#links.size + 1
    this.#links.set(peer, link)
    this.give({ type: 'link-up', link, peer, inbound, ...(origin && { origin }) })
    return link
  }

  /** The peer says something. */
  say(number: number, message: KademliaMessage): void {
    this.give({ type: 'message', link: this.link(number), message })
  }

  command(command: KademliaTypes['command']): number {
    this.#commands += 1
    this.give({ type: 'command', id: this.#commands, command })
    return this.#commands
  }

  /** What was sent to a peer since the last `take`, of one kind. */
  sent<const Type extends KademliaMessage['type']>(number: number, type: Type): Sent<Type>[] {
    const messages = this.effects.sent(this.link(number))
    return messages.filter((message): message is Sent<Type> => message.type === type)
  }

  notices<const Type extends KademliaNotice['type']>(type: Type): Extract<KademliaNotice, { type: Type }>[] {
    return this.effects
      .notices()
      .filter((notice): notice is Extract<KademliaNotice, { type: Type }> => notice.type === type)
  }

  /** Puts peers into the table as if they had been there long; each is linked. */
  adopt(...numbers: readonly number[]): void {
    for (const number of numbers) this.link(number)
    this.command({ type: 'adopt', peers: numbers.map(number => this.peer(number)) })
  }

  /** Answers all requests of a lookup that wait at these peers: nobody knows anybody. */
  answerLookups(...numbers: readonly number[]): void {
    for (const number of numbers) {
      for (const message of this.effects.sent(this.link(number))) {
        if (message.type === 'add-provider') continue
        const { type, id } = message
        if (type === 'find-node') this.say(number, { type: 'closer-peers', id, closer: [] })
        else if (type === 'get-providers')
          this.say(number, { type: 'providers', id, closer: [], providers: [] })
        else if (type === 'get-value') this.say(number, { type: 'value-found', id, closer: [] })
        else if (type === 'ping') this.say(number, { type: 'pong', id })
      }
    }
  }

  get table(): Peer[] {
    return this.machine.snapshot().buckets.flatMap(({ peers }) => peers)
  }

  /** Lets time pass, and gives the timer that was set. */
  fire(timer: string | number, afterMs = 0): void {
    this.effects.advance(afterMs)
    this.give({ type: 'timer', timer })
  }

  has(number: number): boolean {
    return this.table.includes(this.peer(number))
  }
}
