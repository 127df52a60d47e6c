/** Which overlays this build has. The README's other names are known, so that they are refused with reason. */
import type { OverlayName } from '@servent/overlay'

/** Takes part in Napster as a server, too. */
const NAPSTER_SERVER = 'napster-server'

/** Names that `overlays` takes in this build: overlays, and a role in one. */
export const OVERLAYS_HERE: readonly string[] = [
  'napster',
  NAPSTER_SERVER,
  'gnutella',
  'fasttrack',
  'chord',
  'pastry',
  'kelips',
  'kademlia'
]

/** Names that later versions take. */
export const OVERLAYS_PLANNED: readonly string[] = ['bittorrent']

/** The overlays that a list of such names stands for, each once. */
export function overlaysOf(names: readonly string[]): OverlayName[] {
  return [...new Set(names.map(name => (name === NAPSTER_SERVER ? 'napster' : name)))] as OverlayName[]
}

export const isNapsterServer = (names: readonly string[]): boolean => names.includes(NAPSTER_SERVER)
