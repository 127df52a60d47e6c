/** An introducer's list in its database: each announcement that was taken is on disk before it is answered. */

import type { Multiaddr } from '@multiformats/multiaddr'
import type { ServentDatabase } from '@servent/database'
import { placeOf, readMultiaddr } from './addresses.ts'
import { openAnnouncement } from './announcement.ts'
import type { ListedAddress, ListedPeer } from './peer-list.ts'

const STEPS = [
  `CREATE TABLE introducer_peers (peer_id TEXT PRIMARY KEY, sealed BLOB NOT NULL, addresses TEXT NOT NULL,
     first_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;`
]

export class ListStore {
  readonly #database: ServentDatabase

  /** @throws NewerDatabaseError */
  constructor(database: ServentDatabase) {
    database.migrate('introducer', STEPS)
    this.#database = database
  }

  save({ peerId, sealed, addresses, firstMs, seenMs }: ListedPeer): void {
    const proven = addresses.map(({ text, provenMs }) => [text, provenMs])
    this.#database.sql
      .prepare(
        `INSERT INTO introducer_peers VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
           SET sealed = excluded.sealed, addresses = excluded.addresses, first_ms = excluded.first_ms,
           seen_ms = excluded.seen_ms`
      )
      .run(peerId, sealed, JSON.stringify(proven), Math.round(firstMs), Math.round(seenMs))
  }

  remove(peerId: string): void {
    this.#database.sql.prepare('DELETE FROM introducer_peers WHERE peer_id = ?').run(peerId)
  }

  /** Announcements are verified again: a disk may have changed them. Those that are not whole are forgotten. */
  async load(): Promise<ListedPeer[]> {
    const rows = this.#database.sql.prepare('SELECT * FROM introducer_peers ORDER BY first_ms').all()
    const peers: ListedPeer[] = []
    for (const row of rows) {
      const sealed = row.sealed as Uint8Array
      try {
        const { peerId, overlays, issuedMs } = await openAnnouncement(sealed)
        peers.push({
          peerId,
          overlays,
          issuedMs,
          sealed,
          addresses: addressesOf(String(row.addresses)),
          firstMs: Number(row.first_ms),
          seenMs: Number(row.seen_ms)
        })
      } catch {
        this.remove(String(row.peer_id))
      }
    }
    return peers
  }
}

function addressesOf(json: string): ListedAddress[] {
  return (JSON.parse(json) as [string, number][]).flatMap(([text, provenMs]) => {
    const address = readMultiaddr(text)
    return address === undefined ? [] : [listedAddress(address, provenMs)]
  })
}

export const listedAddress = (address: Multiaddr, provenMs: number): ListedAddress => ({
  text: address.toString(),
  provenMs,
  ...placeOf(address)
})
