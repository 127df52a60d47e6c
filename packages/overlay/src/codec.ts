/** Bytes to messages and back, one codec for a protocol, one `LinkCodec` for each link. */

/** `initiator` opened the stream. A text handshake that comes before binary frames depends on it. */
export type LinkRole = 'initiator' | 'responder'

export interface Codec<Message> {
  /** Equals the length that `encode` gives, so that a simulator prices messages without encoding them. */
  byteLength(message: Message): number
  /** A word for metrics, out of a small fixed set. */
  typeOf(message: Message): string
  open(role: LinkRole): LinkCodec<Message>
}

export interface LinkCodec<Message> {
  encode(message: Message): Uint8Array
  /**
   * Takes the next bytes of the stream, cut anywhere, and gives each message that they complete. A length
   * beyond its limit is refused as soon as it can be read, before the rest is buffered.
   *
   * @throws MalformedError  the stream cannot be read on; the host ends the link
   */
  decode(chunk: Uint8Array, emit: (message: Message) => void): void
  /** Bytes of a message that is not complete yet: bounded by the protocol's longest message. */
  readonly bufferedBytes: number
}
