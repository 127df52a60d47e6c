/**
 * Messages of Kademlia's machine: those of libp2p's kad-dht (spec, "RPC messages"), and the two by which a peer is
 * asked for its files with some words, which libp2p peers speak over a protocol of its own (`words.proto`). A key is
 * the point that is looked for, already hashed. kad-dht opens a stream for each request; here a link carries many, so
 * requests have ids.
 */
import type { LookupPurpose, StoredRecord } from '@servent/key-routing/machine'
import type { Contact, Key } from '@servent/overlay/machine'

interface Request {
  readonly id: number
  /**
   * The sender answers no requests, and does not belong into tables. libp2p's identify says so by the protocols that
   * a peer speaks; BEP 43's `ro` is the same mark.
   */
  readonly client?: true
}

interface KeyRequest extends Request {
  readonly key: Key
  /** `table`: maintenance, so that its cost is counted apart. */
  readonly purpose: LookupPurpose
}

interface Answer {
  readonly id: number
}

export interface PingRequest extends Request {
  readonly type: 'ping'
}

export interface Pong extends Answer {
  readonly type: 'pong'
}

export interface FindNode extends KeyRequest {
  readonly type: 'find-node'
}

/** The nearest to the key that the sender knows, at most k; whoever asked is not among them. */
export interface CloserPeers extends Answer {
  readonly type: 'closer-peers'
  readonly closer: readonly Contact[]
}

export interface GetProviders extends KeyRequest {
  readonly type: 'get-providers'
}

export interface Providers extends Answer {
  readonly type: 'providers'
  readonly closer: readonly Contact[]
  readonly providers: readonly Contact[]
}

/** Wants no answer. It counts for its sender alone. */
export interface AddProvider {
  readonly type: 'add-provider'
  readonly key: Key
  readonly provider: Contact
}

export interface GetValue extends KeyRequest {
  readonly type: 'get-value'
}

export interface ValueFound extends Answer {
  readonly type: 'value-found'
  readonly closer: readonly Contact[]
  readonly record?: StoredRecord
}

export interface PutValue extends Request {
  readonly type: 'put-value'
  readonly record: StoredRecord
}

/** kad-dht echoes what it kept. Without a record: it was refused. */
export interface ValuePut extends Answer {
  readonly type: 'value-put'
  readonly record?: StoredRecord
}

/** Which of your files have all of these words, each by its key? */
export interface FilesQuestion extends Request {
  readonly type: 'files-question'
  readonly words: readonly Key[]
}

export interface FilesAnswer extends Answer {
  readonly type: 'files-answer'
  readonly records: readonly StoredRecord[]
  /** There are more than the answer has room for. */
  readonly more: boolean
}

export type KademliaRequest = PingRequest | FindNode | GetProviders | GetValue | PutValue | FilesQuestion
export type KademliaAnswer = Pong | CloserPeers | Providers | ValueFound | ValuePut | FilesAnswer
export type KademliaMessage = KademliaRequest | KademliaAnswer | AddProvider
