/**
 * Values under keys, in Kademlia's records of the namespace `servent`: each is signed by its writer, and of several the
 * one with the larger sequence is kept. kad-dht keeps a value on the 20 peers nearest to its key, for 48 hours.
 */

import type { PrivateKey } from '@libp2p/interface'
import type { KadDHT, SelectFn, ValidateFn } from '@libp2p/kad-dht'
import { openValue, type SealedValue, sealValue, ValueError } from '@servent/key-routing'
import { VALUE_BYTES_MAX, VALUE_KEY_BYTES_MAX } from '@servent/key-routing/machine'
import type { Clock } from '@servent/libp2p-host'
import type { Contact } from '@servent/overlay'
import { VALUE_LIFETIME_MS } from './constants.ts'

const NAMESPACE = '/servent/'

export interface FoundValue extends SealedValue {
  /** Peers that had it or an older one. */
  readonly holders: number
}

export interface ValuesInit {
  readonly dht: () => KadDHT
  readonly clock: Clock
  readonly privateKey: PrivateKey
  readonly self: () => Contact
}

export class Values {
  readonly #init: ValuesInit
  #sequence = 0

  constructor(init: ValuesInit) {
    this.#init = init
  }

  /** @throws ValueError  it is too long, or nobody took it */
  async put(key: Uint8Array, value: Uint8Array, signal: AbortSignal): Promise<{ copies: number }> {
    const { clock, privateKey, self, dht } = this.#init
    const name = kadKeyOf(key)
    if (value.length > VALUE_BYTES_MAX)
      throw new ValueError(`A value has at most ${VALUE_BYTES_MAX} bytes, not ${value.length}.`)
    this.#sequence = Math.max(this.#sequence + 1, Math.floor(clock.wallMs()))
    const expiresMs = this.#sequence + VALUE_LIFETIME_MS
    const body = await sealValue(key, value, {
      privateKey,
      self: self(),
      sequence: this.#sequence,
      expiresMs
    })
    let copies = 0
    for await (const event of dht().put(name, body, { signal })) {
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'PUT_VALUE') copies += 1
    }
    if (copies === 0) throw new ValueError('The value was not kept: nobody who is near to its key took it.')
    return { copies }
  }

  /** The newest that anybody had; nothing where nobody has one. */
  async get(key: Uint8Array, signal: AbortSignal): Promise<FoundValue | undefined> {
    const name = kadKeyOf(key)
    let newest: SealedValue | undefined
    let holders = 0
    for await (const event of this.#init.dht().get(name, { signal })) {
      if (event.name !== 'VALUE') continue
      const found = await openValue(event.value, key, this.#init.clock.wallMs()).catch(() => undefined)
      if (found === undefined) continue
      holders += 1
      if (newest === undefined || found.sequence > newest.sequence) newest = found
    }
    return newest && { ...newest, holders }
  }
}

/** What every peer of the network holds a value against before it keeps it. */
export function validatorOf(clock: Clock): ValidateFn {
  return async (key, value) => {
    await openValue(value, ownKeyOf(key), clock.wallMs())
  }
}

/** The one with the largest sequence, by what each says: whoever asked has verified them. */
export function selectorOf(clock: Clock): SelectFn {
  return async (key, records) => {
    let best = 0
    let sequence = -1
    for (const [index, record] of records.entries()) {
      const opened = await openValue(record, ownKeyOf(key), clock.wallMs()).catch(() => undefined)
      if (opened === undefined || opened.sequence <= sequence) continue
      best = index
      sequence = opened.sequence
    }
    return best
  }
}

/** @throws ValueError  the key is too long */
function kadKeyOf(key: Uint8Array): Uint8Array {
  if (key.length === 0 || key.length > VALUE_KEY_BYTES_MAX)
    throw new ValueError(`A key has 1 to ${VALUE_KEY_BYTES_MAX} bytes, not ${key.length}.`)
  const prefix = new TextEncoder().encode(NAMESPACE)
  const whole = new Uint8Array(prefix.length + key.length)
  whole.set(prefix)
  whole.set(key, prefix.length)
  return whole
}

const ownKeyOf = (kadKey: Uint8Array): Uint8Array => kadKey.subarray(NAMESPACE.length)
