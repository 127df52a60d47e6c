/** An overlay's settings as p2psim names them (`protocols/*.C`), and what of a plan it has not. */
import { levelFor } from '@servent/kelips/machine'
import { overlaySettings, type Plan } from '../plan.ts'
import type { Point } from '../study/study.ts'

/** p2psim's Chord has arrays for fewer than 3,000 addresses, the well-known node's among them. */
export const P2PSIM_NODES_MAX = 2_998
/** Its Chord asserts that it has more successors than this. */
const SUCCESSORS_MIN = 4

/** Why there is no such run in p2psim; nothing where there is. */
export function whyNot({ overlay, plan }: Pick<Point, 'overlay' | 'plan'>): string | undefined {
  const { nodes, lookups, searches, puts, failures, liars, partition, churn, latency, start, warmup } = plan
  const { bandwidth, resets, firewalled } = plan
  if (overlay !== 'chord' && overlay !== 'kademlia' && overlay !== 'kelips') return `p2psim has no ${overlay}`
  if (nodes > P2PSIM_NODES_MAX) return `p2psim takes ${P2PSIM_NODES_MAX} peers at most, not ${nodes}`
  if (lookups === 0 || searches > 0 || puts > 0) return 'p2psim has lookups, and nothing else'
  if (failures !== null || liars !== null || partition !== null)
    return 'p2psim knows of no failures at one instant, no liars and no partitions that are drawn as here'
  if (bandwidth !== null || resets !== null || firewalled > 0)
    return 'p2psim knows of no bandwidth, no resets and no firewalls'
  if (churn !== null && /^(rate|trace):/.test(churn))
    return 'who comes needs the address of somebody who went'
  if (latency.startsWith('exponential')) return 'in p2psim each pair of addresses has one latency'
  if (start !== 'ideal') return 'peers of p2psim begin with tables, as with start: ideal'
  if (warmup === 0)
    return 'what comes before the measured time is run by itself, and there is nothing: give it a warmup'
  return overlay === 'chord' ? whyNoChord(plan) : undefined
}

function whyNoChord(plan: Plan): string | undefined {
  const { successors, proximity, 'virtual-nodes': virtual } = overlaySettings(plan, 'chord')
  if ((successors as number) < SUCCESSORS_MIN)
    return `p2psim's Chord has ${SUCCESSORS_MIN} successors at least`
  if (virtual !== 1) return "p2psim's Chord has no virtual nodes"
  return proximity === 'off'
    ? "p2psim's fingers that do not ask for round trips are no longer kept up"
    : undefined
}

/** The one line of a protocol file. */
export function protocolLine({ overlay, plan }: Pick<Point, 'overlay' | 'plan'>): string {
  const set = overlaySettings(plan, overlay)
  const number = (key: string) => set[key] as number
  const own: Record<string, number> =
    overlay === 'chord' ? chord() : overlay === 'kelips' ? kelips() : kademlia()
  const all = { ...own, maxlookuptime: number('lookup-budget-ms'), initstate: 1 }
  const name = { chord: 'ChordFingerPNS', kelips: 'Kelips', kademlia: 'Kademlia' }[overlay as 'chord']
  return `${[name, ...Object.entries(all).map(([key, value]) => `${key}=${value}`)].join(' ')}\n`

  function chord(): Record<string, number> {
    return {
      base: 2,
      successors: number('successors'),
      samples: number('samples') || number('successors'),
      basictimer: number('stabilise-ms'),
      succlisttimer: number('stabilise-ms'),
      pnstimer: number('fix-fingers-ms'),
      recurs: Number(set.style !== 'iterative'),
      recurs_direct: Number(set.style === 'semi-recursive')
    }
  }
  function kelips(): Record<string, number> {
    return {
      k: number('groups') || 2 ** levelFor(Math.log2(plan.nodes)),
      round_interval: number('gossip-ms'),
      group_targets: number('targets'),
      contact_targets: number('contact-targets'),
      group_ration: number('member-ration'),
      contact_ration: number('contact-ration'),
      n_contacts: number('contacts')
    }
  }
  function kademlia(): Record<string, number> {
    return { k: number('k'), alpha: number('alpha'), stabilize_timer: number('refresh-ms') }
  }
}
