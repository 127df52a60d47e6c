/**
 * First contacts from introducers: they are told to libp2p and called, as bootstrap peers are, and overlays hear of them
 * when they are connected. This node has itself listed where it takes calls.
 */
import type { Ed25519PrivateKey, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { ServentDatabase } from '@servent/database'
import type { FirstContact, Introductions } from '@servent/introducer'
import { isCircuit } from '@servent/libp2p-host'
import type { OverlayName } from '@servent/overlay'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { OverlaySlot } from './overlays.ts'

/** Calls to first contacts at a time, and connections after which no more are made. */
const CALLS_AT_ONCE = 4
const CONNECTIONS_ENOUGH = 8
/** As for bootstrap peers: a connection to them is kept, until the overlays have chosen theirs. */
const TAG_VALUE = 50
const TAG_MS = 2 * 60_000
/** The part in an overlay that has one kind of peers. */
const ROLE_DEFAULT = 'peer'
/** Of overlays that not every peer leads into. A user of Napster takes no links, and tells nobody of servers. */
const LEADER_ROLES: ReadonlyMap<string, string> = new Map([['napster', 'server']])

export interface IntroducingInit {
  readonly config: Config
  readonly privateKey: Ed25519PrivateKey
  readonly database: ServentDatabase
  readonly network: Libp2p
  readonly slots: ReadonlyMap<OverlayName, OverlaySlot>
  readonly logger: Logger
}

/** Not started; nothing where the configuration names no introducer. */
export async function introductions(init: IntroducingInit): Promise<Introductions | undefined> {
  const { config, network, slots, privateKey, database } = init
  if (config.introducer.length === 0) return undefined
  const { Introductions } = await import('@servent/introducer')
  return new Introductions({
    urls: config.introducer,
    ...{ privateKey, database },
    self: () => ({
      addresses: config.noInbound
        ? []
        : network
            .getMultiaddrs()
            .filter(address => !isCircuit(address))
            .map(String),
      overlays: [...slots.values()].flatMap(slot => {
        const { name, state, role } = slot.snapshot()
        return state === 'running' ? [{ name, role: typeof role === 'string' ? role : ROLE_DEFAULT }] : []
      })
    }),
    leaderRole: overlay => LEADER_ROLES.get(overlay),
    isAlone: () => network.getConnections().length === 0 || [...slots.values()].some(slot => isAlone(slot)),
    onContacts: (contacts, signal) => meet(contacts, init, signal)
  })
}

const isAlone = ({ running }: OverlaySlot): boolean => running?.snapshot().neighbours.length === 0

/**
 * Calls them in their order, some at a time, until there are connections enough. Those of one overlay are none for
 * another: who leads into one that is alone here is called none the less.
 */
async function meet(
  contacts: readonly FirstContact[],
  { network, slots, logger }: IntroducingInit,
  signal: AbortSignal
): Promise<void> {
  const left = [...contacts]
  const isNeeded = ({ overlays }: FirstContact): boolean =>
    network.getConnections().length < CONNECTIONS_ENOUGH ||
    overlays.some(({ name, role }) => {
      const slot = slots.get(name as OverlayName)
      return slot !== undefined && isAlone(slot) && role === (LEADER_ROLES.get(name) ?? role)
    })
  const call = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      if (signal.aborted) return
      if (!isNeeded(next)) continue
      const { peerId, addresses, overlays, introducer } = next
      const id = peerIdFromString(peerId)
      try {
        await network.peerStore.merge(id, {
          multiaddrs: addresses.map(text => multiaddr(text)),
          tags: Object.fromEntries([
            ['introduced', { value: TAG_VALUE, ttl: TAG_MS }],
            ...overlays.map(({ name, role }) => [`${name}-${role}`, { value: 1, ttl: TAG_MS }])
          ])
        })
        await network.dial(id, { signal })
      } catch (error) {
        // Its introducer called it up to an hour ago: it may be gone.
        logger.debug({ peerId, introducer, err: error }, 'a first contact does not answer')
      }
    }
  }
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, call))
}
