/**
 * People at a server: browse, whois, hotlist, pings, calls, counters, and the published way to a download
 * (napster.txt, messages 203 to 221, 301 to 303, 500, 600 to 626, 700 to 752).
 */

import { clamp } from '@servent/overlay/machine'
import { utf8Length } from './bytes.ts'
import {
  ANSWER_BYTES_MAX,
  BROWSE_FILES_MAX,
  DOWNLOAD_ASKED_MS,
  DOWNLOADS_ASKED_MAX,
  FILE_NAME_BYTES_MAX,
  HOTLIST_MAX,
  TRANSFERS_COUNTED_MAX,
  WATCHERS_MAX
} from './constants.ts'
import { entryOf, NO_MD5, nameKey } from './entries.ts'
import { ipOf } from './ip.ts'
import type { BrowsePageMessage, NapsterMessage, TextMessage } from './messages.ts'
import { isNick } from './nicks.ts'
import type { User } from './remotes.ts'
import { askIndex } from './server-index.ts'
import { unwatch } from './server-login.ts'
import { foundOf } from './server-search.ts'
import type { Fx, NapsterState, ServerState } from './state.ts'

const OFTEN = 'You ask too often. Ask again in a second.'
const BUSY = 'This server is busy. Ask again later.'

function sayError(state: NapsterState, fx: Fx, user: User, text: string): void {
  state.send(fx, user.remote.link, { type: 'error', text })
}

const notHere = (nick: string): string => `User ${nick} is not currently online.`

/** Message 211: at most `BROWSE_FILES_MAX` lines. */
export function onBrowse(state: NapsterState, server: ServerState, fx: Fx, user: User, nick: string): void {
  const target = server.byNick.get(nick.toLowerCase())
  const { link } = user.remote
  if (!user.questions.take(1, state.nowMs)) {
    sayError(state, fx, user, OFTEN)
    return
  }
  if (target === undefined) {
    state.send(fx, link, { type: 'sign-off', nick })
    return
  }
  browse(state, server, fx, user, target, undefined, BROWSE_FILES_MAX, (later, files) => {
    const { isFull } = user.remote
    if (files === undefined || isFull) sayError(state, later, user, BUSY)
    for (const { body } of isFull ? [] : (files ?? [])) {
      const entry = entryOf(body)
      if (entry === undefined) continue
      const { name, md5, size, bitrate, frequency, seconds } = entry
      const file = { name, md5, size, bitrate, frequency, seconds }
      state.send(later, link, { type: 'browse-file', nick: target.nick, ...file })
    }
    state.send(later, link, { type: 'browse-end', nick: target.nick })
  })
}

/** A page in our form: records that can be verified, and where the next page begins. */
export function onBrowsePage(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  message: BrowsePageMessage
): void {
  const { query, after } = message
  const target = server.userOf(message.user)
  const end = (later: Fx, next: string, reason: string) =>
    state.send(later, user.remote.link, { type: 'browse-page-end', query, next, reason })
  if (target === undefined) end(fx, '', notHere(message.user).slice(0, 100))
  else if (!user.questions.take(1, state.nowMs)) end(fx, '', OFTEN)
  else {
    const from = after === '' ? undefined : after
    browse(state, server, fx, user, target, from, BROWSE_FILES_MAX, (later, files) => {
      // Whoever does not take what they asked for goes on from here once they do.
      if (user.remote.isFull) {
        state.count('resultsLeftOut')
        end(later, after, BUSY)
        return
      }
      let bytes = 0
      let last = ''
      for (const { key, body } of files ?? []) {
        bytes += body.length + 128
        if (bytes > ANSWER_BYTES_MAX) break
        last = key
        state.send(later, user.remote.link, {
          type: 'found',
          query,
          hops: 0,
          found: foundOf(later, target, body)
        })
      }
      const isMore = bytes > ANSWER_BYTES_MAX || files?.length === BROWSE_FILES_MAX
      end(later, isMore ? last : '', files === undefined ? BUSY : '')
    })
  }
}

function browse(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  target: User,
  after: string | undefined,
  limit: number,
  onFiles: (fx: Fx, files: readonly { readonly key: string; readonly body: Uint8Array }[] | undefined) => void
): void {
  const isQueued = server.questions.put(fx, user.remote, (later, done) => {
    const question = {
      type: 'index-browse',
      owner: target.owner,
      limit,
      ...(after !== undefined && { after })
    } as const
    askIndex(state, server, later, question, 'index-files', (then, answer) => {
      if (user.remote.user === user) {
        state.count('browsesAnswered')
        // Whoever went meanwhile shares nothing any more.
        onFiles(then, target.remote.user === target ? answer?.files : [])
      }
      done(then)
    })
  })
  if (!isQueued) onFiles(fx, undefined)
}

/** Messages 603 to 605. */
export function onWhois(state: NapsterState, server: ServerState, fx: Fx, user: User, nick: string): void {
  if (!user.questions.take(1, state.nowMs)) {
    sayError(state, fx, user, OFTEN)
    return
  }
  const target = server.userOf(nick)
  const { link } = user.remote
  if (target === undefined) {
    const binding = server.nicks.get(nick, fx.wallMs())
    if (binding === undefined) sayError(state, fx, user, notHere(nick))
    else {
      const seenAt = Math.floor(binding.seenMs / 1000)
      state.send(fx, link, { type: 'whowas', nick: binding.nick, level: 'User', seenAt })
    }
    return
  }
  state.send(fx, link, {
    type: 'whois-reply',
    nick: target.nick,
    level: 'User',
    seconds: Math.floor((state.nowMs - target.loggedMs) / 1000),
    channels: '',
    status: 'Active',
    shared: target.files.size,
    downloads: target.downloads,
    uploads: target.uploads,
    link: target.linkSpeed,
    client: target.client
  })
}

/** Messages 207 and 208. Whoever is on it need not be here, nor ever have been. */
export function onHotlist(state: NapsterState, server: ServerState, fx: Fx, user: User, nick: string): void {
  const key = nick.toLowerCase()
  const { link } = user.remote
  const watchers = server.watchers.get(key) ?? new Set()
  const isNew = !user.hotlist.has(key)
  if (!isNick(nick) || (isNew && (user.hotlist.size >= HOTLIST_MAX || watchers.size >= WATCHERS_MAX))) {
    state.send(fx, link, { type: 'hotlist-error', nick })
    return
  }
  user.hotlist.add(key)
  server.watchers.set(key, watchers.add(user))
  state.send(fx, link, { type: 'hotlist-ack', nick })
  const target = server.byNick.get(key)
  if (target !== undefined)
    state.send(fx, link, { type: 'sign-on', nick: target.nick, link: target.linkSpeed })
}

export function onHotlistRemove(server: ServerState, user: User, nick: string): void {
  user.hotlist.delete(nick.toLowerCase())
  unwatch(server, nick.toLowerCase(), user)
}

/** Messages that a server hands to another user with the name of who sent them in place of theirs. */
type Passed = TextMessage & {
  type: 'ping' | 'pong' | 'port-error' | 'private-message' | 'queue-limit' | 'upload-refuse'
}

export function onPassed(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  message: Passed
): void {
  if (message.type === 'upload-refuse') user.asked.delete(askedKey(message.nick, message.name))
  const target = server.byNick.get(message.nick.toLowerCase())
  if (target === undefined) {
    if (message.type === 'ping') sayError(state, fx, user, `ping failed, ${message.nick} is not online`)
    else if (message.type !== 'pong') sayError(state, fx, user, notHere(message.nick))
    return
  }
  const onward: NapsterMessage =
    message.type === 'queue-limit'
      ? {
          type: 'queue-limited',
          nick: user.nick,
          name: message.name,
          size: sizeOf(user, message.name),
          limit: message.limit
        }
      : { ...message, nick: user.nick }
  pass(state, fx, user, target, onward)
}

/** Within what the one may send and the other may be sent. False: it was dropped. */
function pass(state: NapsterState, fx: Fx, user: User, target: User, message: NapsterMessage): boolean {
  if (!user.relays.take(1, state.nowMs) || !target.relayed.take(1, state.nowMs)) {
    state.count('relaysDropped')
    return false
  }
  state.count('relaysDelivered')
  state.send(fx, target.remote.link, message)
  return true
}

const sizeOf = (user: User, name: string): number => user.files.get(nameKey(name))?.size ?? 0

/** Message 203: the uploader is asked (607) and says yes (608) before the other is told where they are (204). */
export function onDownload(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  message: TextMessage & { type: 'download' }
): void {
  const target = server.byNick.get(message.nick.toLowerCase())
  const { nick, name } = message
  if (target !== undefined) forgetAsked(target, state.nowMs)
  const isShared = target?.files.has(nameKey(name)) === true
  if (target === undefined || !isShared || target.asked.size >= DOWNLOADS_ASKED_MAX) {
    if (utf8Length(name) <= FILE_NAME_BYTES_MAX)
      state.send(fx, user.remote.link, { type: 'download-error', nick, name })
    else sayError(state, fx, user, 'This name is too long.')
    return
  }
  if (pass(state, fx, user, target, { type: 'upload-request', nick: user.nick, name, link: user.linkSpeed }))
    target.asked.set(askedKey(user.nick, name), { by: user, atMs: state.nowMs })
}

/** What was asked long ago, or by somebody who is gone, waits for no answer. */
function forgetAsked(target: User, nowMs: number): void {
  for (const [key, { by, atMs }] of target.asked)
    if (nowMs - atMs >= DOWNLOAD_ASKED_MS || by.remote.user !== by) target.asked.delete(key)
}

const askedKey = (nick: string, name: string): string => `${nick.toLowerCase()} ${name}`

/** Message 608. One that nobody waits for goes nowhere. */
export function onUploadAccept(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  { nick, name }: TextMessage & { type: 'upload-accept' }
): void {
  const target = server.byNick.get(nick.toLowerCase())
  if (!user.asked.delete(askedKey(nick, name)) || target === undefined) return
  state.send(fx, target.remote.link, {
    type: 'download-ack',
    ...whereabouts(fx, user),
    name,
    md5: md5Of(user, name)
  })
}

/** Messages 500 and 501: a sharer that nobody can call is told whom to call. */
export function onPushDownload(
  state: NapsterState,
  server: ServerState,
  fx: Fx,
  user: User,
  { nick, name }: TextMessage & { type: 'push-download' }
): void {
  const target = server.byNick.get(nick.toLowerCase())
  if (target?.files.has(nameKey(name)) !== true) {
    sayError(state, fx, user, `${nick} does not share this file.`.slice(0, 200))
    return
  }
  if (user.port === 0) sayError(state, fx, user, 'Nobody can call you: you said that your port is 0.')
  else
    pass(state, fx, user, target, {
      type: 'push-ack',
      ...whereabouts(fx, user),
      name,
      md5: md5Of(target, name)
    })
}

const md5Of = (user: User, name: string): string => user.files.get(nameKey(name))?.md5 ?? NO_MD5

function whereabouts(fx: Fx, { nick, remote, port, linkSpeed }: User) {
  const addresses = remote.hello?.addresses ?? fx.peers.contact(remote.peer).addresses
  return { nick, ip: ipOf(addresses), port, link: linkSpeed }
}

/** Messages 218 to 221. */
export function onTransferCount(
  user: User,
  type: 'downloading' | 'downloaded' | 'uploading' | 'uploaded'
): void {
  const by = type === 'downloading' || type === 'uploading' ? 1 : -1
  if (type === 'downloading' || type === 'downloaded')
    user.downloads = clamp(user.downloads + by, 0, TRANSFERS_COUNTED_MAX)
  else user.uploads = clamp(user.uploads + by, 0, TRANSFERS_COUNTED_MAX)
}
