/** What the lab takes from inside the single executable: its worker's script and its stored plans. */
import { getAsset, isSea } from 'node:sea'
import type { CompareOptions } from '@servent/lab'
import { ownCommand } from './daemon/binary.ts'

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

/** Real peers, loaded when a plan asks for them. Those in processes are this program again. */
export const labBackends: NonNullable<CompareOptions['backends']> = async name => {
  const { realBackend } = await import('@servent/lab-real')
  return realBackend(name, { command: ownCommand(process.argv.slice(0, 2)) })
}
