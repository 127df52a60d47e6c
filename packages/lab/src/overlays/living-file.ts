/** What a lookup asks for where it finds files rather than keys, and who has it. */
import type { NodeIndex } from '@servent/simulator'
import type { AnySimulation, DeploymentInit } from '../deployment.ts'
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

/** What the peer of this node shares. */
export const filesAt = (
  node: NodeIndex,
  { world, places }: Pick<DeploymentInit, 'world' | 'places'>
): readonly WorldFile[] => world.filesAt[places.placeOf(node)] ?? []

/** Whether it lives, and shares the file. */
export const hasFile = (
  node: NodeIndex,
  file: WorldFile,
  init: Pick<DeploymentInit, 'world' | 'places'>,
  simulation: Pick<AnySimulation, 'alive'>
): boolean => simulation.alive(node) && filesAt(node, init).includes(file)
