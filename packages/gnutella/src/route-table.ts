/**
 * Where queries came from, so that hits go back (draft 0.6, 2.2.1: "a servent forwards a hit only along the path of
 * its query"). Routes stand in an `AgingMap` by GUID, and so do those by which pushes find servents.
 */
import type { Link, RequestId } from '@servent/overlay/machine'

/** Where a query came from. */
export interface QueryRoute {
  /** Nothing: asked by this peer. */
  readonly link?: Link
  /** The search of this peer that asked. */
  readonly search?: RequestId
  readonly hops: number
  /** Hits that were handed back. */
  hits: number
  /** What it asks for, in the two tiers, while it came as a probe for one hop: the same may come again with more. */
  probeKey?: string | undefined
  /** Under which its hits are cached, if they are. */
  cacheKey?: string
}
