/** The daemon: one node, its log, its API, and an orderly end. The only process that writes its data folder. */
import { createNode, type LoadedConfig, type NodeDeps, openLog, type ServentNode } from '@servent/node'
import { readOrMakeToken, tokenFile } from '../api/secret.ts'
import { type Problem, problemOf } from '../problem.ts'
import { VERSION } from '../version.ts'
import { workers } from './binary.ts'
import { crashHandler } from './crash.ts'
import { type Listening, listen } from './listen.ts'
import { removeNotice, writeNotice } from './notice.ts'
import type { Ready } from './ready.ts'

/** An orderly stop takes this long at most; then the process ends as it stands. */
const STOP_MS_MAX = 15_000

export interface DaemonInit {
  /** Aborts when somebody asks the node to end: Ctrl-C, SIGTERM. */
  readonly signal: AbortSignal
  readonly onReady: (ready: Ready) => void
  /** Told before the error is thrown, when the node could not become ready. */
  readonly onProblem?: (problem: Problem) => void
  /** What the node is made with beside the daemon's own. */
  readonly deps?: NodeDeps
  /** Told of the node once it runs. */
  readonly onNode?: (node: ServentNode) => void
}

/** Runs until it is told to end. Gives the exit code. */
export async function runDaemon({ config, warnings }: LoadedConfig, init: DaemonInit): Promise<number> {
  const log = await openLog({ level: config.logLevel, folder: config.stateDir })
  const crash = crashHandler(log, () => process.exit(1))
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)

  const stop = Promise.withResolvers<void>()
  init.signal.addEventListener('abort', () => stop.resolve(), { once: true })
  if (init.signal.aborted) stop.resolve()
  let node: Awaited<ReturnType<typeof createNode>> | undefined
  let api: Listening | undefined
  try {
    node = await createNode(config, { version: VERSION, logger: log.logger, ...workers(), ...init.deps })
    const token = await readOrMakeToken(config.dataDir)
    await node.start()
    init.onNode?.(node)
    api = await listen({ node, version: VERSION, token, onStop: () => stop.resolve() })
    const { url, socket } = api
    await writeNotice(config.dataDir, {
      pid: process.pid,
      version: VERSION,
      url,
      startedMs: Date.now(),
      ...(socket === undefined ? {} : { socket })
    })
    const told = [...warnings, ...api.warnings]
    for (const warning of told) log.logger.warn(warning)
    log.logger.info({ peerId: node.peerId, url }, 'ready')
    init.onReady({
      event: 'ready',
      peerId: node.peerId,
      addresses: node.addresses(),
      api: { url, tokenFile: tokenFile(config.dataDir), ...(socket === undefined ? {} : { socket }) },
      overlays: node.overlays,
      pid: process.pid,
      version: VERSION,
      dataDir: config.dataDir,
      log: log.file ?? '',
      ...(told.length === 0 ? {} : { warnings: told })
    })
    await stop.promise
    log.logger.info('stopping')
    return 0
  } catch (error) {
    log.logger.error({ err: error }, 'the node could not start')
    init.onProblem?.(problemOf(error))
    throw error
  } finally {
    const late = setTimeout(() => crash(new Error(`the stop took more than ${STOP_MS_MAX} ms`)), STOP_MS_MAX)
    if (api !== undefined) await removeNotice(config.dataDir)
    await api?.close()
    await node?.stop()
    clearTimeout(late)
    process.off('uncaughtException', crash)
    process.off('unhandledRejection', crash)
    log.close()
  }
}
