/**
 * How long a lookup may take before it has failed, and how long one of its requests waits for a peer that is silent:
 * neither is the same in every overlay, and whoever compares them is told.
 */
import { SEARCH_MS as FASTTRACK_SEARCH_MS } from '@servent/fasttrack/machine'
import { SEARCH_MS as GNUTELLA_SEARCH_MS } from '@servent/gnutella/machine'
import { ANSWER_HIGH_MS } from '@servent/kademlia/machine'
import { CALL_TIMEOUT_HIGH_MS, CALL_TIMEOUT_LOW_MS, OPEN_TIMEOUT_MS } from '@servent/key-routing/machine'
import { SEARCH_MS as NAPSTER_SEARCH_MS } from '@servent/napster/machine'
import { isReal, REAL_ASK_MS_MAX, REAL_FILE_MS } from '../backends.ts'
import type { Plan } from '../plan.ts'
import type { OverlayId, Settings } from './settings.ts'
import { DIAL_PATIENCE_MS, PATIENCE_MS } from './structured.ts'

const FILE_MS = {
  napster: NAPSTER_SEARCH_MS,
  gnutella: GNUTELLA_SEARCH_MS,
  fasttrack: FASTTRACK_SEARCH_MS
} as const

type FileOverlayId = keyof typeof FILE_MS

/** Whether a lookup of this overlay is for a file that somebody has; else it is for the root of a key. */
export const looksUpFiles = (overlay: OverlayId): overlay is FileOverlayId => Object.hasOwn(FILE_MS, overlay)

/** From the question until it has failed, at most; undefined where its settings do not say. */
export function lookupMsMax(
  overlay: OverlayId,
  settings: Settings,
  { backend }: Pick<Plan, 'backend'>
): number | undefined {
  if (looksUpFiles(overlay)) return isReal(backend) ? REAL_FILE_MS : FILE_MS[overlay]
  // Of real peers Kademlia is libp2p's own, which the lab ends.
  if (overlay === 'kademlia' && isReal(backend)) return REAL_ASK_MS_MAX
  const budget = settings['lookup-budget-ms']
  return typeof budget === 'number' ? budget : undefined
}

export interface Wait {
  /** For an answer, by the round trips that were measured: between these, where they differ. */
  readonly answerMs: readonly [least: number, most: number]
  /** For a connection to whom the request goes. */
  readonly dialMs: number
}

/** Of a request to a peer that says nothing; undefined where nobody waits for one peer, or nothing here says how long. */
export function waitOf(
  overlay: OverlayId,
  settings: Settings,
  { backend, failures }: Pick<Plan, 'backend' | 'failures'>
): Wait | undefined {
  if (looksUpFiles(overlay)) return undefined
  const hasIndependentCalls = failures !== null && !isReal(backend)
  if (hasIndependentCalls) {
    // Kademlia's least wait is longer than all that they have then.
    const least = overlay === 'kademlia' ? PATIENCE_MS : CALL_TIMEOUT_LOW_MS
    return { answerMs: [least, PATIENCE_MS], dialMs: DIAL_PATIENCE_MS }
  }
  if (overlay !== 'kademlia')
    return { answerMs: [CALL_TIMEOUT_LOW_MS, CALL_TIMEOUT_HIGH_MS], dialMs: OPEN_TIMEOUT_MS }
  const { 'answer-ms': answerMs, 'dial-ms': dialMs } = settings
  if (isReal(backend) || typeof answerMs !== 'number' || typeof dialMs !== 'number') return undefined
  return { answerMs: [answerMs, ANSWER_HIGH_MS], dialMs }
}
