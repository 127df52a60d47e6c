/**
 * Participation levels, which KaZaA had each peer report of itself, computed by each peer from its own point of view:
 * receipts that both sides sign (`receipt.ts`, `receipt-sealing.ts`), credit as the maximum flow from oneself over them
 * (`credit-graph.ts`), set aside for one peer at a time (`claims.ts`), and from that a level (`participation.ts`).
 * A crowd of keys that sign for each other has what its owner's one real edge carried, once.
 *
 * ```ts
 * const receipts = receiptExchange({ privateKey, own: peer => ledger.of(peer), database })
 * const libp2p = await createLibp2p({ services: { identify: identify(), receipts } })
 *
 * libp2p.services.receipts.gave(peer) // verified bytes came from it
 * libp2p.services.receipts.levelOf(peer) // 0 to 1000: it asks to be served
 * ```
 */
export { ExchangeError, ReceiptError } from './errors.ts'
export { RECEIPTS_PROTOCOL } from './exchange.ts'
export {
  type Band,
  bandOf,
  Participation,
  type ParticipationInit,
  type ParticipationLimits,
  type PeerParticipation,
  participationLevel
} from './participation.ts'
export type { Receipt } from './receipt.ts'
export type { Account, OwnAccounts } from './receipt-book.ts'
export { ReceiptExchange, type ReceiptExchangeInit, receiptExchange } from './service.ts'
export type { ParticipationSnapshot } from './types.ts'
