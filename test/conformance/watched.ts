/**
 * A machine between two hosts' eyes: whatever it is told and says is written down in words that are the same
 * wherever it runs. Peers and links stand there by name and commands by their order, for each host has numbers of
 * its own; reasons, which are for people, are left out; and chance comes from a seed of the test, not of the host.
 */

import { textOf } from '@servent/libp2p-host/testing'
import {
  type Contact,
  type Effects,
  type Input,
  keyToHex,
  type Link,
  type Machine,
  type MachineTypes,
  type Peer,
  type RequestId,
  SELF,
  type Timer
} from '@servent/overlay/machine'

export interface WatchedInit<T extends MachineTypes> {
  readonly name: string
  readonly machine: Machine<T>
  /** The name of a PeerId's multihash; undefined for bytes that are none. */
  readonly nameOf: (id: Uint8Array) => string | undefined
  /** A whole number, uniform in [0, 2^32). */
  readonly random: () => number
}

export class Watched<T extends MachineTypes> implements Machine<T> {
  /** A line for each input, and below it one for each effect. */
  readonly log: string[] = []
  readonly notices: T['notice'][] = []
  readonly #init: WatchedInit<T>
  readonly #links = new Map<Link, string>()
  /** How often a link to each peer came up. */
  readonly #ups = new Map<string, number>()
  #commands: RequestId = 0
  #effects: Effects<T> | undefined
  #isEnded = false

  constructor(init: WatchedInit<T>) {
    this.#init = init
  }

  handle(input: Input<T>, effects: Effects<T>): void {
    this.#effects = effects
    let given = input
    if (input.type === 'command') {
      this.#commands += 1
      given = { ...input, id: this.#commands }
    }
    if (input.type === 'link-up') this.#links.set(input.link, this.#linkTo(input.peer))
    this.#write(`${effects.nowMs()} ${this.#told(given)}`)
    this.#init.machine.handle(given, this.#watching(effects))
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.#init.machine.heldPeers(hold)
  }

  snapshot(): T['snapshot'] {
    return this.#init.machine.snapshot()
  }

  /** The number of the last command, by which notices tell of it. */
  get lastCommand(): RequestId {
    return this.#commands
  }

  /** What it does from now on is nobody's business: its host was taken away, though it does not know. */
  end(): void {
    this.#isEnded = true
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  peerName(peer: Peer): string {
    if (peer === SELF) return this.#init.name
    const { id } = this.#effects!.peers.contact(peer)
    return this.#init.nameOf(id) ?? keyToHex(id)
  }

  #linkTo(peer: Peer): string {
    const name = this.peerName(peer)
    const times = (this.#ups.get(name) ?? 0) + 1
    this.#ups.set(name, times)
    return `${name}/${times}`
  }

  #told(input: Input<T>): string {
    switch (input.type) {
      // Contacts are saved with their addresses.
      case 'start':
        return `start with ${[...input.saved.keys()].join(' and ') || 'nothing'}`
      case 'contact':
      case 'unreachable':
        return `${input.type} ${this.peerName(input.peer)}`
      case 'link-up':
        return `link-up ${this.#links.get(input.link)} ${input.inbound ? 'inbound' : 'outbound'}`
      case 'link-down':
        return `link-down ${this.#links.get(input.link)} ${input.end.kind}`
      case 'message':
        return `message ${this.#links.get(input.link)} ${this.#text(input.message)}`
      case 'pressure':
        return `pressure ${this.#links.get(input.link)} ${input.level}`
      default:
        return this.#text(input)
    }
  }

  #watching(effects: Effects<T>): Effects<T> {
    const said = (words: string) => this.#write(`  -> ${words}`)
    const link = (of: Link) => this.#links.get(of) ?? 'no link'
    return {
      peers: effects.peers,
      nowMs: () => effects.nowMs(),
      wallMs: () => effects.wallMs(),
      random: this.#init.random,
      open: peer => {
        said(`open ${this.peerName(peer)}`)
        effects.open(peer)
      },
      close: (of, reason) => {
        said(`close ${link(of)}`)
        effects.close(of, reason)
      },
      send: (of, message, priority) => {
        said(`send ${link(of)} ${this.#text(message)} at ${priority}`)
        effects.send(of, message, priority)
      },
      setTimer: (timer: Timer, afterMs) => {
        said(`set ${timer} ${afterMs}`)
        // Timers of whole milliseconds would now and then fire in the very moment in which a message comes, and
        // which of the two is first is for no host to say.
        effects.setTimer(timer, afterMs + (this.#init.random() % 1_000) / 1_000)
      },
      cancelTimer: timer => {
        said(`cancel ${timer}`)
        effects.cancelTimer(timer)
      },
      ask: (id, question) => {
        said(`ask ${id} ${this.#text(question)}`)
        effects.ask(id, question)
      },
      save: (key, bytes) => {
        said(`save ${key}${bytes === undefined ? ' no more' : ''}`)
        effects.save(key, bytes)
      },
      notify: notice => {
        said(`notify ${this.#text(notice)}`)
        this.notices.push(notice)
        effects.notify(notice)
      }
    }
  }

  #text(value: unknown): string {
    return textOf(this.#named(value))
  }

  /** The same with names in place of contacts and PeerIds. Addresses are the host's to know, and not compared. */
  #named(value: unknown): unknown {
    if (value instanceof Uint8Array) return this.#init.nameOf(value) ?? value
    if (Array.isArray(value)) return value.map(item => this.#named(item))
    if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, this.#named(item)]))
    if (typeof value !== 'object' || value === null) return value
    const { id, addresses } = value as Partial<Contact>
    if (id instanceof Uint8Array && Array.isArray(addresses)) return this.#init.nameOf(id) ?? id
    return Object.fromEntries(Object.entries(value).map(([field, item]) => [field, this.#named(item)]))
  }

  #write(line: string): void {
    if (!this.#isEnded) this.log.push(line)
  }
}
