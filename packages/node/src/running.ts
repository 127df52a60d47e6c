/**
 * The parts of a node while it runs, put together in the order in which they need each other: the library,
 * transfers on it, libp2p with the overlays, and last the downloads that go on, which connect at once.
 */
import { join } from 'node:path'
import type { Ed25519PrivateKey, Libp2p } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { ServentDatabase } from '@servent/database'
import type { Introductions } from '@servent/introducer'
import { streamDuplex } from '@servent/libp2p-host'
import type { Library } from '@servent/library'
import { type ContentId, given, type OverlayName, type Provider } from '@servent/overlay'
import type { Downloads, FileServer, Ledger } from '@servent/transfer'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { HTTP_PROTOCOL, isPusher, NodeConnector } from './connector.ts'
import { agentOf, type NodeDeps, VERSION_UNKNOWN } from './deps.ts'
import { DATABASE_FILE } from './folders.ts'
import { Indexes } from './indexes.ts'
import { introductions } from './introducing.ts'
import { componentLogger } from './libp2p-log.ts'
import { LibraryDoor } from './library-door.ts'
import { explainListen } from './listening.ts'
import { merge } from './merge.ts'
import { NodeMetrics } from './metrics.ts'
import { createNetwork, type NetworkInit } from './network.ts'
import { HTTP_STREAMS_PER_CONNECTION_MAX } from './network-limits.ts'
import { overlayFactory } from './overlay-factories.ts'
import { overlaysOf } from './overlay-names.ts'
import { OverlaySlot } from './overlays.ts'
import { type Levels, LevelsSlot } from './participation.ts'
import { cap } from './rate-cap.ts'
import type { NodeStore } from './store.ts'
import { Transfers } from './transfers.ts'
import { Ways } from './ways.ts'

export interface RunningInit {
  readonly config: Config
  readonly deps: NodeDeps
  readonly logger: Logger
  readonly privateKey: Ed25519PrivateKey
  readonly database: ServentDatabase
  readonly store: NodeStore
}

type Slots = ReadonlyMap<OverlayName, OverlaySlot>

export interface Running {
  readonly library: LibraryDoor
  readonly transfers: Transfers
  readonly network: Libp2p
  readonly ways: Ways
  readonly slots: Slots
  readonly metrics: NodeMetrics
  /** Absent where no introducer is known. */
  readonly introductions: Introductions | undefined
  /** Of the network, after everything that is done over it. */
  leave(): Promise<void>
}

/**
 * Starts every part that is needed. Where one cannot start, those before it are stopped again.
 *
 * @throws ListenError  an address to listen on is taken
 */
export async function run(init: RunningInit): Promise<Running> {
  const { config, deps, logger, store } = init
  const slots = new Map<OverlayName, OverlaySlot>()
  const metrics = new NodeMetrics(config.dataDir)
  const library = new LibraryDoor(() => openLibrary(init), init.database)
  const ways = await Ways.load(config, init.privateKey)
  const peerId = peerIdFromPrivateKey(init.privateKey).toString()
  const indexes = new Indexes({ config, deps, peerId, logger })
  const levels = new LevelsSlot(init)
  const transfers: Transfers = new Transfers({
    openLedger: () => openLedger(init),
    openLevels: ledger => levels.open(ledger),
    openServer: (ledger, participation) => openServer(init, library, ledger, participation),
    openDownloads: (ledger, gave) => openDownloads(init, { network, ways, slots, library, ledger, gave })
  })
  const network = await createNetwork({
    config,
    version: deps.version ?? VERSION_UNKNOWN,
    privateKey: init.privateKey,
    agent: agentOf(deps),
    logger: componentLogger(logger),
    metrics: components => metrics.component(components),
    ways,
    ...given({ aroundTcp: deps.aroundTcp }),
    services: {
      ...(await overlayServices({ ...init, indexes }, library, transfers, slots)),
      levels: levels.service
    }
  })
  // Also a node that takes no calls serves: over connections that it opened itself.
  await network.handle(
    HTTP_PROTOCOL,
    (stream, connection) => transfers.serve(streamDuplex(stream), connection.remotePeer.toString()),
    {
      maxInboundStreams: HTTP_STREAMS_PER_CONNECTION_MAX,
      maxOutboundStreams: HTTP_STREAMS_PER_CONNECTION_MAX,
      runOnLimitedConnection: true
    }
  )
  const introduced = await introductions({ ...init, network, slots })
  try {
    // What was shared before can be found from the first moment on.
    if (store.isUsed('library')) await library.opened()
    await network.start()
    if (store.isUsed('downloads')) await transfers.downloads()
    introduced?.start()
  } catch (error) {
    const steps = [
      () => transfers.stopDownloads(),
      () => transfers.stopServer(),
      async () => network.stop(),
      () => indexes.close(),
      () => library.stop()
    ]
    for (const stop of steps)
      await stop().catch(cause => logger.error({ err: cause }, 'could not stop a part'))
    throw explainListen(error)
  }
  const leave = async () => {
    try {
      await introduced?.stop()
    } finally {
      try {
        await network.stop()
      } finally {
        await indexes.close()
      }
    }
  }
  return { library, transfers, network, ways, slots, metrics, introductions: introduced, leave }
}

async function openLibrary({ config, deps, logger, store }: RunningInit): Promise<Library> {
  const { Library, libraryWorkerFrom } = await import('@servent/library')
  const library = await Library.open({
    databasePath: join(config.dataDir, DATABASE_FILE),
    logger: logger.child({ component: 'servent:library' }),
    settings: { exclude: config.library.exclude, includeHidden: config.library.hidden },
    // What this node keeps to itself is never shared, whatever folder above it is.
    privateFolders: [config.dataDir, config.stateDir],
    publicFolders: [config.downloadDir],
    ...(deps.libraryWorker !== undefined && { worker: libraryWorkerFrom(deps.libraryWorker.source) })
  })
  store.use('library')
  return library
}

async function openLedger({ database, logger }: RunningInit): Promise<Ledger> {
  const { Ledger } = await import('@servent/transfer')
  return new Ledger(database, {}, logger.child({ component: 'servent:uploads' }))
}

async function openServer(
  { config, logger }: RunningInit,
  library: LibraryDoor,
  ledger: Ledger,
  participation: Levels | undefined
): Promise<FileServer> {
  const { FileServer } = await import('@servent/transfer')
  return new FileServer({
    catalogue: library,
    blocks: library,
    ...(await partialsOf(config, library)),
    ledger,
    ...(participation === undefined ? {} : { participation }),
    logger: logger.child({ component: 'servent:uploads' }),
    ...cap('maxUploadBytesPerSecond', config.maxUploadRate),
    ...cap('maxUploadBytesPerSecondPerPeer', config.maxUploadRatePerPeer)
  })
}

async function openDownloads(
  { config, database, logger, store }: RunningInit,
  parts: Pick<Running, 'network' | 'ways' | 'slots' | 'library'> & {
    ledger: Ledger
    gave: (peer: string) => void
  }
): Promise<Downloads> {
  const { network, ways, slots, library, ledger, gave } = parts
  const { Downloads } = await import('@servent/transfer')
  const connector = new NodeConnector({
    network,
    pusher: name => {
      const overlay = slots.get(name)?.running
      return isPusher(overlay) ? overlay : undefined
    },
    callBack: (relayed, signal) => ways.callBack(relayed, signal)
  })
  const downloads = await Downloads.open({
    database,
    folder: config.downloadDir,
    connector,
    ...(await partialsOf(config, library)),
    ledger,
    onGave: gave,
    findProviders: (id, signal) => findProviders(slots, id, signal, logger),
    logger: logger.child({ component: 'servent:downloads' }),
    limits: { activeMax: config.maxDownloads },
    ...cap('maxDownloadBytesPerSecond', config.maxDownloadRate)
  })
  store.use('downloads')
  return downloads
}

async function partialsOf({ noSharePartial }: Config, library: LibraryDoor) {
  return noSharePartial ? {} : { partials: await library.partials.opened() }
}

/** Overlays are made by libp2p when it has their components; the slots are there for all to look at. */
async function overlayServices(
  init: RunningInit & { indexes: Indexes },
  library: LibraryDoor,
  transfers: Transfers,
  slots: Map<OverlayName, OverlaySlot>
): Promise<NetworkInit['services']> {
  const { config, logger } = init
  const services: NetworkInit['services'] = {}
  for (const name of overlaysOf(config.overlays)) {
    // One that cannot be made is shown as failed, and the others run.
    const build = await overlayFactory(name, init, transfers).catch(error => () => {
      throw error
    })
    services[name] = components => {
      const slot = new OverlaySlot(name, () => build(components), library, logger)
      if (slot.overlay !== undefined) init.deps.onOverlay?.(slot.overlay)
      slots.set(name, slot)
      return slot
    }
  }
  return services
}

/** Providers from all overlays that run, as they come. */
async function* findProviders(
  slots: Slots,
  id: ContentId,
  signal: AbortSignal,
  logger: Logger
): AsyncGenerator<Provider, void> {
  const running = [...slots.values()].flatMap(slot => slot.running ?? [])
  for await (const found of merge(running.map(overlay => overlay.findProviders(id, { signal })))) {
    const overlay = running[found.source]!.name
    if ('value' in found) yield { ...found.value, overlay }
    // Of an overlay that is empty there is nothing to tell.
    else if (!signal.aborted && (found.error as Error).name !== 'NobodyToAskError')
      logger.warn({ overlay, err: found.error }, 'could not find providers')
  }
}
