/**
 * What each peer gave this one, in verified bytes, and what it took: by its proven PeerId, and by nothing that it
 * says of itself. From that comes how it stands when it waits for an upload. Kept in the node's database; what is
 * not written yet when the program is killed is lost, which is seconds of it.
 */
import type { ServentDatabase } from '@servent/database'
import { LAYER_BLOCK_BYTES } from '@servent/overlay'
import type { TransferLogger } from './types.ts'

export interface LedgerLimits {
  /** Peers of which it is known; over it, who was met longest ago is forgotten. */
  readonly peersMax: number
  /** Bytes that a peer which gives nothing may take before others go first. */
  readonly newcomerBytes: number
  /** So many bytes more for each that it gave. */
  readonly bytesPerByteGiven: number
  /** Between two writes to the database. */
  readonly writeMs: number
}

const MiB = 1024 * 1024

export const LEDGER_LIMITS: LedgerLimits = {
  peersMax: 10_000,
  newcomerBytes: 256 * MiB,
  bytesPerByteGiven: 4,
  writeMs: 5_000
}

/** `giver`: gave a verified block, and took not much more than it gave. `freeloader`: took much and gave little. */
export type Standing = 'giver' | 'newcomer' | 'freeloader'

export interface Account {
  /** Verified bytes that this peer got from it. */
  readonly givenBytes: number
  /** Bytes that were sent to it. */
  readonly takenBytes: number
}

const NOTHING: Account = { givenBytes: 0, takenBytes: 0 }

const STEPS = [
  `CREATE TABLE transfer_ledger (
     peer TEXT PRIMARY KEY,
     given_bytes INTEGER NOT NULL,
     taken_bytes INTEGER NOT NULL,
     met_ms INTEGER NOT NULL
   ) STRICT`
]

export class Ledger {
  readonly #database: ServentDatabase
  readonly #limits: LedgerLimits
  readonly #logger: TransferLogger | undefined
  /** Who was met longest ago comes first. */
  readonly #accounts = new Map<string, Account & { readonly metMs: number }>()
  readonly #unwritten = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  /** @throws NewerDatabaseError */
  constructor(database: ServentDatabase, limits: Partial<LedgerLimits> = {}, logger?: TransferLogger) {
    this.#database = database
    this.#limits = { ...LEDGER_LIMITS, ...limits }
    this.#logger = logger
    database.migrate('ledger', STEPS)
    for (const row of database.sql.prepare('SELECT * FROM transfer_ledger ORDER BY met_ms').all()) {
      const [givenBytes, takenBytes] = [Number(row.given_bytes), Number(row.taken_bytes)]
      this.#accounts.set(String(row.peer), { givenBytes, takenBytes, metMs: Number(row.met_ms) })
    }
  }

  of(peer: string): Account {
    return this.#accounts.get(peer) ?? NOTHING
  }

  standing(peer: string): Standing {
    const { newcomerBytes, bytesPerByteGiven } = this.#limits
    const { givenBytes, takenBytes } = this.of(peer)
    if (takenBytes > newcomerBytes + bytesPerByteGiven * givenBytes) return 'freeloader'
    return givenBytes >= LAYER_BLOCK_BYTES ? 'giver' : 'newcomer'
  }

  /** It gave bytes that were verified. */
  gave(peer: string, bytes: number): void {
    const { givenBytes, takenBytes } = this.of(peer)
    this.#set(peer, { givenBytes: givenBytes + bytes, takenBytes })
  }

  /** Bytes were sent to it. */
  took(peer: string, bytes: number): void {
    const { givenBytes, takenBytes } = this.of(peer)
    this.#set(peer, { givenBytes, takenBytes: takenBytes + bytes })
  }

  /** Writes what is not written yet. */
  close(): void {
    clearTimeout(this.#timer)
    this.#write()
  }

  #set(peer: string, account: Account): void {
    this.#accounts.delete(peer)
    this.#accounts.set(peer, { ...account, metMs: Date.now() })
    this.#unwritten.add(peer)
    if (this.#accounts.size > this.#limits.peersMax) {
      const [oldest] = this.#accounts.keys()
      this.#accounts.delete(oldest!)
      this.#unwritten.add(oldest!)
    }
    this.#timer ??= setTimeout(() => this.#write(), this.#limits.writeMs).unref()
  }

  /** Never throws: a full disk must not end a transfer. It is tried again with the next change. */
  #write(): void {
    this.#timer = undefined
    try {
      this.#database.transaction(() => {
        const set = this.#database.sql.prepare(
          'INSERT OR REPLACE INTO transfer_ledger (peer, given_bytes, taken_bytes, met_ms) VALUES (?, ?, ?, ?)'
        )
        const forget = this.#database.sql.prepare('DELETE FROM transfer_ledger WHERE peer = ?')
        for (const peer of this.#unwritten) {
          const account = this.#accounts.get(peer)
          if (account === undefined) forget.run(peer)
          else set.run(peer, account.givenBytes, account.takenBytes, account.metMs)
        }
      })
      this.#unwritten.clear()
    } catch (error) {
      const { message } = error as Error
      this.#logger?.warn({ reason: message }, 'what peers gave and took could not be saved')
    }
  }
}
