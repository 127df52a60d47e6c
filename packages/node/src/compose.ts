/** Builds a node from its parts, in the order in which they need each other. */
import type { Config } from './config.ts'
import type { NodeDeps } from './deps.ts'
import { NotRunningError } from './errors.ts'
import type { ServentNode } from './types.ts'

export async function composeNode(_config: Config, _deps: NodeDeps): Promise<ServentNode> {
  throw new NotRunningError('The node cannot be composed yet.')
}
