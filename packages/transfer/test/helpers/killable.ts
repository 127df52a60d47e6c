/**
 * A process that a test kills: a source or a downloader, as a line of JSON on its standard input says. It has loaded
 * all it needs by then, so that the next one can be made ready while this one lives.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ContentId } from '@servent/overlay'
import { type Connector, type DownloadLimits, FileServer } from '../../src/index.ts'
import { Desk } from './desk.ts'
import { cut, shareFolder } from './folder.ts'
import { TestShare } from './share.ts'
import { firstLine } from './sockets.ts'

export interface SourceOrder {
  readonly role: 'source'
  /** Of the unix socket on which it listens. */
  readonly socket: string
  /** What it shares. */
  readonly file: string
  /** Gets a line for each block that is read to be sent: the life of the downloader that asked, and the block. */
  readonly log: string
  readonly bytesPerSecond: number
  /** It shares the folder of so many files that the file is cut into, in its place. */
  readonly pieces?: number
}

export interface DownloadOrder {
  readonly role: 'download'
  readonly root: string
  readonly sockets: readonly string[]
  readonly id: string
  /** Told to the sources, so that what a dead one asked for is not taken for what this one asks. */
  readonly life: number
  /** Broken on purpose: it loses the file beside the `.part` at each start. */
  readonly isForgetful?: boolean
  readonly limits?: Partial<DownloadLimits>
}

const MiB = 2 ** 20

// Whoever started it may be killed itself.
const parent = process.ppid
setInterval(() => process.ppid !== parent && process.exit(), 1_000).unref()
console.log('warm')
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as SourceOrder | DownloadOrder
  if (order.role === 'source') await serve(order)
  else await download(order)
}

async function serve({ socket: path, file, log, bytesPerSecond, pieces }: SourceOrder): Promise<void> {
  const share = new TestShare()
  if (pieces === undefined) share.addFile('a.bin', file)
  else shareFolder(share, cut(readFileSync(file), pieces))
  const servers = new Map<string, FileServer>()
  const serverOf = (life: string): FileServer => {
    const known = servers.get(life)
    if (known !== undefined) return known
    const blocks = {
      open: async (id: ContentId) => {
        const reader = (await share.open(id))!
        const read = async (offset: number, length: number) => {
          appendFileSync(log, `${life} ${Math.floor(offset / MiB)}\n`)
          return reader.read(offset, length)
        }
        return { ...reader, read }
      }
    }
    const server = new FileServer({ catalogue: share, blocks, maxUploadBytesPerSecond: bytesPerSecond })
    servers.set(life, server)
    return server
  }
  await rm(path, { force: true })
  createServer(socket => {
    socket.on('error', () => {})
    void firstLine(socket).then(life => serverOf(life).serve(socket, 'downloader'))
  }).listen(path, () => console.log('listens'))
}

async function download({ root, sockets, id, life, isForgetful, limits }: DownloadOrder): Promise<void> {
  const desk = Desk.at(root)
  if (isForgetful) {
    for (const name of await readdir(desk.folder).catch(() => []))
      if (name.endsWith('.tree.part')) await rm(join(desk.folder, name))
  }
  const connector: Connector = {
    async connect(provider) {
      const socket = connect(provider.addresses[0]!)
      await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
      socket.write(`${life}\n`)
      return { duplex: socket, peerId: provider.peerId, relayed: false }
    }
  }
  const downloads = await desk.open({ connector, limits: { checkpointMs: 20, roundsMax: 10_000, ...limits } })
  const providers = sockets.map(path => ({ peerId: path, addresses: [path] }))
  const download = await downloads.start({ id: ContentId.parse(id), name: 'a.bin', providers })
  console.log(JSON.stringify(await download.finished))
  await desk.shut()
}
