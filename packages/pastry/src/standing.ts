import type { Standing } from './messages.ts'
import type { PastryNode } from './node.ts'

/** How a node stands, as it says to others. */
export function standingOf({ mode, entering }: PastryNode): Standing {
  if (mode === 'member') return 'member'
  return mode === 'joining' && entering ? 'joining' : 'out'
}
