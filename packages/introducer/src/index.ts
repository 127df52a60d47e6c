/**
 * How a newcomer learns its first contacts: a server of recently seen peers, and its client.
 *
 * A peer announces itself to the introducers that it knows with a statement that it signs: its addresses, and its parts
 * in overlays. An introducer calls it back at the host that it asked from, and lists it while it is heard of. Whoever
 * asks gets peers of many networks, by chance, each with its own statement, in an answer that the introducer signs.
 * A newcomer asks several introducers, believes none of them more than its share, and remembers what they said.
 *
 * `startIntroducer` is the server, `Introductions` the client.
 */

import { isIP } from 'node:net'
import type { PrivateKey } from '@libp2p/interface'
import type { ServentDatabase } from '@servent/database'
import { type Clock, cryptoRandom, isLoopback, systemClock } from '@servent/libp2p-host'
import { multiaddrOfSocket } from './addresses.ts'
import { Introducer } from './introducer.ts'
import { PEER_LIST_LIMITS, type PeerListLimits, SERVER_LIMITS, type ServerLimits } from './limits.ts'
import { ListStore } from './list-store.ts'
import { Prover } from './prover.ts'
import { IntroducerServer, type ServerEvent } from './server.ts'

export type { OverlayRole } from './announcement.ts'
export * from './errors.ts'
export * from './introductions.ts'
export * from './limits.ts'
export type { ServerEvent } from './server.ts'
export * from './url.ts'

export interface IntroducerOptions {
  readonly privateKey: PrivateKey
  /** Keeps the list between runs. */
  readonly database: ServentDatabase
  /** 0 takes any that is free. */
  readonly port: number
  /** An address of this machine; without it all of them. */
  readonly host?: string
  /** Lists peers with private addresses too: of a network at home, of this machine. It does so on loopback anyway. */
  readonly isPrivate?: boolean
  readonly onEvent?: (event: ServerEvent) => void
  readonly listLimits?: Partial<PeerListLimits>
  readonly serverLimits?: Partial<ServerLimits>
  readonly clock?: Clock
}

export interface RunningIntroducer {
  /** In text form: clients that know it believe nobody else. */
  readonly peerId: string
  readonly port: number
  readonly isPrivate: boolean
  /** Peers in the list. */
  size(): number
  stop(): Promise<void>
}

/** @throws Error  the port is taken (`EADDRINUSE`), or may not be listened on */
export async function startIntroducer(options: IntroducerOptions): Promise<RunningIntroducer> {
  const { privateKey, database, port, host, onEvent = () => {}, clock = systemClock } = options
  const serverLimits = { ...SERVER_LIMITS, ...options.serverLimits }
  const isPrivate = options.isPrivate === true || isLoopbackHost(host)
  const introducer = new Introducer({
    privateKey,
    ...{ serverLimits, clock },
    listLimits: { ...PEER_LIST_LIMITS, ...options.listLimits },
    store: new ListStore(database),
    scope: isPrivate ? 'loopback' : 'public',
    random: { random: cryptoRandom() },
    prove: (...asked) => prover.prove(...asked)
  })
  const server = new IntroducerServer({
    ...{ introducer, privateKey, onEvent },
    limits: serverLimits,
    nowMs: () => clock.nowMs()
  })
  await introducer.load()
  const prover = await Prover.start(privateKey, serverLimits.proofsMax)
  try {
    const taken = await server.listen(port, host)
    return {
      peerId: introducer.peerId,
      port: taken,
      isPrivate,
      size: () => introducer.size(),
      stop: async () => {
        introducer.stop()
        await server.close()
        await prover.stop()
      }
    }
  } catch (error) {
    await prover.stop()
    throw error
  }
}

function isLoopbackHost(host: string | undefined): boolean {
  if (host === undefined) return false
  return host === 'localhost' || (isIP(host) !== 0 && isLoopback(`${multiaddrOfSocket(host)}/`))
}
