/** What the lab takes from inside the single executable: its worker's script and its stored plans. */
import { getAsset, isSea } from 'node:sea'

/** Names under which the executable carries them. */
const WORKER_ASSET = 'lab-worker'
const PLANS_ASSET = 'lab-fingerprints'

export interface LabAssets {
  readonly workerSource: string
  readonly storedPlans: string
}

/** Nothing where the lab finds them in its own package. */
export function labAssets(): LabAssets | undefined {
  if (!isSea()) return undefined
  return { workerSource: getAsset(WORKER_ASSET, 'utf8'), storedPlans: getAsset(PLANS_ASSET, 'utf8') }
}
