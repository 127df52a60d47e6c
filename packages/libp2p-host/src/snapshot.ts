/** What the snapshot of every overlay says of its host and of its links. */
import type { NeighbourSnapshot, OverlaySnapshot } from '@servent/overlay'
import type { HostState, LinkInfo } from './types.ts'

const STATES: Readonly<Record<HostState, OverlaySnapshot['state']>> = {
  new: 'starting',
  starting: 'starting',
  running: 'running',
  stopping: 'stopped',
  stopped: 'stopped',
  failed: 'failed'
}

/** Whether the overlay runs, and why it failed, where it has. */
export function stateOf({
  state,
  failure
}: {
  readonly state: HostState
  readonly failure: string | undefined
}): Pick<OverlaySnapshot, 'state' | 'reason'> {
  return { state: STATES[state], ...(failure === undefined ? {} : { reason: failure }) }
}

/** Neighbours as a machine tells of them, with what their links have carried. */
export function withTraffic(
  neighbours: readonly NeighbourSnapshot[],
  links: readonly LinkInfo[]
): NeighbourSnapshot[] {
  const known = new Map(links.map(info => [info.peerId, info]))
  return neighbours.map(neighbour => {
    const link = known.get(neighbour.peerId)
    if (link === undefined) return neighbour
    const { upMs, queueBytes, sentBytes, receivedBytes, sentMessages, receivedMessages } = link
    const traffic = { queueBytes, sentBytes, receivedBytes, sentMessages, receivedMessages }
    return { ...neighbour, connectedMs: Math.round(upMs), ...traffic }
  })
}
