/** One machine's state by itself, with peers that are numbers, for tests of single rules. */
import { Calls, storeOf } from '@servent/key-routing/machine'
import { type Peer, PeerInterner, type RequestId } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { PREFIX_BYTES } from '../../src/constants.ts'
import { Kelips } from '../../src/kelips.ts'
import type { KelipsMessage, PeerLife, PeerTuple } from '../../src/messages.ts'
import { CORRECT_KELIPS, type KelipsRules } from '../../src/rules.ts'
import { kelipsSettings, routingOf } from '../../src/settings.ts'
import type { Fx, KelipsNotice, KelipsQuestion, KelipsSettings, KelipsTypes } from '../../src/types.ts'
import { answerOf } from './network.ts'

/** The time of day of all that happens here. */
export const NOW_MS = 1_800_000_000_000

export interface Lone {
  readonly kelips: Kelips
  readonly fx: Fx
  readonly sent: { readonly peer: Peer; readonly message: KelipsMessage }[]
  readonly notices: KelipsNotice[]
  /** Answers questions as a simulation does, unless `held`. */
  held: KelipsQuestion[] | undefined
}

type AnswersTo = (question: KelipsQuestion, id: RequestId) => KelipsTypes['answer'] | undefined

/** Everything that is sent to a peer comes to nothing. What `answers` has no answer to is answered by the test. */
export function lone(
  settings: Partial<KelipsSettings> = {},
  rules: Partial<KelipsRules> = {},
  answers: AnswersTo = answerOf
): Lone {
  const all = kelipsSettings(settings)
  const calls = new Calls<KelipsTypes>(new Set(), {}, routingOf(all))
  const kelips = new Kelips(
    all,
    storeOf(all),
    { ...CORRECT_KELIPS, oneWay: () => undefined, ...rules },
    calls
  )
  const peers = new PeerInterner(() => testContact(0))
  const sent: Lone['sent'] = []
  const notices: KelipsNotice[] = []
  const self: Lone = { kelips, sent, notices, held: undefined, fx: undefined as never }
  const fx = {
    peers,
    nowMs: () => 1000,
    wallMs: () => NOW_MS,
    random: () => 5,
    setTimer: () => undefined,
    cancelTimer: () => undefined,
    notify: (notice: KelipsNotice) => notices.push(notice),
    save: () => undefined,
    open: () => undefined,
    send: () => undefined,
    ask: (id: number, question: KelipsQuestion) => {
      const answer = self.held === undefined ? answers(question, id) : undefined
      if (answer === undefined) self.held?.push(question)
      else kelips.answered(id, answer, fx)
    }
  } as unknown as Fx
  calls.tell = (peer, message) => {
    sent.push({ peer, message })
  }
  kelips.peers = peers
  kelips.nowMs = 1000
  kelips.wallMs = NOW_MS
  kelips.begin(fx)
  kelips.mode = 'member'
  return Object.assign(self, { fx })
}

export function lifeOf(peer: Peer, beat = 0, own: Partial<PeerLife> = {}): PeerLife {
  return {
    contact: testContact(peer),
    startS: NOW_MS / 1000,
    beat,
    value: new Uint8Array(PREFIX_BYTES),
    signature: new Uint8Array(0),
    level: 0,
    ...own
  }
}

export function tupleOf(provider: Peer, key: number, own: Partial<PeerTuple> = {}): PeerTuple {
  const prefix = new Uint8Array(PREFIX_BYTES)
  new DataView(prefix.buffer).setUint32(4, Math.imul(key, 0x9e3779b1))
  return {
    kind: 'provider',
    prefix,
    provider: testContact(provider),
    sequence: 1,
    expiresMs: NOW_MS + 3_600_000,
    withdrawn: false,
    signature: new Uint8Array(0),
    ...own
  }
}
