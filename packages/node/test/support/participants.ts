/** Peers around a real node's file server: some that hold its slots, and keys that show what they sign for each other. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey, Libp2p } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { RECEIPTS_PROTOCOL } from '@servent/fasttrack/credit'
import { streamDuplex } from '@servent/libp2p-host'
import type { Overlay, OverlaySnapshot } from '@servent/overlay'
import { HTTP_PROTOCOL, SERVER_LIMITS } from '@servent/transfer'
import { expect } from 'vitest'
import { encodeAnswer } from '../../../fasttrack/src/credit/exchange.ts'
import type { Receipt } from '../../../fasttrack/src/credit/receipt.ts'
import { sealReceipt, sealStatement } from '../../../fasttrack/src/credit/receipt-sealing.ts'
import type { ServentNode } from '../../src/index.ts'
import { startNetwork } from './networks.ts'
import { last } from './nodes.ts'

/** FastTrack as far as levels go, which need no supernodes: it finds nothing. */
export function quietOverlay(): Overlay {
  const snapshot: OverlaySnapshot = { name: 'fasttrack', state: 'running', neighbours: [], counters: {} }
  return {
    name: 'fasttrack',
    attach() {},
    async *search() {},
    async *findProviders() {},
    snapshot: () => snapshot
  }
}

export interface Answer {
  readonly status: number
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>
}

/** Asks a node for a file on a stream of its own, and waits for the head of the answer alone. */
export async function ask(network: Libp2p, node: ServentNode, id: string) {
  const stream = await network.dialProtocol(multiaddr(node.addresses()[0]!), HTTP_PROTOCOL)
  const duplex = streamDuplex(stream)
  duplex.on('error', () => {})
  duplex.write(`GET /ipfs/${id} HTTP/1.1\r\nHost: servent\r\n\r\n`)
  let head = ''
  for await (const chunk of duplex.iterator({ destroyOnReturn: false })) {
    head += (chunk as Buffer).toString('latin1')
    if (head.includes('\r\n\r\n')) break
  }
  const [first, ...lines] = head.split('\r\n\r\n')[0]!.split('\r\n')
  const headers = Object.fromEntries(
    lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)])
  )
  return {
    answer: { status: Number(first!.split(' ')[1]), headers } as Answer,
    leave: () => duplex.destroy()
  }
}

/** Strangers take every upload slot of a node. Each function that is given frees one of them. */
export async function holdSlots(node: ServentNode, id: string): Promise<(() => void)[]> {
  const { slotsMax, slotsPerPeerMax } = SERVER_LIMITS
  const strangers = await Promise.all(
    Array.from({ length: slotsMax / slotsPerPeerMax }, () => startNetwork())
  )
  for (const network of strangers) await network.dial(multiaddr(node.addresses()[0]!))
  // All at once: under a cap on the rate each waits for those before it.
  const asked = await Promise.all(
    strangers.flatMap(network => Array.from({ length: slotsPerPeerMax }, () => ask(network, node, id)))
  )
  return asked.map(({ answer, leave }) => {
    if (answer.status !== 200) throw new Error(`A slot was not free: ${answer.status}.`)
    return leave
  })
}

/** Receipts that keys of one owner sign for each other: the first of them gave each of the others so much. */
export async function crossSigned(keys: readonly Ed25519PrivateKey[], bytes: number): Promise<Uint8Array[]> {
  const [giver, ...takers] = keys as [Ed25519PrivateKey, ...Ed25519PrivateKey[]]
  return Promise.all(
    takers.map(async taker => {
      const receipt: Receipt = { giver: nameOf(giver), taker: nameOf(taker), bytes, sequence: 1 }
      return sealReceipt(await sealStatement(receipt, taker), giver)
    })
  )
}

export const keysOf = (count: number): Promise<Ed25519PrivateKey[]> =>
  Promise.all(Array.from({ length: count }, () => generateKeyPair('Ed25519')))

/** A peer that shows these receipts to whoever asks. `shown` counts. */
export async function startShowing(privateKey: Ed25519PrivateKey, sealed: readonly Uint8Array[]) {
  const network = await startNetwork({}, undefined, privateKey)
  const peer = { network, shown: 0 }
  await network.handle(RECEIPTS_PROTOCOL, async stream => {
    const frames = lpStream(stream)
    await frames.read()
    await frames.write(encodeAnswer({ type: 'receipts', sealed }))
    await stream.close()
    peer.shown += 1
  })
  return peer
}

function nameOf(key: Ed25519PrivateKey): string {
  return key.publicKey.toString()
}

/** Who waits at a node, first in line first, with standing and level. */
export const waiting = (node: ServentNode) =>
  node
    .uploads()
    .filter(({ state }) => state === 'queued')
    .map(({ peer, standing, level, band }) => [peer, standing, level, band])

/** Begins a download that has to wait at another node; `done` is its end. */
export async function queue(asker: ServentNode, at: ServentNode, ticket: string) {
  const done = last(asker.get(ticket))
  // Where a test ends before the download does, its node stops.
  done.catch(() => {})
  await expect.poll(() => waiting(at).map(([peer]) => peer), { timeout: 30_000 }).toContain(asker.peerId)
  return { done }
}
