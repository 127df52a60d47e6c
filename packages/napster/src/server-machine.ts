/** The server's side: what comes over a link is led to the rules that it concerns. */
import { clamp } from '@servent/overlay/machine'
import { LINK_SPEED_MAX } from './constants.ts'
import { linkServers, onHelloToServer } from './mesh-links.ts'
import { onMeshRelay, onUserRelay } from './mesh-relay.ts'
import { forgetMeshPeer, onMeshEnd, onMeshFind, onMeshFound } from './mesh-search.ts'
import type { NapsterMessage } from './messages.ts'
import type { Remote, User } from './remotes.ts'
import { retryRemovals } from './server-index.ts'
import { logOut, offend, onVisitor, sayMotd, serverUpkeep, statsOf } from './server-login.ts'
import {
  onBrowse,
  onBrowsePage,
  onDownload,
  onHotlist,
  onHotlistRemove,
  onPassed,
  onPushDownload,
  onTransferCount,
  onUploadAccept,
  onWhois
} from './server-people.ts'
import { endSearchesOf, onFind, onPlainSearch } from './server-search.ts'
import {
  onShareLine,
  onShareRecords,
  onUnshareAll,
  onUnshareLine,
  onUnshareRecords
} from './server-sharing.ts'
import type { Fx, NapsterState, ServerState } from './state.ts'

export function onServerMessage(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  remote: Remote,
  message: NapsterMessage
): void {
  if (message.type === 'malformed') {
    state.count('messagesMalformed')
    offend(state, fx, remote)
    const text = `A message of type ${message.code} breaks the rules: ${message.reason}.`
    state.send(fx, remote.link, { type: remote.user === undefined ? 'login-error' : 'error', text })
  } else if (message.type === 'hello') onHelloToServer(state, server, fx, remote, message)
  else if (remote.mesh !== undefined) onMeshMessage(state, server, fx, remote, message)
  else if (remote.user !== undefined) onUserMessage(state, server, fx, remote.user, message)
  else onVisitor(state, server, fx, remote, message)
}

function onMeshMessage(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  remote: Remote,
  message: NapsterMessage
): void {
  switch (message.type) {
    case 'mesh-find':
      onMeshFind(state, server, fx, remote, message)
      break
    case 'mesh-found':
      onMeshFound(state, server, fx, remote, message)
      break
    case 'mesh-end':
      onMeshEnd(state, server, fx, remote, message)
      break
    case 'relay':
      onMeshRelay(state, server, fx, remote, message)
      break
    // Its answer is another of the same: only whoever opened the link asks.
    case 'ping-server':
      if (remote.inbound) state.send(fx, remote.link, message)
      break
    default:
      state.count('messagesOutOfPlace')
      offend(state, fx, remote)
  }
}

function onUserMessage(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  message: NapsterMessage
): void {
  const { link } = user.remote
  switch (message.type) {
    case 'share-records':
      onShareRecords(state, server, fx, user, message)
      break
    case 'unshare-records':
      onUnshareRecords(state, server, fx, user, message)
      break
    case 'share':
      onShareLine(state, server, fx, user, message)
      break
    case 'unshare':
      onUnshareLine(state, server, fx, user, message.name)
      break
    case 'unshare-all':
      onUnshareAll(state, server, fx, user)
      break
    case 'find':
      onFind(state, server, fx, user, message)
      break
    case 'search':
      onPlainSearch(state, server, fx, user, message)
      break
    case 'browse':
      onBrowse(state, server, fx, user, message.nick)
      break
    case 'browse-page':
      onBrowsePage(state, server, fx, user, message)
      break
    case 'relay':
      onUserRelay(state, server, fx, user, message)
      break
    case 'whois':
      onWhois(state, server, fx, user, message.nick)
      break
    case 'hotlist':
    case 'hotlist-add':
      onHotlist(state, server, fx, user, message.nick)
      break
    case 'hotlist-remove':
      onHotlistRemove(server, user, message.nick)
      break
    case 'ping':
    case 'pong':
    case 'port-error':
    case 'private-message':
    case 'queue-limit':
    case 'upload-refuse':
      onPassed(state, server, fx, user, message)
      break
    case 'download':
      onDownload(state, server, fx, user, message)
      break
    case 'upload-accept':
      onUploadAccept(state, server, fx, user, message)
      break
    case 'push-download':
      onPushDownload(state, server, fx, user, message)
      break
    case 'downloading':
    case 'downloaded':
    case 'uploading':
    case 'uploaded':
      onTransferCount(user, message.type)
      break
    case 'speed': {
      const target = server.byNick.get(message.nick.toLowerCase())
      if (target !== undefined)
        state.send(fx, link, { type: 'speed-reply', nick: target.nick, link: target.linkSpeed })
      break
    }
    case 'link-change':
      user.linkSpeed = clamp(message.link, 0, LINK_SPEED_MAX)
      break
    case 'port-change':
      user.port = clamp(message.port, 0, 0xffff)
      break
    case 'stats-request':
      state.send(fx, link, statsOf(server))
      break
    case 'motd-request':
      if (user.questions.take(1, state.nowMs)) sayMotd(state, server, fx, user.remote)
      break
    case 'ping-server':
      state.send(fx, link, message)
      break
    // Checksums of other makers' programs are not looked for.
    case 'resume':
      state.send(fx, link, { type: 'resume-end' })
      break
    case 'other':
      state.count('messagesUnknown')
      offend(state, fx, user.remote)
      state.send(fx, link, { type: 'error', text: `Unknown command code ${message.code}` })
      break
    default:
      state.count('messagesOutOfPlace')
      offend(state, fx, user.remote)
  }
}

export function onServerLinkDown(state: NapsterState, server: ServerState, fx: Fx, remote: Remote): void {
  if (remote.user !== undefined) logOut(state, server, fx, remote.user)
  if (remote.mesh !== undefined) {
    server.meshChanged = true
    endSearchesOf(server, fx, remote)
    forgetMeshPeer(state, server, fx, remote)
  }
  server.dropJobs(remote)
}

export function onServerUpkeep(state: NapsterState, server: ServerState, fx: Fx): void {
  serverUpkeep(state, server, fx)
  retryRemovals(state, server, fx)
  linkServers(state, fx)
}
