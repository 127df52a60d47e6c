/** Nodes that lie: a right machine, and somebody who stands before it and says something else, or more, or later. */
import type { Contact, Effects, Input, Link, Machine } from '@servent/overlay/machine'
import type { PastryMachine, PastryMessage, PastryTypes } from '../../src/machine.ts'

type Fx = Effects<PastryTypes>
type Send = Fx['send']

const LATE_TIMER = 'late'
const FLOOD_TIMER = 'flood'

/** The machine's effects but for what it sends. */
function sendingBy(effects: Fx, send: Send): Fx {
  return {
    peers: effects.peers,
    nowMs: () => effects.nowMs(),
    wallMs: () => effects.wallMs(),
    random: () => effects.random(),
    open: peer => effects.open(peer),
    close: (link, reason) => effects.close(link, reason),
    send,
    setTimer: (timer, afterMs) => effects.setTimer(timer, afterMs),
    cancelTimer: timer => effects.cancelTimer(timer),
    ask: (id, question) => effects.ask(id, question),
    save: (key, bytes) => effects.save(key, bytes),
    notify: notice => effects.notify(notice)
  }
}

function disguised(
  machine: PastryMachine,
  handle: (input: Input<PastryTypes>, effects: Fx) => void
): Machine<PastryTypes> {
  return { handle, heldPeers: hold => machine.heldPeers(hold), snapshot: () => machine.snapshot() }
}

const isAnswer = ({ type }: PastryMessage): boolean =>
  type.endsWith('-answer') || ['row', 'neighbours', 'pong', 'hop-ack', 'found', 'page'].includes(type)

/** Answers what it is asked, and acknowledges what it is given, so much later. */
export function late(machine: PastryMachine, byMs: number): Machine<PastryTypes> {
  const waiting: { readonly dueMs: number; readonly say: Parameters<Send> }[] = []
  return disguised(machine, (input, effects) => {
    if (input.type === 'timer' && input.timer === LATE_TIMER) {
      while (waiting[0] !== undefined && waiting[0].dueMs <= effects.nowMs()) {
        const { say } = waiting.shift()!
        effects.send(...say)
      }
      if (waiting[0] !== undefined)
        effects.setTimer(LATE_TIMER, Math.max(1, waiting[0].dueMs - effects.nowMs()))
      return
    }
    const send: Send = (...say) => {
      if (!isAnswer(say[1])) {
        effects.send(...say)
        return
      }
      if (waiting.length === 0) effects.setTimer(LATE_TIMER, byMs)
      waiting.push({ dueMs: effects.nowMs() + byMs, say })
    }
    machine.handle(input, sendingBy(effects, send))
  })
}

const LISTS = ['leaves', 'entries', 'neighbours', 'hops', 'replicas'] as const

/** Names these instead of everybody whom it knows, in whatever it says. */
export function naming(machine: PastryMachine, named: () => readonly Contact[]): Machine<PastryTypes> {
  const renamed = (message: PastryMessage): PastryMessage => {
    const told: Record<string, unknown> = { ...message }
    const contacts = named()
    for (const list of LISTS) {
      const honest = told[list]
      if (!Array.isArray(honest) || honest.length === 0) continue
      const inHops = message.type === 'next-hops-answer' && list === 'hops'
      told[list] = honest.map((_, at) => {
        const contact = contacts[at % contacts.length]!
        return inHops ? { contact, root: false } : contact
      })
    }
    return told as unknown as PastryMessage
  }
  return disguised(machine, (input, effects) =>
    machine.handle(
      input,
      sendingBy(effects, (link, message, priority) => effects.send(link, renamed(message), priority))
    )
  )
}

/** Says so much to each that it is linked with, over and over. */
export function flooding(
  machine: PastryMachine,
  everyMs: number,
  flood: (effects: Fx) => readonly PastryMessage[]
): Machine<PastryTypes> {
  const links = new Set<Link>()
  return disguised(machine, (input, effects) => {
    if (input.type === 'link-up') links.add(input.link)
    if (input.type === 'link-down') links.delete(input.link)
    if (input.type === 'start') effects.setTimer(FLOOD_TIMER, everyMs)
    if (input.type === 'timer' && input.timer === FLOOD_TIMER) {
      effects.setTimer(FLOOD_TIMER, everyMs)
      for (const link of links) for (const message of flood(effects)) effects.send(link, message, 1)
      return
    }
    machine.handle(input, effects)
  })
}
