/** Pastry with its defaults where nothing else is said. */
import { PASTRY_PROTOCOL, type PastryService, type PastryView, pastry } from '@servent/pastry'
import { MEET_MS_MAX, type Side } from './sides.ts'

export const pastrySide: Side = {
  protocol: PASTRY_PROTOCOL,
  service: ({ settings, bootstrap }) =>
    pastry({ bootstrap, ...settings }) as unknown as ReturnType<Side['service']>,
  async meet(node, bootstrap) {
    if (bootstrap.length === 0) return
    await (node.services.overlay as PastryService).ready({
      peers: 2,
      signal: AbortSignal.timeout(MEET_MS_MAX)
    })
  },
  tables(service) {
    const { leafSet, routingTable, neighbourhoodSet } = (
      service as PastryService
    ).snapshot() as unknown as PastryView
    const peers = [...leafSet, ...routingTable, ...neighbourhoodSet].map(({ peerId }) => peerId)
    return { entries: new Set(peers).size, successors: [] }
  }
}
