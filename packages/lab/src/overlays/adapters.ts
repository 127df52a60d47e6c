/** One adapter for each overlay: another overlay is another file here, its settings, and a line in both lists. */
import type { Adapter } from '../deployment.ts'
import { chord } from './chord.ts'
import { fasttrack } from './fasttrack.ts'
import { gnutella } from './gnutella.ts'
import { kademlia } from './kademlia.ts'
import { kelips } from './kelips.ts'
import { napster } from './napster.ts'
import { pastry } from './pastry.ts'
import type { OverlayId } from './settings.ts'

export const ADAPTERS: Readonly<Record<OverlayId, Adapter>> = {
  chord,
  fasttrack,
  gnutella,
  kademlia,
  kelips,
  napster,
  pastry
}
