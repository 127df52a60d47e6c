/** A peer's own measure for tests, and receipts in short. */
import type { Account } from '@servent/fasttrack/credit'
import { Participation } from '@servent/fasttrack/credit'
import type { ParticipationLimits } from '../../src/credit/participation.ts'

export const MiB = 2 ** 20
export const GiB = 2 ** 30
export const TiB = 2 ** 40
export const ME = 'me'

/** What the ledger of transfer keeps. */
export class Accounts {
  readonly #accounts = new Map<string, Account>()

  readonly of = (peer: string): Account => this.#accounts.get(peer) ?? { givenBytes: 0, takenBytes: 0 }

  gave(peer: string, bytes: number): void {
    const { givenBytes, takenBytes } = this.of(peer)
    this.#accounts.set(peer, { givenBytes: givenBytes + bytes, takenBytes })
  }

  took(peer: string, bytes: number): void {
    const { givenBytes, takenBytes } = this.of(peer)
    this.#accounts.set(peer, { givenBytes, takenBytes: takenBytes + bytes })
  }

  forget(peer: string): void {
    this.#accounts.delete(peer)
  }
}

/** What a peer thinks of others: its own measure, and what it heard. */
export interface View {
  readonly accounts: Accounts
  readonly participation: Participation
  /** Both sides signed that `giver` gave `taker` so much. */
  readonly signed: (giver: string, taker: string, bytes: number, sequence?: number) => string
}

export function view(limits: Partial<ParticipationLimits> = {}): View {
  const accounts = new Accounts()
  const participation = new Participation({ self: ME, own: accounts.of, limits })
  const signed = (giver: string, taker: string, bytes: number, sequence = 1) =>
    participation.hear({ giver, taker, bytes, sequence })
  return { accounts, participation, signed }
}
