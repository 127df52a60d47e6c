/** What went over the links of a simulation: counted when it is sent, by type and by node. */
import type { Codec } from '@servent/overlay/machine'
import { grownFloat64 } from './event-queue-arrays.ts'
import type { NodeRecords, Traffic } from './node-records.ts'
import { lengthWord, wordOf } from './trace.ts'
import type { NodeIndex } from './types.ts'

/** p2psim's price of a message and of an id in it (Li et al., "A performance vs. cost framework…", 2005). */
const P2PSIM_MESSAGE_BYTES = 20
const P2PSIM_ID_BYTES = 4

export class Metrics<Message = unknown> {
  /** Messages that were received, by machines that ran. */
  delivered = 0
  /** Messages that found nobody, or no room in a queue. */
  dropped = 0
  linksOpened = 0
  linksEnded = 0
  opensFailed = 0
  readonly #codec: Codec<Message>
  readonly #idsIn: ((message: Message) => number) | undefined
  readonly #types = new Map<string, number>()
  #typeMessages = new Float64Array(16)
  #typeBytes = new Float64Array(16)
  /** What stands for a type in the trace. */
  readonly #typeWords: number[] = []
  #ids = 0
  readonly #nodes: NodeRecords
  /** What was priced last: a flood sends one message many times. */
  #priced: Message | undefined
  #pricedType = 0
  #pricedBytes = 0
  #pricedIds = 0

  constructor(nodes: NodeRecords, codec: Codec<Message>, idsIn: ((message: Message) => number) | undefined) {
    this.#nodes = nodes
    this.#codec = codec
    this.#idsIn = idsIn
  }

  get messages(): number {
    return this.#typeMessages.reduce((sum, count) => sum + count, 0)
  }

  get bytes(): number {
    return this.#typeBytes.reduce((sum, count) => sum + count, 0)
  }

  /** 20 bytes a message and 4 an id, as p2psim counts. */
  get p2psimBytes(): number {
    return P2PSIM_MESSAGE_BYTES * this.messages + P2PSIM_ID_BYTES * this.#ids
  }

  /** By the codec's word for the type, in the order in which types came first. */
  byType(): Record<string, Traffic> {
    const types: Record<string, Traffic> = {}
    for (const [type, index] of this.#types)
      types[type] = { messages: this.#typeMessages[index]!, bytes: this.#typeBytes[index]! }
    return types
  }

  sentBy(node: NodeIndex): Traffic {
    return this.#nodes.sentBy(node)
  }

  receivedBy(node: NodeIndex): Traffic {
    return this.#nodes.receivedBy(node)
  }

  /** The engine's: bytes of a message, worked out once for many sendings of it. */
  price(message: Message): number {
    if (message !== this.#priced) {
      this.#pricedBytes = this.#codec.byteLength(message)
      this.#pricedType = this.#typeOf(this.#codec.typeOf(message))
      this.#pricedIds = this.#idsIn === undefined ? 0 : this.#idsIn(message)
      this.#priced = message
    }
    return this.#pricedBytes
  }

  /** The engine's: the type and length of the message that was priced last, for the trace. */
  get pricedWord(): number {
    return this.#typeWords[this.#pricedType]! ^ lengthWord(this.#pricedBytes)
  }

  /** The engine's: the message that was priced last leaves a node. */
  sent(node: NodeIndex): void {
    const bytes = this.#pricedBytes
    this.#typeMessages[this.#pricedType]! += 1
    this.#typeBytes[this.#pricedType]! += bytes
    this.#ids += this.#pricedIds
    this.#nodes.countSent(node, bytes)
  }

  /** The engine's: a message reaches a machine. */
  received(node: NodeIndex, bytes: number): void {
    this.delivered += 1
    this.#nodes.countReceived(node, bytes)
  }

  #typeOf(type: string): number {
    let index = this.#types.get(type)
    if (index === undefined) {
      index = this.#types.size
      this.#types.set(type, index)
      this.#typeWords.push(wordOf(type))
      if (index === this.#typeBytes.length) {
        this.#typeMessages = grownFloat64(this.#typeMessages, index * 2)
        this.#typeBytes = grownFloat64(this.#typeBytes, index * 2)
      }
    }
    return index
  }
}
