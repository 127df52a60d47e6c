/** What a peer remembers of introducers in its database: their keys, and the last answer of each. */
import type { ServentDatabase } from '@servent/database'
import type { Scope } from './addresses.ts'
import type { AnsweredPeer } from './answer.ts'
import type { KeyMemory } from './client.ts'

const STEPS = [
  `CREATE TABLE introductions (base TEXT PRIMARY KEY, peer_id TEXT NOT NULL, peers TEXT NOT NULL, scope TEXT NOT NULL,
     asked_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;`
]

export interface Remembered {
  readonly peers: readonly AnsweredPeer[]
  readonly scope: Scope
  /** Milliseconds since 1970. */
  readonly askedMs: number
}

export class IntroductionsStore implements KeyMemory {
  readonly #database: ServentDatabase

  /** @throws NewerDatabaseError */
  constructor(database: ServentDatabase) {
    database.migrate('introductions', STEPS)
    this.#database = database
  }

  keyOf(base: string): string | undefined {
    const row = this.#database.sql.prepare('SELECT peer_id FROM introductions WHERE base = ?').get(base)
    return row === undefined ? undefined : String(row.peer_id)
  }

  /** What it said with another key is forgotten. */
  keepKey(base: string, peerId: string): void {
    this.#database.sql
      .prepare("INSERT OR REPLACE INTO introductions VALUES (?, ?, '[]', 'public', 0)")
      .run(base, peerId)
  }

  answerOf(base: string): Remembered | undefined {
    const row = this.#database.sql
      .prepare('SELECT peers, scope, asked_ms FROM introductions WHERE base = ? AND asked_ms > 0')
      .get(base)
    if (row === undefined) return undefined
    return {
      peers: JSON.parse(String(row.peers)),
      scope: String(row.scope) as Scope,
      askedMs: Number(row.asked_ms)
    }
  }

  /** Of an introducer whose key is known. */
  keepAnswer(base: string, { peers, scope, askedMs }: Remembered): void {
    this.#database.sql
      .prepare('UPDATE introductions SET peers = ?, scope = ?, asked_ms = ? WHERE base = ?')
      .run(JSON.stringify(peers), scope, Math.round(askedMs), base)
  }
}
