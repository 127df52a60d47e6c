/** What a machine knows: what client and server share, and the tables of each. */
import {
  clamp,
  type Effects,
  type Link,
  type Peer,
  peerIdText,
  type RequestId,
  TokenBucket
} from '@servent/overlay/machine'
import type { Announcing } from './client-announce.ts'
import type { OwnQuestions } from './client-questions.ts'
import type { Session } from './client-session.ts'
import {
  CALLS_BURST,
  CALLS_PER_SECOND,
  JOBS_AT_A_TIME_MAX,
  JOBS_PER_USER_MAX,
  JOBS_WAITING_MAX,
  LINK_SPEED_MAX,
  MESH_JOBS_AT_A_TIME_MAX,
  MESH_JOBS_WAITING_MAX,
  MOTD_LINES_MAX,
  SEEN_MAX,
  SEEN_MS,
  SHARE_JOBS_AT_A_TIME_MAX,
  SHARED_MAX,
  TEXT_BYTES_MAX,
  USERS_DEFAULT,
  USERS_MAX
} from './constants.ts'
import { KnownServers } from './known-servers.ts'
import type { NapsterMessage } from './messages.ts'
import { Nicks } from './nicks.ts'
import { priorityOf } from './priorities.ts'
import { LOCAL_LINK, type Remote, type User } from './remotes.ts'
import { SeenIds } from './seen-ids.ts'
import type { ServerSearches } from './server-search.ts'
import type {
  NapsterAnswer,
  NapsterNotice,
  NapsterQuestion,
  NapsterSettings,
  NapsterTypes,
  ServerSettings
} from './types.ts'
import { isEncodable } from './wire.ts'
import { WorkQueue } from './work-queue.ts'

export type Fx = Effects<NapsterTypes>

/** Called with the answer to a question; nothing where the work failed. */
type OnAnswer = (fx: Fx, answer: NapsterAnswer | undefined) => void

/** What happened, counted since the start. */
const COUNTERS = [
  // As a client.
  'logins',
  'loginsFailed',
  'loginsRefused',
  'serversMoved',
  'batchesAnnounced',
  'batchesRefused',
  'filesRefused',
  'resultsReceived',
  'resultsUnasked',
  'resultsRefused',
  'searchesAsked',
  'searchesAgain',
  'pingsAnswered',
  'callsAsked',
  'callsOverRate',
  'upgradesIgnored',
  'serverErrors',
  // As a server.
  'usersLoggedIn',
  'usersRefused',
  'nicksRefused',
  'searchesAnswered',
  'searchesOverRate',
  'searchesRefused',
  'resultsSent',
  'resultsLeftOut',
  'staleOwners',
  'filesShared',
  'filesOverQuota',
  'filesUnverified',
  'sharesOverRate',
  'sharesLater',
  'indexAsked',
  'indexFailed',
  'removalsFailed',
  'browsesAnswered',
  'relaysDelivered',
  'relaysDropped',
  'messagesMalformed',
  'messagesUnknown',
  'messagesOutOfPlace',
  'messagesTooLong',
  // Between servers.
  'meshLinked',
  'meshRefused',
  'meshQueries',
  'meshQueriesDuplicate',
  'meshQueriesOverRate',
  'meshResults',
  'meshResultsUnasked',
  'meshResultsOverShare',
  'meshResultsJunk',
  'meshUnanswered',
  'opens',
  'unreachable'
] as const

export type Counter = (typeof COUNTERS)[number]

const newQueue = (atATimeMax: number): WorkQueue<Remote, Fx> =>
  new WorkQueue({
    ofSource: ({ mesh }) =>
      mesh === undefined
        ? { waitingMax: JOBS_PER_USER_MAX, atATimeMax: 1 }
        : { waitingMax: MESH_JOBS_WAITING_MAX, atATimeMax: MESH_JOBS_AT_A_TIME_MAX },
    atATimeMax,
    waitingMax: JOBS_WAITING_MAX
  })

/** What is kept by a server alone. */
export class ServerState {
  readonly settings: ServerSettings
  /** By PeerId, by nick in small letters, and by owner in the index. */
  readonly users = new Map<string, User>()
  readonly byNick = new Map<string, User>()
  readonly byOwner = new Map<string, User>()
  /** Who wants to know when a nick comes and goes: by nick in small letters. */
  readonly watchers = new Map<string, Set<User>>()
  readonly nicks = new Nicks()
  nicksSavedMs = Number.NEGATIVE_INFINITY
  statsMs = Number.NEGATIVE_INFINITY
  files = 0
  bytes = 0
  /** Of what the index keeps. */
  bodyBytes = 0
  /** What is shared and taken back, and what is asked. */
  readonly sharings = newQueue(SHARE_JOBS_AT_A_TIME_MAX)
  readonly questions = newQueue(JOBS_AT_A_TIME_MAX - SHARE_JOBS_AT_A_TIME_MAX)
  /**
   * Owners whose files are to be taken out of the index: which attempt that is, and when to make the next, or
   * nothing while this one is under way.
   */
  readonly removals = new Map<string, { readonly attempt: number; readonly atMs: number | undefined }>()
  removalsBegun = 0
  indexReachable = true
  /** Another server came or went since users were told. */
  meshChanged = false
  searches!: ServerSearches
  /** Ids of queries and of calls that came by. */
  readonly seen = new SeenIds(SEEN_MAX, SEEN_MS)

  constructor(settings: Partial<ServerSettings>) {
    this.settings = {
      usersMax: clamp(settings.usersMax ?? USERS_DEFAULT, 1, USERS_MAX),
      sharedMax: clamp(settings.sharedMax ?? SHARED_MAX, 1, SHARED_MAX),
      motd: (settings.motd ?? []).slice(0, MOTD_LINES_MAX).map(line => cut(line))
    }
  }

  /** Whoever asked for it is gone: what waits is forgotten. */
  dropJobs(remote: Remote): void {
    this.sharings.drop(remote)
    this.questions.drop(remote)
  }

  userOf(peerIdOrNick: string): User | undefined {
    return this.users.get(peerIdOrNick) ?? this.byNick.get(peerIdOrNick.toLowerCase())
  }
}

export class NapsterState {
  readonly settings: NapsterSettings
  readonly server: ServerState | undefined
  nowMs = 0
  stopped = false
  /** This peer, in bytes and as text. */
  selfId: Uint8Array = new Uint8Array()
  selfPeerId = ''
  readonly links = new Map<Link, Remote>()
  readonly known = new KnownServers()
  /** Peers that a link is being opened to. */
  readonly opening = new Set<Peer>()
  /** Said by the service. */
  sharing = { files: 0, firewalled: false }
  /** Own addresses as the server was told of them. */
  toldAddresses = ''
  session!: Session
  announcing!: Announcing
  questions!: OwnQuestions
  readonly hotlist = new Map<string, string>()
  /** Calls that others ask of this peer. */
  readonly calls = new TokenBucket(CALLS_BURST, CALLS_PER_SECOND, 0)
  readonly counters = Object.fromEntries(COUNTERS.map(name => [name, 0])) as Record<Counter, number>
  /** What this server and its own user say to each other. */
  readonly loopback: { readonly to: 'client' | 'server'; readonly message: NapsterMessage }[] = []
  readonly #asked = new Map<RequestId, OnAnswer>()
  #nextId: RequestId = 1

  constructor(settings: Partial<NapsterSettings>) {
    const { nick, server } = settings
    this.settings = {
      linkSpeed: clamp(settings.linkSpeed ?? 0, 0, LINK_SPEED_MAX),
      agent: cut(settings.agent ?? 'Servent'),
      ...(nick === undefined ? {} : { nick }),
      ...(server === undefined ? {} : { server })
    }
    this.server = server === undefined ? undefined : new ServerState(server)
  }

  count(counter: Counter, by = 1): void {
    this.counters[counter] += by
  }

  /** The answer comes to `onAnswer`, once. What is asked for is bounded by whoever asks. */
  ask(fx: Fx, question: NapsterQuestion, onAnswer: OnAnswer): void {
    this.#nextId += 1
    this.#asked.set(this.#nextId, onAnswer)
    fx.ask(this.#nextId, question)
  }

  answered(fx: Fx, id: RequestId, answer: NapsterAnswer | undefined): void {
    const onAnswer = this.#asked.get(id)
    if (onAnswer === undefined) return
    this.#asked.delete(id)
    onAnswer(fx, answer)
  }

  /** To a peer at the other end of a link, or to this server's own user. */
  send(fx: Fx, link: Link, message: NapsterMessage): void {
    if (link === LOCAL_LINK) this.loopback.push({ to: 'client', message })
    else if (this.links.get(link)?.leaving !== false) return
    else if (isEncodable(message)) fx.send(link, message, priorityOf(message))
    else this.count('messagesTooLong')
  }

  notify(fx: Fx, notice: NapsterNotice): void {
    fx.notify(notice)
  }

  /** Says why, and ends the link; nothing that it brings afterwards counts. */
  close(fx: Fx, remote: Remote, reason: string): void {
    if (remote.leaving || remote.link === LOCAL_LINK) return
    remote.leaving = true
    fx.close(remote.link, reason)
  }

  /** How many are in each collection that `snapshot` does not show; tests hold them against their bounds. */
  sizes(): Readonly<Record<string, number>> {
    const { server } = this
    return {
      questionsAsked: this.#asked.size,
      links: this.links.size,
      opening: this.opening.size,
      serversKnown: this.known.size,
      ...this.questions.sizes,
      ...this.announcing.sizes,
      ...(server === undefined
        ? {}
        : {
            bodyBytes: server.bodyBytes,
            removals: server.removals.size,
            seen: server.seen.size,
            sharingsUnderWay: server.sharings.underWay,
            sharingsWaiting: server.sharings.waiting,
            questionsUnderWay: server.questions.underWay,
            questionsWaiting: server.questions.waiting,
            watched: server.watchers.size,
            searches: server.searches.size
          })
    }
  }
}

/** At most `TEXT_BYTES_MAX` bytes of a text, cut between characters. */
export function cut(text: string): string {
  let bytes = 0
  let kept = ''
  for (const character of text.toWellFormed()) {
    bytes += new TextEncoder().encode(character).length
    if (bytes > TEXT_BYTES_MAX) break
    kept += character
  }
  return kept
}

export const idText = (id: Uint8Array): string => peerIdText(id)
