/** A machine that does what a test tells it and remembers what it was told, and a codec of framed bytes. */
import {
  type Codec,
  type Effects,
  type Input,
  type LinkCodec,
  type Machine,
  type MachineTypes,
  MalformedError,
  type Peer
} from '@servent/overlay'

export interface PuppetMessage {
  /** One character. */
  readonly type: string
  readonly body: Uint8Array
}

export interface PuppetTypes extends MachineTypes {
  message: PuppetMessage
  command: (effects: Effects<PuppetTypes>) => void
  notice: string
  question: string
  answer: string
  snapshot: { readonly inputs: number }
}

export type PuppetInput = Input<PuppetTypes>
export type PuppetEffects = Effects<PuppetTypes>

export const FRAME_BYTES_MAX = 64 * 1024

export class Puppet implements Machine<PuppetTypes> {
  readonly inputs: PuppetInput[] = []
  readonly held = new Set<Peer>()
  /** What it does with each input but commands. */
  react: (input: PuppetInput, effects: PuppetEffects) => void = () => {}
  #broken: Error | undefined
  readonly #waiting: { matches: (input: PuppetInput) => boolean; resolve: (input: PuppetInput) => void }[] =
    []

  handle(input: PuppetInput, effects: PuppetEffects): void {
    this.inputs.push(input)
    try {
      if (input.type === 'command') input.command(effects)
      else this.react(input, effects)
    } catch (error) {
      // A host takes what a machine throws for the machine's failure: an expectation would be lost in it.
      if ((error as Error).name === 'AssertionError') this.#broken ??= error as Error
      throw error
    }
    for (const waiter of this.#waiting.slice()) {
      if (!waiter.matches(input)) continue
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
      waiter.resolve(input)
    }
  }

  /** Throws the first expectation that did not hold within this machine. */
  checkExpectations(): void {
    if (this.#broken !== undefined) throw this.#broken
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.held) hold(peer)
  }

  snapshot(): { inputs: number } {
    return { inputs: this.inputs.length }
  }

  of<K extends PuppetInput['type']>(type: K): Extract<PuppetInput, { type: K }>[] {
    return this.inputs.filter(input => input.type === type) as Extract<PuppetInput, { type: K }>[]
  }

  /** The first input of the type that comes, or has come, and matches. */
  async until<K extends PuppetInput['type']>(
    type: K,
    matches: (input: Extract<PuppetInput, { type: K }>) => boolean = () => true
  ): Promise<Extract<PuppetInput, { type: K }>> {
    type Wanted = Extract<PuppetInput, { type: K }>
    const isWanted = (input: PuppetInput) => input.type === type && matches(input as Wanted)
    const found = this.inputs.find(isWanted)
    if (found !== undefined) return found as Wanted
    return (await new Promise<PuppetInput>(resolve =>
      this.#waiting.push({ matches: isWanted, resolve })
    )) as Wanted
  }
}

/** Frames: length of what follows in 4 bytes, most significant first, one byte for the type, the body. */
export const puppetCodec: Codec<PuppetMessage> = {
  byteLength: message => 5 + message.body.length,
  typeOf: message => message.type,
  open: () => new PuppetLinkCodec()
}

class PuppetLinkCodec implements LinkCodec<PuppetMessage> {
  #buffer = new Uint8Array(0)

  get bufferedBytes(): number {
    return this.#buffer.length
  }

  encode(message: PuppetMessage): Uint8Array {
    if (message.type === '!') throw new Error('This type cannot be encoded.')
    const bytes = new Uint8Array(5 + message.body.length)
    new DataView(bytes.buffer).setUint32(0, 1 + message.body.length)
    bytes[4] = message.type.charCodeAt(0)
    bytes.set(message.body, 5)
    return bytes
  }

  decode(chunk: Uint8Array, emit: (message: PuppetMessage) => void): void {
    const bytes = new Uint8Array(this.#buffer.length + chunk.length)
    bytes.set(this.#buffer)
    bytes.set(chunk, this.#buffer.length)
    let offset = 0
    while (bytes.length - offset >= 4) {
      const length = new DataView(bytes.buffer, offset).getUint32(0)
      if (length < 1 || length > FRAME_BYTES_MAX)
        throw new MalformedError(`A frame has 1 to 65536 bytes, not ${length}.`)
      if (bytes.length - offset < 4 + length) break
      const frame = bytes.slice(offset + 4, offset + 4 + length)
      offset += 4 + length
      emit({ type: String.fromCharCode(frame[0]!), body: frame.subarray(1) })
    }
    this.#buffer = bytes.slice(offset)
  }
}

export function text(type: string, body = ''): PuppetMessage {
  return { type, body: new TextEncoder().encode(body) }
}

export function blob(type: string, bytes: number): PuppetMessage {
  return { type, body: new Uint8Array(bytes) }
}

export function bodyOf(message: PuppetMessage): string {
  return new TextDecoder().decode(message.body)
}
