/**
 * Receipts in the node's database, so that a start does not begin with strangers. Own ones are kept whole, to be handed
 * on; of others only what they say, which was verified before. Written now and then: what is lost with a kill is
 * seconds of it, and the next receipt of a pair stands for all before.
 */
import type { ServentDatabase } from '@servent/database'
import type { Receipt } from './receipt.ts'

const STEPS = [
  `CREATE TABLE participation_receipts (
     taker TEXT NOT NULL,
     giver TEXT NOT NULL,
     bytes INTEGER NOT NULL,
     sequence INTEGER NOT NULL,
     sealed BLOB,
     PRIMARY KEY (taker, giver)
   ) STRICT`
]

export interface StoredReceipt {
  readonly receipt: Receipt
  /** Of own ones. */
  readonly sealed?: Uint8Array
}

export class ReceiptStore {
  readonly #database: ServentDatabase
  /** By pair; nothing where the row is to be deleted. */
  readonly #unwritten = new Map<string, { readonly pair: Receipt; readonly row?: StoredReceipt }>()

  /** @throws NewerDatabaseError */
  constructor(database: ServentDatabase) {
    this.#database = database
    database.migrate('participation', STEPS)
  }

  /** What was kept, first heard first. */
  load(): StoredReceipt[] {
    const rows = this.#database.sql.prepare('SELECT * FROM participation_receipts ORDER BY rowid').all()
    return rows.map(({ taker, giver, bytes, sequence, sealed }) => {
      const receipt = {
        giver: String(giver),
        taker: String(taker),
        bytes: Number(bytes),
        sequence: Number(sequence)
      }
      return sealed instanceof Uint8Array ? { receipt, sealed } : { receipt }
    })
  }

  put(row: StoredReceipt): void {
    this.#unwritten.set(nameOf(row.receipt), { pair: row.receipt, row })
  }

  forget(pair: Receipt): void {
    this.#unwritten.set(nameOf(pair), { pair })
  }

  /** Writes what is not written yet, all or nothing. What cannot be written is tried with the next. */
  write(): void {
    this.#database.transaction(() => {
      const set = this.#database.sql.prepare(
        `INSERT INTO participation_receipts (taker, giver, bytes, sequence, sealed) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET
           bytes = excluded.bytes, sequence = excluded.sequence, sealed = excluded.sealed`
      )
      const remove = this.#database.sql.prepare(
        'DELETE FROM participation_receipts WHERE taker = ? AND giver = ?'
      )
      for (const { pair, row } of this.#unwritten.values()) {
        const { taker, giver } = pair
        if (row === undefined) remove.run(taker, giver)
        else set.run(taker, giver, row.receipt.bytes, row.receipt.sequence, row.sealed ?? null)
      }
    })
    this.#unwritten.clear()
  }
}

function nameOf({ taker, giver }: Receipt): string {
  return `${taker} ${giver}`
}
