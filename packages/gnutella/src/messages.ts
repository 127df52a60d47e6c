/**
 * What Gnutella peers say to each other, decoded: the 0.6 handshake, five descriptors and Bye.
 *
 * Whoever relays a descriptor passes its payload on byte for byte: a decoded one keeps it in `payload`, and
 * the codec writes that back. A descriptor made here has none.
 */
import type { Contact } from '@servent/overlay/machine'

/** Lower-case names to values; repeated headers are joined by commas, as in HTTP. */
export type Headers = Readonly<Record<string, string>>

/** `GNUTELLA CONNECT/0.6`: the initiator's first words. */
export interface ConnectMessage {
  readonly type: 'connect'
  readonly headers: Headers
}

/** `GNUTELLA/0.6 200 OK`: the responder's answer, and then the initiator's. */
export interface StatusMessage {
  readonly type: 'status'
  readonly status: number
  readonly reason: string
  readonly headers: Headers
}

/** GUIDs are 32 lower-case hexadecimal characters, fit for keys of maps. */
export type Guid = string

export interface DescriptorHeader {
  readonly guid: Guid
  /** 0 to 255, as all of these. */
  readonly ttl: number
  readonly hops: number
  /** As it came in; absent where the descriptor was made here. */
  readonly payload?: Uint8Array
}

/** One GGEP extension, decoded: COBS and deflate are undone, within their caps. */
export interface GgepExtension {
  /** 1 to 15 characters. */
  readonly id: string
  readonly data: Uint8Array
}

/** An IPv4 address and a port as the published wire has them; zeros where there is none. */
export interface Ipv4Endpoint {
  /** Four numbers in network order, as a number of 32 bits. */
  readonly ipv4: number
  readonly port: number
}

export interface PingMessage extends DescriptorHeader {
  readonly type: 'ping'
  readonly ggep: readonly GgepExtension[]
}

export interface PongMessage extends DescriptorHeader, Ipv4Endpoint {
  readonly type: 'pong'
  readonly files: number
  readonly kibibytes: number
  /** Ours, in GGEP: who this pong speaks of. */
  readonly contact?: Contact
  /** The rest. */
  readonly ggep: readonly GgepExtension[]
}

export interface QueryMessage extends DescriptorHeader {
  readonly type: 'query'
  /** The two bytes that were the minimum speed: flags where bit 15 is set. */
  readonly flags: number
  readonly text: string
  /** `urn:sha1:…`, `urn:cid:…`, as they came; HUGE's plain `urn:` (send me what you have) among them. */
  readonly urns: readonly string[]
  readonly ggep: readonly GgepExtension[]
}

export interface HitResult {
  readonly index: number
  /** Bytes; over 4 GiB by GGEP `LF`. */
  readonly size: number
  readonly name: string
  readonly urns: readonly string[]
  /** Ours, in GGEP: the file record in its signed envelope. */
  readonly record?: Uint8Array
  readonly ggep: readonly GgepExtension[]
}

/** The trailer's flags: undefined where the peer does not say. */
export interface HitFlags {
  readonly push?: boolean
  readonly busy?: boolean
  readonly uploaded?: boolean
  readonly measuredSpeed?: boolean
}

export interface QueryHitMessage extends DescriptorHeader, Ipv4Endpoint {
  readonly type: 'query-hit'
  /** Kilobits a second. */
  readonly speed: number
  readonly results: readonly HitResult[]
  /** Four characters, as `GTKG`. */
  readonly vendor: string
  readonly flags: HitFlags
  /** Ours, in the trailer's GGEP: who answers. */
  readonly contact?: Contact
  readonly ggep: readonly GgepExtension[]
  readonly servent: Guid
}

export interface PushMessage extends DescriptorHeader, Ipv4Endpoint {
  readonly type: 'push'
  readonly servent: Guid
  readonly index: number
  /** Ours, in GGEP: whom to call, and the nonce to show there. */
  readonly contact?: Contact
  readonly nonce?: Uint8Array
  readonly ggep: readonly GgepExtension[]
}

export interface ByeMessage extends DescriptorHeader {
  readonly type: 'bye'
  readonly code: number
  readonly reason: string
}

/** A descriptor of another type (QRP, vendor messages), within its limit and not looked into. */
export interface OtherMessage extends DescriptorHeader {
  readonly type: 'other'
  readonly descriptor: number
  readonly payload: Uint8Array
}

export type Descriptor =
  | PingMessage
  | PongMessage
  | QueryMessage
  | QueryHitMessage
  | PushMessage
  | ByeMessage
  | OtherMessage

export type GnutellaMessage = ConnectMessage | StatusMessage | Descriptor
