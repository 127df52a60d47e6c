/** What a node says of people: users of its Napster server. */
import type { WhoisReply } from '@servent/napster'
import type { OverlayName } from '@servent/overlay'
import type { HitEvent } from './types.ts'

/** Rows of what a user shares as they come, numbered as a search's are, and `done` last. */
export type BrowseEvent =
  | HitEvent
  | {
      event: 'done'
      /** As it was asked for: a nick or a PeerId. */
      user: string
      files: number
      overlay: OverlayName
      /** They share more than `BROWSE_ROWS_MAX`, and the rest was not asked for. */
      more?: true
    }

/** What the server says of a nick. One who is not online was there before. */
export interface WhoisView extends WhoisReply {
  /** PeerId of the server that said it. */
  readonly server: string
}

export interface HotlistView {
  readonly nick: string
  /** `unknown` where this node is logged in nowhere; `refused` where its server takes the nick not, or no more of them. */
  readonly state: 'online' | 'offline' | 'unknown' | 'refused'
  /** Milliseconds since 1970: when they came or went, where the server told of that. */
  readonly sinceMs?: number
  /** As they say, 0 (not known) to 10, of one who is online. */
  readonly linkSpeed?: number
}

/** Nicks of which the server tells when they come and go. They are kept over restarts. */
export interface Hotlist {
  list(): HotlistView[]
  /**
   * @throws NotFoundError  Napster does not run here
   * @throws NickError      it is no nick, or there are `HOTLIST_MAX` already
   */
  add(nick: string): HotlistView
  /** @throws NotFoundError  it is not on the list */
  remove(nick: string): void
}
