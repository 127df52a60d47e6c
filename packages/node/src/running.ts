/**
 * The parts of a node while it runs, put together in the order in which they need each other: the library,
 * the file server on it, libp2p with the overlays, and downloads last, which connect at once.
 */
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Ed25519PrivateKey, Libp2p } from '@libp2p/interface'
import type { ServentDatabase } from '@servent/database'
import { gnutella } from '@servent/gnutella'
import { type HostComponents, streamDuplex } from '@servent/libp2p-host'
import { Library } from '@servent/library'
import type { ContentId, Overlay, OverlayName, Provider } from '@servent/overlay'
import { Downloads, FileServer, HTTP_PROTOCOL, SERVER_LIMITS } from '@servent/transfer'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { isPusher, NodeConnector } from './connector.ts'
import type { NodeDeps } from './deps.ts'
import { componentLogger } from './libp2p-log.ts'
import { explainListen } from './listening.ts'
import { merge } from './merge.ts'
import { NodeMetrics } from './metrics.ts'
import { createNetwork, type NetworkInit } from './network.ts'
import { OverlaySlot } from './overlays.ts'
import type { NodeStore } from './store.ts'

export interface RunningInit {
  readonly config: Config
  readonly deps: NodeDeps
  readonly logger: Logger
  readonly privateKey: Ed25519PrivateKey
  readonly database: ServentDatabase
  readonly store: NodeStore
}

export interface Running {
  readonly library: Library
  readonly server: FileServer
  readonly network: Libp2p
  readonly slots: ReadonlyMap<OverlayName, OverlaySlot>
  readonly downloads: Downloads
  readonly metrics: NodeMetrics
}

/** What others are told where the program does not say its version. */
export const VERSION_UNKNOWN = '0.0.0'

export const DATABASE_FILE = 'servent.db'

/**
 * Starts every part. Where one cannot start, those before it are stopped again.
 *
 * @throws ListenError  an address to listen on is taken
 */
export async function run(init: RunningInit): Promise<Running> {
  const { config, logger } = init
  const undo: (() => Promise<void>)[] = []
  try {
    const library = await openLibrary(init)
    undo.push(() => library.stop())
    const server = new FileServer({
      catalogue: library,
      blocks: library,
      logger: logger.child({ component: 'servent:uploads' }),
      ...cap('maxUploadBytesPerSecond', config.maxUploadRate)
    })
    undo.push(() => server.stop())
    const metrics = new NodeMetrics(config.dataDir)
    const slots = new Map<OverlayName, OverlaySlot>()
    const services = overlayServices(init, library, server, slots)
    const version = init.deps.version ?? VERSION_UNKNOWN
    const network = await createNetwork({
      config,
      version,
      privateKey: init.privateKey,
      agent: agentOf(init.deps),
      logger: componentLogger(logger),
      metrics: components => metrics.component(components),
      services
    })
    undo.push(async () => network.stop())
    await serveFiles(network, server)
    try {
      await network.start()
    } catch (error) {
      throw explainListen(error)
    }
    const downloads = await openDownloads(init, network, slots)
    return { library, server, network, slots, downloads, metrics }
  } catch (error) {
    for (const step of undo.reverse())
      await step().catch(cause => logger.error({ err: cause }, 'could not stop a part'))
    throw error
  }
}

function openLibrary({ config, deps, logger }: RunningInit): Promise<Library> {
  return Library.open({
    databasePath: join(config.dataDir, DATABASE_FILE),
    logger: logger.child({ component: 'servent:library' }),
    settings: { exclude: config.library.exclude, includeHidden: config.library.hidden },
    // What this node keeps to itself is never shared, whatever folder above it is.
    privateFolders: [config.dataDir, config.stateDir],
    publicFolders: [config.downloadDir],
    ...libraryWorker(deps)
  })
}

function libraryWorker({ libraryWorker: bundled }: NodeDeps): { worker?: () => Worker } {
  if (bundled === undefined) return {}
  return { worker: () => new Worker(bundled.source, { eval: true, name: 'servent-library' }) }
}

/** Overlays are made by libp2p when it has their components; the slots are there for all to look at. */
function overlayServices(
  init: RunningInit,
  library: Library,
  server: FileServer,
  slots: Map<OverlayName, OverlaySlot>
): NetworkInit['services'] {
  const { config, logger } = init
  const services: NetworkInit['services'] = {}
  for (const name of config.overlays as OverlayName[]) {
    services[name] = components => {
      const slot = new OverlaySlot(name, () => buildOverlay(name, init, server)(components), library, logger)
      slots.set(name, slot)
      return slot
    }
  }
  return services
}

function buildOverlay(
  name: OverlayName,
  init: RunningInit,
  server: FileServer
): (components: HostComponents) => Overlay {
  const { config, privateKey, store } = init
  if (name !== 'gnutella') throw new Error(`There is no overlay ${name} in this version.`)
  return gnutella({
    neighbours: config.gnutella.neighbours,
    ttl: config.gnutella.ttl,
    agent: agentOf(init.deps),
    privateKey,
    store: store.machineState('gnutella'),
    servePushed: (duplex, peerId) => server.serve(duplex, peerId),
    firewalled: () => config.noInbound
  })
}

/** Also a node that takes no calls serves: over connections that it opened itself. */
async function serveFiles(network: Libp2p, server: FileServer): Promise<void> {
  await network.handle(
    HTTP_PROTOCOL,
    (stream, connection) => server.serve(streamDuplex(stream), connection.remotePeer.toString()),
    {
      maxInboundStreams: SERVER_LIMITS.connectionsPerPeerMax,
      maxOutboundStreams: 2 * SERVER_LIMITS.connectionsPerPeerMax
    }
  )
}

function openDownloads(
  { config, database, logger }: RunningInit,
  network: Libp2p,
  slots: ReadonlyMap<OverlayName, OverlaySlot>
): Promise<Downloads> {
  const connector = new NodeConnector(network, name => {
    const overlay = slots.get(name)?.running
    return isPusher(overlay) ? overlay : undefined
  })
  return Downloads.open({
    database,
    folder: config.downloadDir,
    connector,
    findProviders: (id, signal) => findProviders(slots, id, signal, logger),
    logger: logger.child({ component: 'servent:downloads' }),
    ...cap('maxDownloadBytesPerSecond', config.maxDownloadRate)
  })
}

/** Providers from all overlays that run, as they come. */
async function* findProviders(
  slots: ReadonlyMap<OverlayName, OverlaySlot>,
  id: ContentId,
  signal: AbortSignal,
  logger: Logger
): AsyncGenerator<Provider, void> {
  const running = [...slots.values()].flatMap(slot => slot.running ?? [])
  for await (const found of merge(running.map(overlay => overlay.findProviders(id, { signal })))) {
    if ('value' in found) yield { ...found.value, overlay: running[found.source]!.name }
    else if (!signal.aborted)
      logger.warn({ overlay: running[found.source]!.name, err: found.error }, 'could not find providers')
  }
}

const agentOf = ({ version = VERSION_UNKNOWN }: NodeDeps): string => `servent/${version}`

/** 0 in the configuration is no cap. */
const cap = <Name extends string>(name: Name, rate: number): Partial<Record<Name, number>> =>
  rate === 0 ? {} : ({ [name]: rate } as Record<Name, number>)
