/** What a lookup asks for where it finds files rather than keys. */
import type { NodeIndex } from '@servent/simulator'
import type { DeploymentInit } from '../deployment.ts'
import type { WorldFile } from '../world.ts'
import { holdersOf } from './found-files.ts'

/** The file, or where nobody who lives in reach has it, the next that somebody there has. */
export function livingFile(
  file: WorldFile,
  { world: { files }, places }: Pick<DeploymentInit, 'world' | 'places'>,
  isInReach: (node: NodeIndex) => boolean
): WorldFile {
  for (let step = 0; step < files.length; step += 1) {
    const next = files[(file.index + step) % files.length]!
    if (holdersOf(next, places).some(isInReach)) return next
  }
  return file
}
