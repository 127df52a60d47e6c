/**
 * How many connections at a time the overlays of a node need. libp2p refuses whoever comes when it has as many as it may,
 * and gives no reason: a server whose limit is lower than the number of its users lets nobody past it in, and cannot even
 * say that it is full.
 */
import type { Settings } from './config-schema.ts'
import { isNapsterServer } from './overlay-names.ts'

/** For all that is no user of a server or a supernode: the other overlays, transfers, and those who are told that there is no room. */
export const CONNECTIONS_DEFAULT = 200
/** Links to other Napster servers, and of those who are not logged in yet. A test compares with what the overlay has. */
const NAPSTER_LINKS_OVER_USERS = 32
/** Of FastTrack, to each place of the target: users and those for whom it is the spare; and over them links to other supernodes and guests. */
const FASTTRACK_LINKS_PER_PLACE = 4
const FASTTRACK_LINKS_OVER_PLACES = 124

type Needing = Pick<Settings, 'overlays' | 'napster' | 'fasttrack'>

export interface ConnectionsNeed {
  readonly overlay: 'napster' | 'fasttrack'
  readonly connections: number
  /** For people: who they are. */
  readonly what: string
  /** Only a node that has become a supernode needs them. */
  readonly ifSupernode: boolean
}

/** What overlays need of their own, each for itself; nothing of those that are content with `CONNECTIONS_DEFAULT`. */
export function connectionNeeds({ overlays, napster, fasttrack }: Needing): ConnectionsNeed[] {
  const needs: ConnectionsNeed[] = []
  if (isNapsterServer(overlays)) {
    needs.push({
      overlay: 'napster',
      connections: napster.users + NAPSTER_LINKS_OVER_USERS,
      what: `a Napster server of ${napster.users} users (napster.users) and its links to other servers`,
      ifSupernode: false
    })
  }
  if (overlays.includes('fasttrack') && fasttrack.role !== 'ordinary') {
    const places = fasttrack.ordinariesPerSupernode
    needs.push({
      overlay: 'fasttrack',
      connections: FASTTRACK_LINKS_PER_PLACE * places + FASTTRACK_LINKS_OVER_PLACES,
      what: `a FastTrack supernode that aims at ${places} users (fasttrack.ordinaries-per-supernode)`,
      ifSupernode: fasttrack.role === 'auto'
    })
  }
  return needs
}

/** Where the user sets no limit. */
export const connectionsOf = (settings: Needing): number =>
  connectionNeeds(settings).reduce((sum, { connections }) => sum + connections, CONNECTIONS_DEFAULT)

/** What a limit that the user has set is too low for, in words for them. */
export function tooFewConnections(
  config: Needing & Pick<Settings, 'maxConnections'>,
  isSupernode: boolean
): { readonly overlay: ConnectionsNeed['overlay']; readonly message: string }[] {
  const { maxConnections } = config
  const needs = connectionNeeds(config).filter(({ ifSupernode }) => isSupernode || !ifSupernode)
  const alone = needs.filter(({ connections }) => connections > maxConnections)
  const sum = needs.reduce((total, { connections }) => total + connections, 0)
  // Each has its places, and all of them have not.
  const together = needs.map(({ what }) => what).join(' and ')
  const told =
    alone.length > 0 || sum <= maxConnections
      ? alone
      : [{ overlay: needs[0]!.overlay, connections: sum, what: `${together} together` }]
  return told.map(({ overlay, connections, what }) => ({
    overlay,
    message: `At most ${maxConnections} connections are taken (max-connections), and ${what} may need ${connections}: who comes when there is no place is refused without a reason.`
  }))
}
