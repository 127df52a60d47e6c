/**
 * A small protocol that uses everything a host gives: links on request, a flood with answers along the way
 * back, timers with chance in them, questions, saves and notices. Conformance runs it wherever machines run.
 *
 * A `call` is flooded with a TTL; each peer answers it once, after it has asked its world what to say, and an
 * `echo` goes back the way that the call came. Beside that every peer sends a `beat` now and then.
 */
import {
  type Codec,
  type Effects,
  type Input,
  type Link,
  type LinkCodec,
  type Machine,
  type MachineTypes,
  MalformedError,
  type Peer,
  type RequestId,
  randomBelow
} from '@servent/overlay/machine'

export type ToyMessage =
  | { readonly type: 'call'; readonly id: number; readonly ttl: number; readonly hops: number }
  | { readonly type: 'echo'; readonly id: number; readonly hops: number; readonly says: string }
  | { readonly type: 'beat'; readonly count: number }

export interface ToyTypes extends MachineTypes {
  message: ToyMessage
  command: { readonly type: 'call'; readonly ttl: number }
  notice: { readonly type: 'echo'; readonly hops: number; readonly says: string }
  question: { readonly type: 'what to say'; readonly id: number }
  answer: string
  snapshot: { readonly links: number; readonly calls: number; readonly beats: number }
}

const MESSAGE_BYTES_MAX = 1024
const CALLS_MAX = 1_000
const BEAT_MS = 1_000
const BEAT_JITTER_MS = 100
/** Calls and echoes go before beats. */
const [URGENT, IDLE] = [1, 9]

interface Call {
  /** Nothing: this peer's own. */
  readonly from: Link | undefined
  readonly hops: number
}

export class ToyMachine implements Machine<ToyTypes> {
  readonly #links = new Set<Link>()
  readonly #calls = new Map<number, Call>()
  /** Calls whose answer is being asked for, by question. */
  readonly #asked = new Map<RequestId, number>()
  #nextQuestion = 1
  #beats = 0

  handle(input: Input<ToyTypes>, effects: Effects<ToyTypes>): void {
    switch (input.type) {
      case 'start':
        this.#beats = input.saved.get('beats')?.[0] ?? 0
        this.#rest(effects)
        return
      case 'contact':
        effects.open(input.peer)
        return
      case 'link-up':
        this.#links.add(input.link)
        return
      case 'link-down':
        this.#links.delete(input.link)
        return
      case 'command':
        // Ids from 1 to 2^32 - 1, so that 0 is never one.
        this.#flood(
          { type: 'call', id: 1 + randomBelow(effects, 2 ** 32 - 1), ttl: input.command.ttl, hops: 0 },
          undefined,
          effects
        )
        return
      case 'timer':
        for (const link of this.#links) effects.send(link, { type: 'beat', count: this.#beats }, IDLE)
        this.#beats += 1
        effects.save('beats', Uint8Array.of(this.#beats & 0xff))
        this.#rest(effects)
        return
      case 'message':
        this.#onMessage(input.link, input.message, effects)
        return
      case 'answer':
        this.#onAnswer(input.id, 'answer' in input ? input.answer : 'nothing', effects)
    }
  }

  heldPeers(_hold: (peer: Peer) => void): void {}

  snapshot(): ToyTypes['snapshot'] {
    return { links: this.#links.size, calls: this.#calls.size, beats: this.#beats }
  }

  #onMessage(link: Link, message: ToyMessage, effects: Effects<ToyTypes>): void {
    if (message.type === 'call') {
      if (this.#calls.has(message.id) || this.#calls.size >= CALLS_MAX) return
      this.#flood({ ...message, ttl: message.ttl - 1, hops: message.hops + 1 }, link, effects)
      this.#asked.set(this.#nextQuestion, message.id)
      effects.ask(this.#nextQuestion, { type: 'what to say', id: message.id })
      this.#nextQuestion += 1
    } else if (message.type === 'echo') {
      this.#back(message, effects)
    }
  }

  #onAnswer(question: RequestId, says: string, effects: Effects<ToyTypes>): void {
    const id = this.#asked.get(question)
    this.#asked.delete(question)
    const call = id === undefined ? undefined : this.#calls.get(id)
    if (id !== undefined && call !== undefined)
      this.#back({ type: 'echo', id, hops: call.hops, says }, effects)
  }

  #flood(call: ToyMessage & { type: 'call' }, from: Link | undefined, effects: Effects<ToyTypes>): void {
    this.#calls.set(call.id, { from, hops: call.hops })
    if (call.ttl === 0) return
    for (const link of this.#links) if (link !== from) effects.send(link, call, URGENT)
  }

  #back(echo: ToyMessage & { type: 'echo' }, effects: Effects<ToyTypes>): void {
    const call = this.#calls.get(echo.id)
    if (call === undefined) return
    if (call.from === undefined) effects.notify({ type: 'echo', hops: echo.hops, says: echo.says })
    else effects.send(call.from, echo, URGENT)
  }

  #rest(effects: Effects<ToyTypes>): void {
    effects.setTimer('beat', BEAT_MS + randomBelow(effects, BEAT_JITTER_MS))
  }
}

/** A length in two bytes, most significant first, and JSON. */
export const toyCodec: Codec<ToyMessage> = {
  byteLength: message => 2 + new TextEncoder().encode(JSON.stringify(message)).length,
  typeOf: message => message.type,
  open: () => new ToyLinkCodec()
}

class ToyLinkCodec implements LinkCodec<ToyMessage> {
  readonly #bytes: number[] = []

  get bufferedBytes(): number {
    return this.#bytes.length
  }

  encode(message: ToyMessage): Uint8Array {
    const json = new TextEncoder().encode(JSON.stringify(message))
    const bytes = new Uint8Array(2 + json.length)
    new DataView(bytes.buffer).setUint16(0, json.length)
    bytes.set(json, 2)
    return bytes
  }

  decode(chunk: Uint8Array, emit: (message: ToyMessage) => void): void {
    this.#bytes.push(...chunk)
    while (this.#bytes.length >= 2) {
      const length = this.#bytes[0]! * 256 + this.#bytes[1]!
      if (length > MESSAGE_BYTES_MAX)
        throw new MalformedError(`A message has at most ${MESSAGE_BYTES_MAX} bytes, not ${length}.`)
      if (this.#bytes.length < 2 + length) return
      const json = Uint8Array.from(this.#bytes.splice(0, 2 + length).slice(2))
      try {
        emit(JSON.parse(new TextDecoder().decode(json)))
      } catch (error) {
        throw new MalformedError(`This is no message: ${(error as Error).message}`)
      }
    }
  }
}
