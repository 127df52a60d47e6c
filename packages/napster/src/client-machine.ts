/** The client's side: what its server says is led to the rules that it concerns. */
import { announceAgain, onShareAck } from './client-announce.ts'
import { answerWhois, onBrowsePageEnd, onFound, onFoundEnd, onRelayed } from './client-questions.ts'
import { onHelloToClient, onLoginAck, onLoginError, onNickRefused, sendHome } from './client-session.ts'
import { MOTD_LINES_MAX } from './constants.ts'
import type { NapsterMessage } from './messages.ts'
import type { Fx, NapsterState } from './state.ts'

export function onClientMessage(state: NapsterState, fx: Fx, message: NapsterMessage): void {
  const { session } = state
  switch (message.type) {
    case 'hello':
      onHelloToClient(state, fx, message)
      break
    case 'login-ack':
      onLoginAck(state, fx)
      break
    case 'nick-taken':
    case 'nick-bad':
      onNickRefused(state, fx)
      break
    case 'login-error':
      onLoginError(state, fx, message.text)
      break
    case 'share-ack':
      onShareAck(state, fx, message)
      break
    case 'announce-again':
      announceAgain(state, fx)
      break
    case 'found':
      onFound(state, fx, message)
      break
    case 'found-end':
      onFoundEnd(state, fx, message)
      break
    case 'browse-page-end':
      onBrowsePageEnd(state, fx, message)
      break
    case 'relay':
      onRelayed(state, fx, message)
      break
    case 'stats':
      session.stats = { users: message.users, files: message.files, gigabytes: message.gigabytes }
      break
    case 'motd':
      if (session.motd.length < MOTD_LINES_MAX) session.motd.push(message.text.trim())
      break
    case 'whois-reply': {
      const { nick, seconds, shared, downloads, uploads, link, client } = message
      const reply = { nick, online: true, seconds, shared, downloads, uploads, linkSpeed: link, client }
      answerWhois(state, fx, nick, reply)
      break
    }
    case 'whowas':
      answerWhois(state, fx, message.nick, { nick: message.nick, online: false, seenAt: message.seenAt })
      break
    case 'sign-on':
      if (state.hotlist.has(message.nick.toLowerCase()))
        state.notify(fx, { type: 'hotlist', event: 'on', nick: message.nick, linkSpeed: message.link })
      break
    case 'sign-off':
      if (state.hotlist.has(message.nick.toLowerCase()))
        state.notify(fx, { type: 'hotlist', event: 'off', nick: message.nick, linkSpeed: 0 })
      break
    case 'hotlist-error':
      if (state.hotlist.delete(message.nick.toLowerCase()))
        state.notify(fx, { type: 'hotlist', event: 'refused', nick: message.nick, linkSpeed: 0 })
      break
    // A user of another maker's program pings this one by its nick.
    case 'ping':
      state.count('pingsAnswered')
      sendHome(state, fx, { type: 'pong', nick: message.nick })
      break
    case 'upgrade':
      // It asked old clients to fetch a program from an address and to run it. Nobody does that here.
      state.count('upgradesIgnored')
      break
    case 'error':
      state.count('serverErrors')
      onError(state, fx, message.text)
      break
    case 'malformed':
      state.count('messagesMalformed')
      break
    default:
      break
  }
}

/** The published answer to a whois of somebody who was never there names them in its text alone. */
function onError(state: NapsterState, fx: Fx, text: string): void {
  const nick = /^User (\S{1,19}) is not currently online/.exec(text)?.[1]
  if (nick !== undefined) answerWhois(state, fx, nick, undefined)
}
