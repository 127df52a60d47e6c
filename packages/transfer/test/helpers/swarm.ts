/** Peers that fetch a file and give what they have of it: each a folder, a database, downloads and a server of TCP. */
import {
  type Downloads,
  type DownloadsInit,
  type FileServer,
  type FileServerInit,
  Partials
} from '../../src/index.ts'
import type { PartialLimits } from '../../src/limits.ts'
import { Desk } from './desk.ts'
import { type Peer, sharer, tcpConnector } from './peer.ts'
import { TestShare } from './share.ts'

export interface SwarmPeer extends Peer {
  readonly server: FileServer
  readonly desk: Desk
  readonly downloads: Downloads
  readonly partials: Partials
  /** Again as after a restart, with the same server. */
  reopen(init?: Partial<DownloadsInit>): Promise<Downloads>
  remove(): Promise<void>
}

export async function swarmPeer(
  peerId: string,
  {
    downloads: init = {},
    server = {},
    partial = {}
  }: {
    downloads?: Partial<DownloadsInit>
    server?: Partial<FileServerInit>
    partial?: Partial<PartialLimits>
  } = {}
): Promise<SwarmPeer> {
  const desk = await Desk.make()
  const partials = new Partials(partial)
  const peer = await sharer(new TestShare(), { partials, ...server }, peerId)
  const open = (more: Partial<DownloadsInit> = {}) =>
    desk.open({ connector: tcpConnector, partials, random: Math.random, ...init, ...more })
  return Object.assign(peer, {
    desk,
    partials,
    downloads: await open(),
    reopen: open,
    remove: async () => {
      await desk.remove()
      await peer.stop()
    }
  })
}
