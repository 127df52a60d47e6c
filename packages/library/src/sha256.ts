/** The native hash that the pure Merkle tree is given. One call is cheaper than a stream for small inputs. */
import { hash } from 'node:crypto'
import type { Sha256 } from '@servent/overlay/machine'

export const sha256: Sha256 = bytes => hash('sha256', bytes, 'buffer')
