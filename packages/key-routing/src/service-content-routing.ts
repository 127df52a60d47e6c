/**
 * An overlay as libp2p's content routing. Every CID of one multihash meets the others, since keys are made of
 * multihashes. Providers come with the addresses that they signed: Helia leaves out those without.
 */
import { type ContentRouting, NotFoundError, type Provider, type RoutingOptions } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { LookupError, type ServiceReads } from './service-reads.ts'
import type { ServiceValues } from './service-values.ts'

export class KeyContentRouting implements ContentRouting {
  readonly #reads: ServiceReads
  readonly #values: ServiceValues
  readonly #routing: string

  /** `routing` names this router to whoever asks several. */
  constructor(reads: ServiceReads, values: ServiceValues, routing: string) {
    this.#reads = reads
    this.#values = values
    this.#routing = routing
  }

  /**
   * @throws ValueError     nobody could keep the record
   * @throws NotReadyError  the overlay was not ready in time
   */
  async provide(cid: CID, { signal }: RoutingOptions = {}): Promise<void> {
    await this.#values.provide(cid.multihash.bytes, signal === undefined ? {} : { signal })
  }

  /** The record that is there expires. */
  async cancelReprovide(cid: CID, { signal }: RoutingOptions = {}): Promise<void> {
    await this.#values.cancelProvide(cid.multihash.bytes, signal)
  }

  /**
   * Ends where the lookup fails, as libp2p's own routers do: an error would end what the others find, too.
   *
   * @throws NotReadyError  the overlay was not ready in time
   */
  async *findProviders(cid: CID, { signal }: RoutingOptions = {}): AsyncGenerator<Provider, void> {
    const options = signal === undefined ? {} : { signal }
    try {
      for await (const { peerId, addresses } of this.#reads.findProviders(cid.multihash.bytes, options)) {
        const multiaddrs = addresses.map(address => multiaddr(address))
        if (multiaddrs.length > 0) yield { id: peerIdFromString(peerId), multiaddrs, routing: this.#routing }
      }
    } catch (error) {
      if ((error as Error).name !== LookupError.name) throw error
    }
  }

  /**
   * @throws ValueError     it may not be kept, or nobody could keep it
   * @throws NotReadyError  the overlay was not ready in time
   */
  async put(key: Uint8Array, value: Uint8Array, { signal }: RoutingOptions = {}): Promise<void> {
    await this.#values.put(key, value, signal === undefined ? {} : { signal })
  }

  /**
   * @throws NotFoundError  nobody has a value under this key
   * @throws QuorumError    too few of those who keep it answered
   * @throws NotReadyError  the overlay was not ready in time
   */
  async get(key: Uint8Array, { signal }: RoutingOptions = {}): Promise<Uint8Array> {
    const found = await this.#values.get(key, signal === undefined ? {} : { signal })
    if (found === undefined) throw new NotFoundError('Nobody has a value under this key.')
    return found.value
  }
}
