/**
 * What machines were told and what they said, as text that people read and tests compare: one line for each
 * input with the time and the node, and under it a line for each effect.
 */
import { type MachineTypes, type PeerTable, peerIdText } from '@servent/overlay'
import type { TraceStep } from '../types.ts'

/** Bytes that are written out in full; of longer ones the beginning and a checksum. */
const BYTES_SHOWN = 16

export interface TranscriptInit<T extends MachineTypes> {
  /** The name of a peer, by its PeerId as text; one without a name is written as it is. */
  readonly nameOf: (peerId: string) => string | undefined
  /**
   * The text of a field (`message`, `notice`, `question`, `answer`, …) of an input or effect; undefined where
   * it is to be written field by field, bytes in hexadecimal.
   */
  readonly describe?: (field: string, value: T[keyof T]) => string | undefined
}

export class Transcript<T extends MachineTypes> {
  readonly #init: TranscriptInit<T>
  readonly #lines: { readonly node: string; readonly text: string }[] = []

  constructor(init: TranscriptInit<T>) {
    this.#init = init
  }

  /** The `trace` of a host's init. */
  tap(node: string): (step: TraceStep<T>) => void {
    return ({ atMs, input, effects, peers }) => {
      const { type, ...details } = input
      this.#add(node, `${String(atMs).padStart(7)} ${node} ${type}${this.#details(peers, details)}`)
      for (const { type: effect, ...what } of effects) {
        this.#add(node, `        ${node}   -> ${effect}${this.#details(peers, what)}`)
      }
    }
  }

  /** Everything, or what one node did, in the order in which it happened. */
  text(node?: string): string {
    const lines = this.#lines.filter(line => node === undefined || line.node === node)
    return `${lines.map(line => line.text).join('\n')}\n`
  }

  /** Forgets what was written so far: for scenarios that begin once a network stands. */
  clear(): void {
    this.#lines.length = 0
  }

  #add(node: string, text: string): void {
    this.#lines.push({ node, text })
  }

  #details(peers: PeerTable, details: object): string {
    return Object.entries(details)
      .map(
        ([field, value]) =>
          ` ${field}=${field === 'peer' ? this.#nameOf(peers, value) : this.#text(field, value)}`
      )
      .join('')
  }

  #nameOf(peers: PeerTable, peer: number): string {
    const peerId = peerIdText(peers.contact(peer).id)
    return this.#init.nameOf(peerId) ?? peerId
  }

  #text(field: string, value: T[keyof T]): string {
    return this.#init.describe?.(field, value) ?? textOf(value)
  }
}

/** One text for one value, whatever the order in which its fields were set: maps and objects sorted by name. */
export function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return bytesText(value)
  if (value instanceof Map)
    return `{${[...value].map(([key, item]) => `${key}: ${textOf(item)}`).join(', ')}}`
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`
  if (typeof value === 'function') return 'function'
  if (typeof value === 'object' && value !== null) {
    const named = value as { toJSON?: () => unknown }
    if (typeof named.toJSON === 'function') return textOf(named.toJSON())
    const entries = Object.entries(value).filter(([, item]) => item !== undefined)
    return `{${entries
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${key}: ${textOf(item)}`)
      .join(', ')}}`
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

function bytesText(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, BYTES_SHOWN)).toString('hex')
  if (bytes.length <= BYTES_SHOWN) return `<${shown}>`
  return `<${shown}… ${bytes.length} bytes, ${checksum(bytes)}>`
}

/** FNV-1a, 32 bits: enough to see that two runs differ. */
function checksum(bytes: Uint8Array): string {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}
