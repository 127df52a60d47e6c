/** One run of a node's parts, and what looks after them while they run, from its beginning to its end. */
import type { Logger } from 'pino'
import { Fetches, type FetchesInit } from './fetching.ts'
import { PeerMemory } from './peer-memory.ts'
import { Peers } from './peers.ts'
import type { NapsterHere } from './people.ts'
import { Rejoin } from './rejoin.ts'
import { type Running, type RunningInit, run } from './running.ts'
import { stopInOrder } from './stopping.ts'
import { TransferCounts } from './transfer-counts.ts'

export interface Life extends Running {
  readonly peers: Peers
  readonly memory: PeerMemory
  readonly rejoin: Rejoin
  readonly fetches: Fetches
  readonly counts: TransferCounts
  readonly startedMs: number
}

/** @throws ListenError  an address to listen on is taken */
export async function begin(
  init: RunningInit,
  { ended, ranked }: Pick<FetchesInit, 'ended' | 'ranked'>
): Promise<Life> {
  const { config, store, logger } = init
  const running = await run(init)
  const { network, transfers, slots } = running
  const life: Life = {
    ...running,
    peers: new Peers(network),
    memory: new PeerMemory(network, store, logger),
    rejoin: new Rejoin(network, config.discovery.includes('bootstrap') ? config.bootstrap : []),
    fetches: new Fetches({ open: () => transfers.downloads(), ended, ranked }),
    counts: new TransferCounts({
      napster: () => napsterIn(slots)?.running,
      transferring: () => transfers.transferring()
    }),
    startedMs: performance.now()
  }
  life.memory.start(() => life.peers.seen())
  life.rejoin.start()
  life.counts.start()
  return life
}

export async function end(life: Life, logger: Logger): Promise<void> {
  life.rejoin.stop()
  life.counts.stop()
  life.metrics.stop()
  await stopInOrder(logger, [
    ['remember peers', () => life.memory.stop()],
    ['stop downloads', () => life.transfers.stopDownloads()],
    ['stop uploads', () => life.transfers.stopServer()],
    ['leave the network', () => life.leave()],
    ['close the library', () => life.library.stop()]
  ])
}

/** Nothing where the node takes no part in it. */
export const napsterIn = (slots: Running['slots']): NapsterHere | undefined =>
  slots.get('napster') as NapsterHere | undefined
