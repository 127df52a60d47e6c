/** Machines whose effects are seen or changed on their way out, and whose inputs on their way in. */
import type { Effects, Input, Link, Machine, Peer } from '@servent/overlay/machine'
import type { FastTrackMachine, FastTrackMessage, FastTrackQuestion, FastTrackTypes } from '../src/machine.ts'

export interface Wrapping {
  readonly onInput?: (input: Input<FastTrackTypes>) => Input<FastTrackTypes>
  /** False: it does not leave. */
  readonly onSend?: (link: Link, message: FastTrackMessage, effects: Effects<FastTrackTypes>) => boolean
  readonly onAsk?: (question: FastTrackQuestion) => void
}

export function wrapped(machine: FastTrackMachine, wrapping: Wrapping): Machine<FastTrackTypes> {
  return {
    handle(input, effects) {
      const changed: Effects<FastTrackTypes> = {
        peers: effects.peers,
        nowMs: () => effects.nowMs(),
        wallMs: () => effects.wallMs(),
        random: () => effects.random(),
        open: peer => effects.open(peer),
        close: (link, reason) => effects.close(link, reason),
        send: (link, message, priority) => {
          if (wrapping.onSend?.(link, message, effects) !== false) effects.send(link, message, priority)
        },
        setTimer: (timer, afterMs) => effects.setTimer(timer, afterMs),
        cancelTimer: timer => effects.cancelTimer(timer),
        ask: (id, question) => {
          wrapping.onAsk?.(question as FastTrackQuestion)
          effects.ask(id, question)
        },
        save: (key, bytes) => effects.save(key, bytes),
        notify: notice => effects.notify(notice)
      }
      machine.handle(wrapping.onInput?.(input) ?? input, changed)
    },
    heldPeers: (hold: (peer: Peer) => void) => machine.heldPeers(hold),
    snapshot: () => machine.snapshot()
  }
}
