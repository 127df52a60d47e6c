/**
 * People, as Napster has them: what one shares, who has a nick, the hotlist, and who of several is best to fetch from. The
 * overlay keeps a hotlist while it lives, so the node keeps it in its database and gives it again at each start.
 */
import type { HotlistEvent, NapsterService } from '@servent/napster'
import type { Hit, OverlaySnapshot, Provider } from '@servent/overlay'
import { NickError, NobodyError, NotFoundError } from './errors.ts'
import { BROWSE_ROWS_MAX, HOTLIST_MAX, RANK_MS_MAX, RANKED_HOSTS_MAX } from './people-limits.ts'
import type { BrowseEvent, Hotlist, HotlistView, WhoisView } from './people-types.ts'
import type { RowsEnd } from './search.ts'
import type { NodeStore } from './store.ts'
import type { HitEvent } from './types.ts'

export type Napster = Pick<
  NapsterService,
  'browse' | 'whois' | 'hotlist' | 'rankHosts' | 'transferring' | 'snapshot'
>

/** The overlay as it stands here. */
export interface NapsterHere {
  readonly running: Napster | undefined
  snapshot(): OverlaySnapshot
}

export interface PeopleInit {
  /** Nothing where this node takes no part in Napster. */
  readonly napster: () => NapsterHere | undefined
  readonly store: Pick<NodeStore, 'hotlist' | 'addToHotlist' | 'removeFromHotlist'>
  /** `Searches.rows`. */
  readonly rows: (hits: AsyncIterable<Hit>, limit: number) => AsyncGenerator<HitEvent, RowsEnd>
  readonly wallMs: () => number
}

/** What the server said of a nick last, and in which session: of another one it tells nothing. */
interface Heard extends HotlistEvent {
  readonly session: number
  readonly atMs: number
}

/** OpenNap's words for it, which come from the server. */
const NOT_ONLINE = /is not currently online\.?$/

export class People {
  readonly #init: PeopleInit
  /** By nick in small letters. */
  readonly #heard = new Map<string, Heard>()
  #unsubscribe: (() => void) | undefined

  constructor(init: PeopleInit) {
    this.#init = init
  }

  /** Once the overlays run. */
  start(): void {
    const napster = this.#init.napster()?.running
    if (napster === undefined) return
    this.#unsubscribe = napster.hotlist.subscribe(event => this.#hear(event, napster))
    for (const nick of this.#init.store.hotlist()) napster.hotlist.add(nick)
  }

  stop(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#heard.clear()
  }

  readonly hotlist: Hotlist = {
    list: () => {
      const session = sessionOf(this.#init.napster()?.running)
      return this.#init.store.hotlist().map(nick => this.#view(nick, session))
    },
    add: nick => this.#add(nick),
    remove: nick => {
      const known = this.#stored(nick)
      if (known === undefined) throw new NotFoundError(`${nick} is not on the hotlist.`)
      this.#init.store.removeFromHotlist(known)
      this.#heard.delete(known.toLowerCase())
      this.#init.napster()?.running?.hotlist.remove(known)
    }
  }

  async *browse(user: string, signal: AbortSignal): AsyncGenerator<BrowseEvent, void> {
    const napster = this.#need()
    try {
      const ended = yield* this.#init.rows(napster.browse(user, { signal }), BROWSE_ROWS_MAX)
      yield { event: 'done', user, overlay: 'napster', ...ended }
    } catch (error) {
      const { name, message } = error as Error
      if (name === 'ServerError' && NOT_ONLINE.test(message)) throw new NobodyError(message)
      throw error
    }
  }

  async whois(nick: string): Promise<WhoisView> {
    const napster = this.#need()
    const { server, serversKnown } = napster.snapshot()
    if (typeof server !== 'string') {
      const { ServerError } = await import('@servent/napster')
      const why =
        serversKnown === 0 ? 'no server is known' : 'no server that it knows has taken it in, or not yet'
      throw new ServerError(`This node is logged in at no server: ${why}.`)
    }
    const reply = await napster.whois(nick)
    if (reply !== undefined) return { ...reply, server }
    throw new NobodyError(`The server ${server} knows nobody of the nick ${JSON.stringify(nick)}.`)
  }

  /** Providers that Napster found, the best first, among the places that these had. Takes `RANK_MS_MAX` at most. */
  async ranked(providers: readonly Provider[]): Promise<readonly Provider[]> {
    const found = providers.filter(({ overlay }) => overlay === 'napster')
    const napster = this.#init.napster()?.running
    if (found.length < 2 || napster === undefined) return providers
    const asked = found.slice(0, RANKED_HOSTS_MAX)
    const order = [...(await inTime(napster.rankHosts(asked), asked)), ...found.slice(RANKED_HOSTS_MAX)]
    return providers.map(provider => (provider.overlay === 'napster' ? order.shift()! : provider))
  }

  #add(nick: string): HotlistView {
    const { store } = this.#init
    const napster = this.#need()
    const session = sessionOf(napster)
    const known = this.#stored(nick)
    if (known !== undefined) return this.#view(known, session)
    if (store.hotlist().length >= HOTLIST_MAX)
      throw new NickError(`A hotlist has at most ${HOTLIST_MAX} nicks. Remove one first.`)
    let isRefused = false
    const unsubscribe = napster.hotlist.subscribe(heard => {
      isRefused ||= heard.event === 'refused' && heard.nick === nick
    })
    try {
      napster.hotlist.add(nick)
    } finally {
      unsubscribe()
    }
    if (isRefused) {
      this.#heard.delete(nick.toLowerCase())
      throw new NickError(
        `${JSON.stringify(nick)} is no nick: it has 1 to 19 characters of ASCII, no spaces.`
      )
    }
    store.addToHotlist(nick, this.#init.wallMs())
    return this.#view(nick, session)
  }

  #view(nick: string, session: number | undefined): HotlistView {
    const heard = this.#heard.get(nick.toLowerCase())
    if (session === undefined) return { nick, state: 'unknown' }
    // A server that was asked and says nothing of a nick has nobody of that name.
    if (heard === undefined || heard.session !== session) return { nick, state: 'offline' }
    if (heard.event === 'refused') return { nick, state: 'refused' }
    const sinceMs = heard.atMs
    return heard.event === 'on'
      ? { nick, state: 'online', sinceMs, linkSpeed: heard.linkSpeed }
      : { nick, state: 'offline', sinceMs }
  }

  #hear(event: HotlistEvent, napster: Napster): void {
    const session = sessionOf(napster)
    if (session === undefined) return
    this.#heard.set(event.nick.toLowerCase(), { ...event, session, atMs: this.#init.wallMs() })
  }

  /** As it was given first: case tells nothing between nicks. */
  #stored(nick: string): string | undefined {
    const key = nick.toLowerCase()
    return this.#init.store.hotlist().find(known => known.toLowerCase() === key)
  }

  /** @throws NotFoundError */
  #need(): Napster {
    const here = this.#init.napster()
    if (here === undefined) {
      throw new NotFoundError(
        'This node takes no part in Napster, whose servers know people. Start it with that overlay: servent start --overlays napster.'
      )
    }
    const { running } = here
    if (running !== undefined) return running
    const { state, reason } = here.snapshot()
    throw new NotFoundError(`Napster does not run here now (${reason ?? state}).`)
  }
}

/** A number for each login; nothing while there is none. */
export function sessionOf(napster: Pick<Napster, 'snapshot'> | undefined): number | undefined {
  if (napster === undefined) return undefined
  const { server, counters } = napster.snapshot()
  return typeof server === 'string' ? (counters.logins ?? 0) : undefined
}

async function inTime<T>(wanted: Promise<T>, otherwise: T): Promise<T> {
  const late = Promise.withResolvers<T>()
  const timer = setTimeout(() => late.resolve(otherwise), RANK_MS_MAX)
  try {
    return await Promise.race([wanted.catch(() => otherwise), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
