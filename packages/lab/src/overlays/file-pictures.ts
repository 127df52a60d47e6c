/** How peers of overlays that find files stand in a picture of a lookup. */
import type { NodeIndex } from '@servent/simulator'
import type { GraphRole } from '../graph.ts'
import type { PeerInPicture, Target } from '../path/picture.ts'
import type { WorldFile } from '../world.ts'

export const fileTarget = ({ name }: WorldFile): Target => ({
  key: null,
  file: name,
  groups: null,
  group: null
})

/** Without a place among keys, which it has none of. */
export const inFilePicture = (role: GraphRole, links: readonly NodeIndex[]): PeerInPicture => ({
  role: role === 'peer' ? null : role,
  id: null,
  group: null,
  links
})
