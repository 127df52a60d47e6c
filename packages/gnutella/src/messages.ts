/**
 * What Gnutella peers say to each other, decoded: the 0.6 handshake, five descriptors, Bye and route table updates.
 *
 * Whoever relays a descriptor passes its payload on byte for byte: a decoded one keeps it in `payload`, and
 * the codec writes that back under the `guid`, `ttl` and `hops` that the message has then, whatever its
 * other fields say. A descriptor made here has none, and neither may one whose other fields were changed.
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

/** One GGEP extension, its COBS encoding undone. */
export interface GgepExtension {
  /** 1 to 15 bytes other than zero, as the characters U+0001 to U+00FF. */
  readonly id: string
  readonly data: Uint8Array
  /** Set where `data` is compressed: what strangers compress is kept and handed on, never inflated. */
  readonly deflated?: true
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
  /** Ours, in GGEP: the file record in its signed envelope, or abridged by what the hit says of it anyway. */
  readonly record?: Uint8Array
  readonly abridged?: Uint8Array
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
  /** Four characters, as `GTKG`; none where a hit has no trailer, and so no flags, extensions or XML. */
  readonly vendor: string
  readonly flags: HitFlags
  /** Ours, in the trailer's GGEP: who answers. */
  readonly contact?: Contact
  /** Ours, likewise: ultrapeers that hand a Push on to it. */
  readonly proxies?: readonly Contact[]
  readonly ggep: readonly GgepExtension[]
  /** XML metadata of the private area, not looked into. */
  readonly xml?: Uint8Array
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
  /** The first line; headers may have followed it. */
  readonly reason: string
}

/** RESET: the sender's route table is empty now, and of this size. */
export interface RouteTableResetMessage extends DescriptorHeader {
  readonly type: 'table-reset'
  /** The table has two to the power of this of slots. */
  readonly bits: number
  readonly infinity: number
}

/** PATCH: a part of the difference between the sender's route table and what it said of it before. */
export interface RouteTablePatchMessage extends DescriptorHeader {
  readonly type: 'table-patch'
  /** From 1 to `count`. */
  readonly number: number
  readonly count: number
  /** By zlib, over all parts together. */
  readonly compressed: boolean
  /** 8, 4 and 2: signed differences, below zero where a slot is set. 1: a set bit turns its slot over. */
  readonly entryBits: number
  readonly data: Uint8Array
}

/** A descriptor of another type (vendor messages), within its limit and not looked into. */
export interface OtherMessage extends DescriptorHeader {
  readonly type: 'other'
  readonly descriptor: number
  readonly payload: Uint8Array
}

/**
 * A descriptor within its length whose payload breaks the rules of its type. The frame was sound, so the
 * link can be read on: drop it, count it, and say Bye to a peer that sends many, since no peer that checks
 * what it relays would have sent one.
 */
export interface MalformedDescriptor extends DescriptorHeader {
  readonly type: 'malformed'
  readonly descriptor: number
  /** For people. */
  readonly reason: string
  readonly payload: Uint8Array
}

export type Descriptor =
  | PingMessage
  | PongMessage
  | QueryMessage
  | QueryHitMessage
  | PushMessage
  | ByeMessage
  | RouteTableResetMessage
  | RouteTablePatchMessage
  | OtherMessage
  | MalformedDescriptor

export type GnutellaMessage = ConnectMessage | StatusMessage | Descriptor
