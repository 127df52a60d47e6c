/** The node's own tables in `servent.db`: what machines saved, peers seen, the last search, the hotlist. */
import type { ServentDatabase } from '@servent/database'
import type { StateStore } from '@servent/libp2p-host'
import type { OverlayName } from '@servent/overlay'
import type { SearchRow } from './types.ts'

/** Peers remembered between runs; those seen longest ago go first. */
export const PEERS_SEEN_MAX = 1000

const STEPS = [
  `CREATE TABLE node_state (overlay TEXT NOT NULL, key TEXT NOT NULL, bytes BLOB NOT NULL,
     PRIMARY KEY (overlay, key)) STRICT, WITHOUT ROWID;
   CREATE TABLE node_peers (peer_id TEXT PRIMARY KEY, addresses TEXT NOT NULL, seen_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX node_peers_by_age ON node_peers (seen_ms);
   CREATE TABLE node_used (part TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
   CREATE TABLE node_search_rows (row INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;`,
  `CREATE TABLE node_hotlist (nick TEXT PRIMARY KEY COLLATE NOCASE, added_ms INTEGER NOT NULL) STRICT;`
]

export interface SeenPeer {
  readonly peerId: string
  /** Multiaddrs in text form without `/p2p`. */
  readonly addresses: readonly string[]
}

export class NodeStore {
  readonly #database: ServentDatabase

  /** @throws NewerDatabaseError */
  constructor(database: ServentDatabase) {
    database.migrate('node', STEPS)
    this.#database = database
  }

  /** What one overlay's machine saves. A save is durable when it resolves: the database syncs each commit. */
  machineState(overlay: OverlayName): StateStore {
    const { sql } = this.#database
    const load = sql.prepare('SELECT key, bytes FROM node_state WHERE overlay = ?')
    const put = sql.prepare(
      'INSERT INTO node_state VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes'
    )
    const forget = sql.prepare('DELETE FROM node_state WHERE overlay = ? AND key = ?')
    return {
      async load() {
        return new Map(load.all(overlay).map(row => [String(row.key), row.bytes as Uint8Array]))
      },
      async save(key, bytes) {
        if (bytes === undefined) forget.run(overlay, key)
        else put.run(overlay, key, bytes)
      }
    }
  }

  /** Peers by the time they were last seen, newest first. */
  peersSeen(limit: number): SeenPeer[] {
    const rows = this.#database.sql
      .prepare('SELECT peer_id, addresses FROM node_peers ORDER BY seen_ms DESC LIMIT ?')
      .all(limit)
    return rows.map(row => ({ peerId: String(row.peer_id), addresses: JSON.parse(String(row.addresses)) }))
  }

  /** Remembers peers that a connection was open to. */
  rememberPeers(peers: readonly SeenPeer[], wallMs: number): void {
    if (peers.length === 0) return
    this.#database.transaction(() => {
      const put = this.#database.sql.prepare(
        'INSERT INTO node_peers VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET addresses = excluded.addresses, seen_ms = excluded.seen_ms'
      )
      for (const peer of peers) put.run(peer.peerId, JSON.stringify(peer.addresses), wallMs)
      this.#database.sql
        .prepare(
          'DELETE FROM node_peers WHERE peer_id IN (SELECT peer_id FROM node_peers ORDER BY seen_ms DESC LIMIT -1 OFFSET ?)'
        )
        .run(PEERS_SEEN_MAX)
    })
  }

  /** Whether this node ever shared or fetched something: the part is then opened at each start. */
  isUsed(part: 'library' | 'downloads'): boolean {
    return this.#database.sql.prepare('SELECT 1 FROM node_used WHERE part = ?').get(part) !== undefined
  }

  use(part: 'library' | 'downloads'): void {
    this.#database.sql.prepare('INSERT INTO node_used VALUES (?) ON CONFLICT DO NOTHING').run(part)
  }

  /** Nicks in the order in which they were added. */
  hotlist(): string[] {
    const rows = this.#database.sql.prepare('SELECT nick FROM node_hotlist ORDER BY added_ms, rowid').all()
    return rows.map(row => String(row.nick))
  }

  addToHotlist(nick: string, wallMs: number): void {
    this.#database.sql
      .prepare('INSERT INTO node_hotlist VALUES (?, ?) ON CONFLICT DO NOTHING')
      .run(nick, wallMs)
  }

  removeFromHotlist(nick: string): void {
    this.#database.sql.prepare('DELETE FROM node_hotlist WHERE nick = ?').run(nick)
  }

  lastSearch(): SearchRow[] {
    const rows = this.#database.sql.prepare('SELECT json FROM node_search_rows ORDER BY row').all()
    return rows.map(row => JSON.parse(String(row.json)))
  }

  /** Replaces the last search's rows. */
  keepSearch(rows: readonly SearchRow[]): void {
    this.#database.transaction(() => {
      this.#database.sql.exec('DELETE FROM node_search_rows')
      const put = this.#database.sql.prepare('INSERT INTO node_search_rows VALUES (?, ?)')
      for (const row of rows) put.run(row.row, JSON.stringify(row))
    })
  }
}
