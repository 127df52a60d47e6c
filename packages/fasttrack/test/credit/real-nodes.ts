/** Real libp2p nodes on loopback: peers that exchange receipts, and bare ones that speak the protocol by hand. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { PrivateKey, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { lpStream } from '@libp2p/utils'
import type { ServentDatabase } from '@servent/database'
import { type ParticipationLimits, RECEIPTS_PROTOCOL, ReceiptExchange } from '@servent/fasttrack/credit'
import { boundedYamux, type Clock } from '@servent/libp2p-host'
import { createLibp2p } from 'libp2p'
import { onTestFinished } from 'vitest'
import { ANSWER_BYTES_MAX } from '../../src/credit/constants.ts'
import { type Answer, decodeAnswer, encodeRequest, type Request } from '../../src/credit/exchange.ts'
import type { Receipt } from '../../src/credit/receipt.ts'
import { sealReceipt, sealStatement } from '../../src/credit/receipt-sealing.ts'
import { Accounts } from './helpers.ts'

const common = () => ({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [boundedYamux()],
  // One host is everybody here.
  connectionManager: { inboundConnectionThreshold: 1000 }
})

export interface PeerOptions {
  readonly privateKey?: PrivateKey
  readonly accounts?: Accounts
  readonly database?: ServentDatabase
  readonly limits?: Partial<ParticipationLimits>
  readonly clock?: Clock
}

/** Stopped when the test ends, if not before. */
export async function startPeer({ accounts = new Accounts(), ...options }: PeerOptions = {}) {
  const privateKey = options.privateKey ?? (await generateKeyPair('Ed25519'))
  let exchange: ReceiptExchange | undefined
  const libp2p = await createLibp2p({
    ...common(),
    privateKey,
    services: {
      identify: identify(),
      receipts: components => {
        exchange = new ReceiptExchange(components, { ...options, privateKey, own: accounts.of })
        return exchange
      }
    }
  })
  onTestFinished(async () => libp2p.stop())
  const id = libp2p.peerId.toString()
  return { libp2p, id, privateKey, accounts, exchange: exchange!, address: libp2p.getMultiaddrs()[0]! }
}

export type Peer = Awaited<ReturnType<typeof startPeer>>

/** A peer that does what a test says. It shows `receipts` to whoever asks, and takes no statement. */
export async function startBare(privateKey?: PrivateKey) {
  const key = privateKey ?? (await generateKeyPair('Ed25519'))
  const libp2p = await createLibp2p({ ...common(), privateKey: key, services: { identify: identify() } })
  onTestFinished(async () => libp2p.stop())
  const id = libp2p.peerId.toString()

  async function stream(to: Peer): Promise<Stream> {
    return libp2p.dialProtocol(to.address, RECEIPTS_PROTOCOL, { maxOutboundStreams: 100 })
  }

  /** The bytes of one frame, and what is answered. */
  async function send(to: Peer, frame: Uint8Array): Promise<Answer> {
    const one = await stream(to)
    const frames = lpStream(one, { maxDataLength: ANSWER_BYTES_MAX })
    await frames.write(frame, { signal: AbortSignal.timeout(5_000) })
    const answer = decodeAnswer((await frames.read({ signal: AbortSignal.timeout(5_000) })).subarray())
    await one.close()
    return answer
  }

  return {
    libp2p,
    id,
    privateKey: key,
    stream,
    send,
    ask: (to: Peer, request: Request) => send(to, encodeRequest(request))
  }
}

export async function signedBy(receipt: Receipt, taker: PrivateKey, giver: PrivateKey): Promise<Uint8Array> {
  return sealReceipt(await sealStatement(receipt, taker), giver)
}

/** `giver` gave `taker` bytes that were verified: both count, and the taker settles. */
export function transfer(giver: Peer, taker: Peer, bytes: number): void {
  giver.accounts.took(taker.id, bytes)
  taker.accounts.gave(giver.id, bytes)
  taker.exchange.gave(giver.id)
}

/** Polls: libp2p has no event for most of what a test waits for. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 10))
}
