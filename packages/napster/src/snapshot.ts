/** A machine's tables for people. */
import { LOCAL_LINK, type Remote } from './remotes.ts'
import type { NapsterState } from './state.ts'
import type { NapsterTables, SeenServer } from './types.ts'

export function snapshotOf(state: NapsterState): NapsterTables {
  const { session, server, announcing } = state
  return {
    role: server === undefined ? 'client' : 'server',
    nick: session.nick,
    server: session.isIn ? (session.home?.peerId ?? null) : null,
    motd: [...session.motd],
    stats: session.stats,
    hotlist: [...state.hotlist.values()],
    announced: { files: announcing.done.size, of: Math.max(state.sharing.files, announcing.done.size) },
    quotaReached: announcing.isFull,
    neighbours: [...state.links.values()].flatMap(remote => seen(state, remote)),
    serversKnown: state.known.size,
    users: server?.users.size ?? 0,
    files: server?.files ?? 0,
    bytes: server?.bytes ?? 0,
    nicks: server?.nicks.size ?? 0,
    searches: server?.searches.size ?? 0,
    indexReachable: server?.indexReachable ?? true,
    counters: { ...state.counters }
  }
}

function seen(state: NapsterState, remote: Remote): SeenServer[] {
  const role =
    remote.mesh !== undefined
      ? 'mesh'
      : remote.user !== undefined
        ? 'user'
        : state.session.home === remote
          ? 'home'
          : undefined
  if (role === undefined || remote.link === LOCAL_LINK) return []
  const { peerId, inbound, upMs, hello } = remote
  const agent = hello?.agent ?? remote.user?.client ?? ''
  return [{ peerId, inbound, connectedMs: state.nowMs - upMs, agent, role }]
}
