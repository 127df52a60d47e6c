/** What can be wrong with receipts and with how they travel. Compare `error.name`, never `instanceof`. */

/** A receipt is malformed, breaks a bound, or is not signed by those whom it names. */
export class ReceiptError extends Error {
  static override readonly name = 'ReceiptError'
  override readonly name = 'ReceiptError'
}

/** A frame of the receipts protocol is malformed or longer than it may be. */
export class ExchangeError extends Error {
  static override readonly name = 'ExchangeError'
  override readonly name = 'ExchangeError'
}
