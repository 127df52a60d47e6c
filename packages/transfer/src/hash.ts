/** SHA-256 by OpenSSL: the function that trees are made with. */
import { hash } from 'node:crypto'
import type { Sha256 } from '@servent/overlay'

export const sha256: Sha256 = bytes => hash('sha256', bytes, 'buffer')
