/** What papers say that a lookup takes, for as many peers and the settings that were measured. */
import type { PointResults } from '@servent/lab'

type Settings = PointResults['results']['settings']

interface Theory {
  readonly label: string
  readonly source: string
  readonly hops: (peers: number, settings: Settings) => number
}

const setting = (settings: Settings, key: string, otherwise: number) => {
  const value = settings[key]
  return typeof value === 'number' && value > 0 ? value : otherwise
}

/** Gnutella, FastTrack and Napster have none, and Kademlia’s paper gives a bound, not a mean. */
const THEORY: Partial<Record<PointResults['overlay'], Theory>> = {
  chord: {
    label: 'Chord, theory',
    source:
      'Chord: half of log2 N, less half of log2 r for a lookup that r successors answer early, and the step to the root ' +
      '(Stoica et al., ToN 2003, section IV-E)',
    hops: (peers, settings) => {
      const places = peers * setting(settings, 'virtual-nodes', 1)
      const saved = Math.log2(setting(settings, 'successors', 1))
      return Math.max(1, (Math.log2(places) - saved) / 2 + 1)
    }
  },
  pastry: {
    label: 'Pastry, theory',
    source: 'Pastry: log N in base 2^b (Rowstron and Druschel 2001, section 3.2)',
    hops: (peers, settings) => Math.log2(peers) / setting(settings, 'digit-bits', 4)
  },
  kelips: {
    label: 'Kelips, theory',
    source: 'Kelips: one step (Gupta et al. 2003, section 2)',
    hops: () => 1
  }
}

/** Nothing where an overlay's papers give no number of steps. */
export const theoryOf = (overlay: PointResults['overlay']) => THEORY[overlay]
