/**
 * How an introducer is named: its address, and after `#` the PeerId whose key must have signed its answers, as
 * `http://introducer.example:6348/#12D3Koo…`. A fragment is never sent.
 */
import { peerIdBytes } from '@servent/overlay/machine'
import { IntroducerUrlError } from './errors.ts'

export interface IntroducerUrl {
  /** Ends in `/`; what is asked for stands under it. */
  readonly base: string
  /** PeerId in text form. */
  readonly pinned?: string
}

/** @throws IntroducerUrlError */
export function parseIntroducerUrl(text: string): IntroducerUrl {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw refuse(text, 'is no URL')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refuse(text, 'begins with neither http:// nor https://')
  // They would be written into logs, and no introducer asks for any.
  if (url.username !== '' || url.password !== '') throw refuse(text, 'holds a user name or password')
  if (url.search !== '') throw refuse(text, 'holds a ?')
  const pinned = url.hash.slice(1)
  if (pinned !== '' && peerIdBytes(pinned) === undefined) throw refuse(text, 'has no PeerId after its #')
  url.hash = ''
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return { base: url.href, ...(pinned === '' ? {} : { pinned }) }
}

const refuse = (text: string, why: string): IntroducerUrlError =>
  new IntroducerUrlError(
    `An introducer is named as http://introducer.example:6348 or, with its PeerId, http://introducer.example:6348/#12D3Koo…; ${JSON.stringify(text)} ${why}.`
  )
