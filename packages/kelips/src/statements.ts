/** What a peer signs: its life, and its tuples. A word before the rest keeps each from being anything else. */
import { CHAIN_LENGTH, PREFIX_BYTES } from './constants.ts'
import { KINDS, type Tuple } from './tuple-table.ts'

const LIFE_DOMAIN = new TextEncoder().encode('servent-kelips-life\n')
const TUPLE_DOMAIN = new TextEncoder().encode('servent-kelips-tuple\n')

/** The chain that begins with this anchor is the signer's, beats so often, and began then. */
export function lifeStatement(startS: number, anchor: Uint8Array, heartbeatMs: number): Uint8Array {
  const bytes = new Uint8Array(LIFE_DOMAIN.length + PREFIX_BYTES + 12)
  const view = new DataView(bytes.buffer)
  bytes.set(LIFE_DOMAIN)
  view.setUint32(LIFE_DOMAIN.length, startS)
  view.setUint32(LIFE_DOMAIN.length + 4, heartbeatMs)
  view.setUint32(LIFE_DOMAIN.length + 8, CHAIN_LENGTH)
  bytes.set(anchor, LIFE_DOMAIN.length + 12)
  return bytes
}

/** The signer has something of this kind under this key until then, or has it no more. */
export function tupleStatement(tuple: Omit<Tuple, 'signature'>): Uint8Array {
  const from = TUPLE_DOMAIN.length
  const bytes = new Uint8Array(from + PREFIX_BYTES + 18)
  const view = new DataView(bytes.buffer)
  bytes.set(TUPLE_DOMAIN)
  bytes.set(tuple.prefix, from)
  view.setUint8(from + PREFIX_BYTES, KINDS.indexOf(tuple.kind))
  view.setUint8(from + PREFIX_BYTES + 1, tuple.withdrawn ? 1 : 0)
  view.setFloat64(from + PREFIX_BYTES + 2, tuple.sequence)
  view.setFloat64(from + PREFIX_BYTES + 10, tuple.expiresMs)
  return bytes
}
