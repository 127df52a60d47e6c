/** Kelips with its defaults where nothing else is said. */
import { KELIPS_PROTOCOL, type KelipsService, type KelipsView, kelips } from '@servent/kelips'
import { MEET_MS_MAX, type Side } from './sides.ts'

export const kelipsSide: Side = {
  protocol: KELIPS_PROTOCOL,
  service: ({ settings, bootstrap }) =>
    kelips({ bootstrap, ...settings }) as unknown as ReturnType<Side['service']>,
  async meet(node, bootstrap) {
    if (bootstrap.length === 0) return
    await (node.services.overlay as KelipsService).ready({
      peers: 2,
      signal: AbortSignal.timeout(MEET_MS_MAX)
    })
  },
  tables(service) {
    const { members, contacts } = (service as KelipsService).snapshot() as unknown as KelipsView
    return { entries: members.length + contacts.length, successors: [] }
  }
}
