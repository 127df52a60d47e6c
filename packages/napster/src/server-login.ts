/**
 * Logging in and out (napster.txt, messages 2 to 10). The PeerId that Noise has proven is the login: the password
 * is not looked at, and nobody can take a nick that is another peer's. What a user shared leaves the index when
 * their link ends (`server-index.ts`).
 */
import { clamp } from '@servent/overlay/machine'
import {
  KEEP_ALIVE_MS,
  LOGIN_MS,
  NICKS_SAVE_MS,
  OFFENCES_PER_MINUTE_MAX,
  REMOVALS_MAX,
  STATS_MS
} from './constants.ts'
import { hello } from './mesh-links.ts'
import type { NapsterMessage, TextMessage } from './messages.ts'
import { isNick } from './nicks.ts'
import { LOCAL_LINK, type Remote, User } from './remotes.ts'
import { removeOwner } from './server-index.ts'
import { endSearchesOf } from './server-search.ts'
import { cut, type Fx, type NapsterState, type ServerState } from './state.ts'

type Login = TextMessage & { type: 'login' | 'register' }

/** What a peer may say before it is logged in. */
export function onVisitor(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  remote: Remote,
  message: NapsterMessage
): void {
  switch (message.type) {
    case 'login':
    case 'register':
      onLogin(state, server, fx, remote, message)
      break
    case 'nick-check':
      state.send(fx, remote.link, { type: nickState(server, fx, remote, message.nick) })
      break
    case 'echo':
    case 'ping-server':
      state.send(fx, remote.link, message)
      break
    case 'version-check':
      break
    default:
      state.count('messagesOutOfPlace')
      offend(state, fx, remote)
      state.send(fx, remote.link, { type: 'login-error', text: 'Log in first.' })
  }
}

function nickState(server: ServerState, fx: Fx, remote: Remote, nick: string) {
  if (!isNick(nick)) return 'nick-bad'
  const binding = server.nicks.get(nick, fx.wallMs())
  return binding === undefined || binding.peerId === remote.peerId ? 'nick-free' : 'nick-taken'
}

function onLogin(state: NapsterState, server: ServerState, fx: Fx, remote: Remote, message: Login): void {
  const { nick } = message
  if (!isNick(nick)) {
    state.count('nicksRefused')
    state.send(fx, remote.link, { type: 'nick-bad' })
    return
  }
  // The server's own user has a place whatever comes.
  if (remote.link !== LOCAL_LINK && server.users.size >= server.settings.usersMax) {
    refuse(state, fx, remote, `This server is full: it has ${server.settings.usersMax} users.`)
    return
  }
  if (server.removals.size >= REMOVALS_MAX) {
    refuse(state, fx, remote, 'The index of this server is behind. Try another server.')
    return
  }
  if (!server.nicks.bind(nick, remote.peerId, fx.wallMs(), other => server.byNick.has(other))) {
    state.count('nicksRefused')
    state.send(fx, remote.link, { type: 'nick-taken' })
    return
  }
  admit(state, server, fx, remote, message)
}

function admit(state: NapsterState, server: ServerState, fx: Fx, remote: Remote, message: Login): void {
  const user = new User(
    remote,
    {
      // Servers that keep one index together tell their users apart by it.
      owner: `${state.selfPeerId}/${remote.peerId}`,
      nick: message.nick,
      client: cut(message.client),
      linkSpeed: clamp(message.link, 0, 10),
      port: clamp(message.port, 0, 0xffff)
    },
    state.nowMs
  )
  remote.user = user
  server.users.set(remote.peerId, user)
  server.byNick.set(user.nick.toLowerCase(), user)
  server.byOwner.set(user.owner, user)
  state.count('usersLoggedIn')
  const { link } = remote
  state.send(fx, link, { type: 'login-ack', email: 'anon@servent' })
  sayMotd(state, server, fx, remote)
  state.send(fx, link, statsOf(server))
  for (const watcher of server.watchers.get(user.nick.toLowerCase()) ?? [])
    state.send(fx, watcher.remote.link, { type: 'sign-on', nick: user.nick, link: user.linkSpeed })
}

function refuse(state: NapsterState, fx: Fx, remote: Remote, text: string): void {
  state.count('usersRefused')
  state.send(fx, remote.link, { type: 'login-error', text })
  state.close(fx, remote, text)
}

/** The user is gone: nobody finds, browses or asks them any more, and the index forgets what they shared. */
export function logOut(state: NapsterState, server: ServerState, fx: Fx, user: User): void {
  const nick = user.nick.toLowerCase()
  user.remote.user = undefined
  user.plain.clear()
  server.users.delete(user.remote.peerId)
  if (server.byNick.get(nick) === user) server.byNick.delete(nick)
  server.byOwner.delete(user.owner)
  server.files -= user.files.size
  server.bytes -= user.bytes
  server.bodyBytes -= user.bodyBytes
  server.dropJobs(user.remote)
  endSearchesOf(server, fx, user.remote)
  for (const watched of user.hotlist) unwatch(server, watched, user)
  for (const watcher of server.watchers.get(nick) ?? [])
    state.send(fx, watcher.remote.link, { type: 'sign-off', nick: user.nick })
  removeOwner(state, server, fx, user.owner)
}

export function unwatch(server: ServerState, nick: string, user: User): void {
  const watchers = server.watchers.get(nick)
  watchers?.delete(user)
  if (watchers?.size === 0) server.watchers.delete(nick)
}

/** Each line is a message (napster.txt, message 621); one without text would be a request. */
export function sayMotd(state: NapsterState, server: ServerState, fx: Fx, remote: Remote): void {
  for (const line of server.settings.motd) state.send(fx, remote.link, { type: 'motd', text: line || ' ' })
}

export function statsOf(server: ServerState): NapsterMessage {
  const { users, files, bytes } = server
  return { type: 'stats', users: users.size, files, gigabytes: Math.floor(bytes / 2 ** 30) }
}

/** Counts what no peer that keeps the rules does often; past the bound the link ends. */
export function offend(state: NapsterState, fx: Fx, remote: Remote): void {
  if (state.nowMs - remote.offencesMs > 60_000) {
    remote.offencesMs = state.nowMs
    remote.offences = 0
  }
  remote.offences += 1
  if (remote.offences > OFFENCES_PER_MINUTE_MAX)
    state.close(fx, remote, 'Too many messages that break the rules.')
}

/** What is due now and then: newcomers that do not log in, statistics, the names. */
export function serverUpkeep(state: NapsterState, server: ServerState, fx: Fx): void {
  for (const remote of state.links.values()) {
    const isNewcomer = remote.user === undefined && remote.mesh === undefined
    if (isNewcomer && state.nowMs - remote.upMs > LOGIN_MS) {
      state.send(fx, remote.link, { type: 'login-error', text: 'You did not log in in time.' })
      state.close(fx, remote, 'It did not log in in time.')
    }
  }
  for (const remote of state.links.values()) watchOver(state, fx, remote)
  if (server.meshChanged) {
    server.meshChanged = false
    // Users learn where else they could go.
    for (const { remote } of server.users.values())
      if (remote.hello !== undefined) state.send(fx, remote.link, hello(state, fx))
  }
  if (state.nowMs - server.statsMs >= STATS_MS) {
    server.statsMs = state.nowMs
    const stats = statsOf(server)
    for (const { remote } of server.users.values()) state.send(fx, remote.link, stats)
  }
  if (server.nicks.dirty && state.nowMs - server.nicksSavedMs >= NICKS_SAVE_MS) saveNicks(state, server, fx)
}

/** Peers of ours give a sign of life now and then: where none comes, the link is dead. */
function watchOver(state: NapsterState, fx: Fx, remote: Remote): void {
  if (remote.hello === undefined || remote.link === LOCAL_LINK) return
  const silentMs = state.nowMs - remote.heardMs
  if (silentMs > 3 * KEEP_ALIVE_MS) state.close(fx, remote, 'Nothing comes from it any more.')
  else if (silentMs > KEEP_ALIVE_MS && !remote.inbound) state.send(fx, remote.link, { type: 'ping-server' })
}

/** Those who are here are in use. */
export function saveNicks(state: NapsterState, server: ServerState, fx: Fx): void {
  for (const { nick, remote } of server.users.values()) server.nicks.bind(nick, remote.peerId, fx.wallMs())
  server.nicksSavedMs = state.nowMs
  fx.save('nicks', server.nicks.save())
}
