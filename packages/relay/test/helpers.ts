/** Real libp2p nodes on loopback: relays, and peers that take no calls but those over relays. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { boundedYamux, type Clock, isCircuit, systemClock } from '@servent/libp2p-host'
import { CallBack, CallRules, holePunching, type RelayLimits, RelayServer, RelayUse } from '@servent/relay'
import { createLibp2p } from 'libp2p'
import { onTestFinished } from 'vitest'

interface Parts {
  readonly server?: RelayServer
  readonly use?: RelayUse
  readonly callBack?: CallBack
}

export interface Peer extends Parts {
  readonly libp2p: Libp2p
  readonly id: string
}

export interface RelayOptions {
  readonly limits?: Partial<RelayLimits>
  readonly privateKey?: PrivateKey
  readonly port?: number
  /** In place of the addresses that it has. */
  readonly announce?: string[]
  readonly clock?: Clock
}

/** Stopped when the test ends, if not before. */
export async function startRelay({
  limits = {},
  privateKey,
  port = 0,
  announce = [],
  clock = systemClock
}: RelayOptions = {}) {
  const key = privateKey ?? (await generateKeyPair('Ed25519'))
  let server: RelayServer | undefined
  const libp2p = await createLibp2p({
    privateKey: key,
    addresses: { listen: [`/ip4/127.0.0.1/tcp/${port}`], announce },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: {
      identify: identify(),
      relay: components => {
        server = new RelayServer(components, { privateKey: key, limits, clock })
        return server
      }
    }
  })
  onTestFinished(async () => libp2p.stop())
  return {
    libp2p,
    id: libp2p.peerId.toString(),
    address: libp2p.getMultiaddrs()[0]!,
    server: server!,
    privateKey: key
  }
}

/** `listen` false: refuses every direct call. */
export async function startPeer({ listen = false }: { listen?: boolean } = {}) {
  const use = new RelayUse()
  let callBack: CallBack | undefined
  const libp2p = await createLibp2p({
    addresses: { listen: [...(listen ? ['/ip4/127.0.0.1/tcp/0'] : []), ...use.listen] },
    transports: [tcp(), use.transport],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    // One host is everybody here.
    connectionManager: { inboundConnectionThreshold: 1000 },
    connectionGater: { denyInboundConnection: maConn => !listen && !isCircuit(maConn.remoteAddr) },
    services: {
      identify: identify(),
      relays: use.service,
      holePunching: holePunching(new CallRules()),
      callBack: components => {
        callBack = new CallBack(components)
        return callBack
      }
    }
  })
  onTestFinished(async () => libp2p.stop())
  return { libp2p, id: libp2p.peerId.toString(), use, callBack: callBack! }
}

/** Polls: libp2p has no event for most of what a test waits for. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 20))
}
