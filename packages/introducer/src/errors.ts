/** What can go wrong between a peer and an introducer, by name. */

/** Bytes are no announcement, or not one that this peer made now. */
export class AnnouncementError extends Error {
  static override readonly name = 'AnnouncementError'
  override readonly name = 'AnnouncementError'
}

/** A text is no address of an introducer. */
export class IntroducerUrlError extends Error {
  static override readonly name = 'IntroducerUrlError'
  override readonly name = 'IntroducerUrlError'
}

/** An introducer cannot be asked, or what it says cannot be believed. */
export class IntroducerError extends Error {
  static override readonly name = 'IntroducerError'
  override readonly name = 'IntroducerError'
  /** Milliseconds to wait before it is asked again, where it said so. */
  readonly retryMs: number | undefined
  /** As the introducer calls it: `unreachable`, `network-full`. */
  readonly code: string | undefined
  constructor(message: string, { retryMs, code }: { retryMs?: number; code?: string } = {}) {
    super(message)
    this.retryMs = retryMs
    this.code = code
  }
}

/** Why the server does not do what it was asked. */
export class RefusedError extends Error {
  static override readonly name = 'RefusedError'
  override readonly name = 'RefusedError'
  /** Of HTTP. */
  readonly status: number
  readonly code: string
  readonly try: string
  readonly retryMs: number | undefined
  constructor(status: number, code: string, message: string, advice: string, retryMs?: number) {
    super(message)
    this.status = status
    this.code = code
    this.try = advice
    this.retryMs = retryMs
  }
}
