/** What the service knows of people: whois, hotlist, calls, and which host is best. */
import { peerIdFromString } from '@libp2p/peer-id'
import { type HostComponents, PushError } from '@servent/libp2p-host'
import { type Provider, peerIdBytes, peerIdText, type RequestId } from '@servent/overlay'
import { orderHosts } from './best-host.ts'
import { LINK_SPEEDS_KEPT, PINGS_MAX } from './constants.ts'
import type { NapsterCommand, NapsterNotice, VerifiedFile, WhoisReply } from './types.ts'

export interface HotlistEvent {
  /** `refused`: the server, or this peer, takes no more nicks or not this one. */
  readonly event: 'on' | 'off' | 'refused'
  readonly nick: string
  readonly linkSpeed: number
}

export interface PeopleInit {
  readonly components: HostComponents
  readonly command: (command: NapsterCommand) => RequestId
  readonly rates: ((peerId: string) => number | undefined) | undefined
}

type Receiver = (notice: NapsterNotice) => void

export class People {
  readonly #init: PeopleInit
  readonly #waiting = new Map<RequestId, Receiver>()
  /** Whoever gives a command now: its notices come before its id is known. */
  #beginning: Receiver | undefined
  readonly #listeners = new Set<(event: HotlistEvent) => void>()
  /** As sharers say, those heard of last. */
  readonly #linkSpeeds = new Map<string, number>()
  /** One ranking after another, so that their pings find places. */
  #ranking: Promise<unknown> = Promise.resolve()

  constructor(init: PeopleInit) {
    this.#init = init
  }

  take(notice: NapsterNotice): void {
    if (notice.type === 'hotlist') {
      const { event, nick, linkSpeed } = notice
      for (const listener of this.#listeners) listener({ event, nick, linkSpeed })
      return
    }
    const id = notice.type === 'whois' ? notice.whois : notice.type === 'pinged' ? notice.ping : undefined
    ;((id === undefined ? undefined : this.#waiting.get(id)) ?? this.#beginning)?.(notice)
  }

  heard({ contact, link }: VerifiedFile): void {
    const peerId = peerIdText(contact.id)
    this.#linkSpeeds.delete(peerId)
    this.#linkSpeeds.set(peerId, link)
    if (this.#linkSpeeds.size > LINK_SPEEDS_KEPT)
      this.#linkSpeeds.delete(this.#linkSpeeds.keys().next().value!)
  }

  /** Whoever waits is told that nothing came. */
  stop(): void {
    for (const [id, receive] of this.#waiting) receive({ type: 'whois', whois: id, reply: undefined })
    this.#waiting.clear()
  }

  whois(nick: string): Promise<WhoisReply | undefined> {
    return new Promise((resolve, reject) => {
      let isOver = false
      const receive = (notice: NapsterNotice) => {
        isOver = true
        if (notice.type === 'whois') {
          this.#waiting.delete(notice.whois)
          resolve(notice.reply)
        }
      }
      try {
        const id = this.#begin(receive, { type: 'whois', nick })
        if (!isOver) this.#waiting.set(id, receive)
      } catch (error) {
        reject(error as Error)
      }
    })
  }

  setHotlist(action: 'add' | 'remove', nick: string): void {
    this.#init.command({ type: 'hotlist', action, nick })
  }

  subscribe(listener: (event: HotlistEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** @throws PushError  there is no server that could ask the peer */
  askCall(to: Uint8Array, index: number, nonce: Uint8Array): void {
    let refusal: string | undefined
    const receive = (notice: NapsterNotice) => {
      if (notice.type === 'call-refused') refusal = notice.reason
    }
    this.#begin(receive, { type: 'call', to, index, nonce })
    if (refusal !== undefined) throw new PushError(refusal)
  }

  rankHosts<Host extends Provider>(providers: readonly Host[]): Promise<Host[]> {
    const ranked = this.#ranking.then(() => this.#rank(providers))
    this.#ranking = ranked.catch(() => {})
    return ranked
  }

  async #rank<Host extends Provider>(providers: readonly Host[]): Promise<Host[]> {
    const rtts = new Map<string, number>()
    const unknown: Uint8Array[] = []
    for (const peerId of new Set(providers.map(provider => provider.peerId))) {
      const id = peerIdBytes(peerId)
      if (id === undefined) continue
      const rttMs = this.#directRtt(peerId)
      if (rttMs === undefined) unknown.push(id)
      else rtts.set(peerId, rttMs)
    }
    for (let at = 0; at < unknown.length; at += PINGS_MAX)
      await this.#ping(unknown.slice(at, at + PINGS_MAX), rtts)
    const measured = providers.map(provider => {
      const { peerId } = provider
      const [rate, rttMs] = [this.#init.rates?.(peerId), rtts.get(peerId)]
      const linkSpeed = this.#linkSpeeds.get(peerId)
      return {
        provider,
        peerId,
        ...(rate !== undefined && { rate }),
        ...(rttMs !== undefined && { rttMs }),
        ...(linkSpeed !== undefined && { linkSpeed })
      }
    })
    return orderHosts(measured).map(({ provider }) => provider)
  }

  /** libp2p measures the round trip of connections that stand. */
  #directRtt(peerId: string): number | undefined {
    const connections = this.#init.components.connectionManager.getConnections(peerIdFromString(peerId))
    return connections.find(({ status, rtt }) => status === 'open' && rtt !== undefined)?.rtt
  }

  #ping(peers: readonly Uint8Array[], rtts: Map<string, number>): Promise<void> {
    return new Promise((resolve, reject) => {
      let left = peers.length
      let id: RequestId | undefined
      const receive = (notice: NapsterNotice) => {
        if (notice.type === 'pinged') {
          left -= 1
          if (notice.rttMs !== undefined) rtts.set(notice.peerId, notice.rttMs)
        } else left = 0
        if (left > 0) return
        if (id !== undefined) this.#waiting.delete(id)
        resolve()
      }
      try {
        id = this.#begin(receive, { type: 'ping', peers })
        if (left > 0) this.#waiting.set(id, receive)
      } catch (error) {
        reject(error as Error)
      }
    })
  }

  #begin(receiver: Receiver, command: NapsterCommand): RequestId {
    this.#beginning = receiver
    try {
      return this.#init.command(command)
    } finally {
      this.#beginning = undefined
    }
  }
}
