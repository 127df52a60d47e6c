/** What papers say that a lookup takes, for as many peers and the settings that were measured. */
import type { PointResults } from '@servent/lab'

type Settings = PointResults['results']['settings']

interface Theory {
  readonly source: string
  /** Those that it speaks of. */
  readonly settings: readonly string[]
  readonly hops: (peers: number, settings: Settings) => number
}

const setting = (settings: Settings, key: string, otherwise: number) => {
  const value = settings[key]
  return typeof value === 'number' && value > 0 ? value : otherwise
}

/** Gnutella, FastTrack and Napster have none, and Kademlia’s paper gives a bound, not a mean. */
const THEORY: Partial<Record<PointResults['overlay'], Theory>> = {
  chord: {
    source:
      'Chord: half of log2 N, less half of log2 r for a lookup that r successors answer early, and the step to the root ' +
      '(Stoica et al., ToN 2003, section IV-E)',
    settings: ['virtual-nodes', 'successors'],
    hops: (peers, settings) => {
      const places = peers * setting(settings, 'virtual-nodes', 1)
      const saved = Math.log2(setting(settings, 'successors', 1))
      return Math.max(1, (Math.log2(places) - saved) / 2 + 1)
    }
  },
  pastry: {
    source: 'Pastry: log N in base 2^b (Rowstron and Druschel 2001, section 3.2)',
    settings: ['digit-bits'],
    hops: (peers, settings) => Math.log2(peers) / setting(settings, 'digit-bits', 4)
  },
  kelips: {
    source: 'Kelips: one step (Gupta et al. 2003, section 2)',
    settings: [],
    hops: () => 1
  }
}

/** Nothing where an overlay's papers give no number of steps. */
export const theoryOf = (overlay: PointResults['overlay']) => THEORY[overlay]

/** It speaks of networks in which everybody lives, is honest, and hears and can dial all others, by links that last: of any other point there is none. */
export function theoryOfPoint({ overlay, plan }: Pick<PointResults, 'overlay' | 'plan'>): Theory | undefined {
  const { failures, liars, firewalled, churn, partition, resets } = plan
  const areAllWhole = [failures, liars, firewalled].every(part => (part ?? 0) === 0)
  const isCalm = areAllWhole && [churn, partition, resets].every(event => (event ?? null) === null)
  return isCalm ? theoryOf(overlay) : undefined
}

/** As many peers as a point has, with its settings. */
export const hopsExpected = (point: PointResults): number | undefined =>
  theoryOfPoint(point)?.hops(point.plan.nodes, point.results.settings)

/** Of the settings that vary those that theory speaks of. */
export function settingsOfTheory({
  overlay,
  set
}: Pick<PointResults, 'overlay' | 'set'>): PointResults['set'] {
  const { settings = [] } = theoryOf(overlay) ?? {}
  return Object.fromEntries(
    Object.entries(set).filter(([key]) => settings.some(name => key === `${overlay}.${name}`))
  )
}
