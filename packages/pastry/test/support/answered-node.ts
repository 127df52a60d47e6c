/** A node whose requests are answered by a function, or wait: for tests of single rules and of their bounds. */
import { ROUTER_SETTINGS } from '@servent/key-routing/machine'
import type { Contact, Key, Peer, PeerTable } from '@servent/overlay/machine'
import { CORRECT_PASTRY, type PastryMessage, type PastrySettings, pastrySettings } from '../../src/machine.ts'
import { type Fx, PastryNode } from '../../src/node.ts'

/** `undefined`: it does not answer. `wait`: it has not answered yet. */
export type Answering = (
  peer: Peer,
  message: PastryMessage & { readonly id: number }
) => PastryMessage | 'wait' | undefined

export interface AnsweredNode {
  readonly node: PastryNode
  readonly fx: Fx
  /** Requests and what was told or sent, in their order. */
  readonly sent: { readonly peer: Peer; readonly message: PastryMessage }[]
  /** Requests that wait: each is answered when `end` is called, once. */
  readonly waiting: { readonly peer: Peer; readonly end: (answer: PastryMessage | undefined) => void }[]
  readonly notices: unknown[]
  /** Of one type. */
  count(type: PastryMessage['type']): number
  /** What was given to the router again. */
  readonly delivered: PastryMessage[]
}

/** The id of peer n has n in its first two bytes, so the circle is in the order of numbers. */
export function keyOfNumber(peer: Peer): Key {
  const key = new Uint8Array(32)
  key[0] = peer >> 8
  key[1] = peer & 255
  return key
}

export function contactOfNumber(peer: Peer): Contact {
  return { id: Uint8Array.of(1, peer >> 8, peer & 255), addresses: [] }
}

const peers: PeerTable = {
  intern: ({ id }) => (id[1]! << 8) + id[2]!,
  key: keyOfNumber,
  contact: contactOfNumber
}

/** This node is 0, and a member of a network of these. */
export function answeredNode(
  settings: Partial<PastrySettings>,
  leaves: readonly Peer[],
  answer: Answering = () => 'wait'
): AnsweredNode {
  const node = new PastryNode(pastrySettings(settings), CORRECT_PASTRY)
  const sent: AnsweredNode['sent'] = []
  const waiting: AnsweredNode['waiting'] = []
  const notices: unknown[] = []
  const delivered: PastryMessage[] = []
  const fx = {
    peers,
    nowMs: () => node.nowMs,
    random: () => 5,
    setTimer: () => undefined,
    cancelTimer: () => undefined,
    notify: (notice: unknown) => notices.push(notice),
    save: () => undefined,
    send: (link: number, message: PastryMessage) => sent.push({ peer: link, message })
  } as unknown as Fx
  let nextId = 0
  node.router = {
    settings: ROUTER_SETTINGS,
    isCrowded: () => false,
    calls: {
      nextId: () => {
        nextId += 1
        return nextId
      },
      request: (
        peer: Peer,
        message: PastryMessage & { id: number },
        _priority: number,
        done: (o: unknown, fx: Fx) => void
      ) => {
        sent.push({ peer, message })
        const end = (answer: PastryMessage | undefined): void =>
          done(answer === undefined ? { failed: 'unreachable' } : { answer }, fx)
        const answered = answer(peer, message)
        if (answered === 'wait') waiting.push({ peer, end })
        else end(answered)
      },
      tell: (peer: Peer, message: PastryMessage) => sent.push({ peer, message }),
      linkOf: (peer: Peer) => peer,
      peerOf: (link: number) => link,
      rttMs: () => 1,
      hold: () => undefined,
      release: () => undefined
    },
    tablesChanged: () => undefined,
    settled: () => undefined
  } as unknown as PastryNode['router']
  node.deliver = (_link, message) => {
    delivered.push(message)
  }
  node.begin(fx)
  node.mode = 'member'
  for (const peer of leaves) {
    node.leaves.add(peer)
    node.sync(peer, fx)
  }
  node.leavesChanged(fx)
  return {
    node,
    fx,
    sent,
    waiting,
    notices,
    delivered,
    count: type => sent.filter(({ message }) => message.type === type).length
  }
}
