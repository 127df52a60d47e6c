/** Which messages go first where a link is slow. 0 is the most urgent. */
import type { NapsterMessage } from './messages.ts'

/** Signs of life, logins, ends of answers: short, and others wait for them. */
const CONTROL = 1
/** What people wait for. */
const ANSWER = 4
/** What is long. Results of one answer stay in their order, and so does the end of one. */
const BULK = 4
/** What nobody waits for. */
const BACKGROUND = 12

const PRIORITIES: Readonly<Partial<Record<NapsterMessage['type'], number>>> = {
  result: BULK,
  found: BULK,
  'browse-file': BULK,
  'mesh-found': BULK,
  share: BACKGROUND,
  'share-records': BACKGROUND,
  // In the order of what they take back.
  unshare: BACKGROUND,
  'unshare-all': BACKGROUND,
  'unshare-records': BACKGROUND,
  motd: ANSWER,
  // After the results that they are the end of.
  'search-end': BULK,
  'found-end': BULK,
  'browse-end': BULK,
  'browse-page-end': BULK,
  'mesh-end': BULK
}

export function priorityOf(message: NapsterMessage): number {
  return PRIORITIES[message.type] ?? CONTROL
}
