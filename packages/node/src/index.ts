/**
 * The composition root of a real peer: libp2p, overlays, library and transfers in one `ServentNode`.
 *
 * ```ts
 * import { mkdtemp } from 'node:fs/promises'
 * import { createNode, loadConfig } from '@servent/node'
 *
 * const { config } = await loadConfig({
 *   dataDir: await mkdtemp('/tmp/servent-'),
 *   flags: { listen: '/ip4/127.0.0.1/tcp/0', discovery: 'bootstrap' }
 * })
 * const node = await createNode(config)
 * await node.start()
 * for await (const event of node.search({ text: 'banjo', timeoutMs: 100 })) console.log(event)
 * await node.stop()
 * ```
 */
import type { RunningIntroducer, ServerEvent } from '@servent/introducer'
import type { Config } from './config.ts'
import type { NodeDeps } from './deps.ts'
import type { IntroducerSettings } from './introducer-folder.ts'
import type { Log, LogInit } from './log.ts'
import type { ServentNode } from './types.ts'

export { type Config, type ConfigInput, type LoadedConfig, loadConfig, type Settings } from './config.ts'
export { type Endpoint, endpointOf } from './config-checks.ts'
export { nearest, SETTINGS, type SettingInfo } from './config-names.ts'
export type { NodeDeps } from './deps.ts'
export * from './errors.ts'
export type { GetOptions } from './fetching.ts'
export { type Folders, folders } from './folders.ts'
export type { Log, LogInit } from './log.ts'
export { OVERLAYS_HERE, OVERLAYS_PLANNED } from './overlay-names.ts'
export type * from './people-types.ts'
export type * from './types.ts'
export { WISH_FILES_A_DAY_MAX } from './wish-limits.ts'
export type * from './wish-types.ts'
export type { IntroducerSettings, RunningIntroducer, ServerEvent }

/**
 * A node on its data folder, not started: the folder is locked, the identity made or read, the database
 * migrated. `start` joins the network; `stop` ends it and frees the folder.
 *
 * @throws FolderLockedError  another node runs on this folder
 * @throws IdentityError      the key can be read by others, or cannot be read
 * @throws NewerDatabaseError a newer version wrote the database
 */
export async function createNode(config: Config, deps: NodeDeps = {}): Promise<ServentNode> {
  // libp2p and all that stands on it are loaded here, so that a client that only reads the configuration
  // starts without them.
  const { composeNode } = await import('./compose.ts')
  return composeNode(config, deps)
}

/** A log whose lines no name can forge; `createNode` takes its logger. */
export async function openLog(init: LogInit): Promise<Log> {
  const log = await import('./log.ts')
  return log.openLog(init)
}

/**
 * An introducer on its data folder, listening: the folder is locked, the identity made or read. `stop` ends it and frees
 * the folder.
 *
 * @throws FolderLockedError  a node or another introducer runs on this folder
 * @throws IdentityError      the key can be read by others, or cannot be read
 * @throws Error              the port is taken (`EADDRINUSE`), or the address is not of this machine
 */
export async function startIntroducer(settings: IntroducerSettings): Promise<RunningIntroducer> {
  const { startIntroducerOn } = await import('./introducer-folder.ts')
  return startIntroducerOn(settings)
}
