/**
 * Chord as a pure machine. Its rules are those of Stoica et al. (ToN 2003) with Zave's corrections (2017), and
 * stand in the files named after them; here inputs are led to them. Lookups and records are
 * `@servent/key-routing`'s, which takes its inputs first.
 */
import {
  jittered,
  KeyRouter,
  type LookupDone,
  type Membership,
  RecordKeeper,
  ROUTING_ANSWERS,
  routingOf,
  type StoreCalls,
  storeOf
} from '@servent/key-routing/machine'
import {
  type Effects,
  type Input,
  keyToHex,
  type LinkEnd,
  type Machine,
  type Peer,
  SELF,
  type Timer
} from '@servent/overlay/machine'
import { FORMING_SETTLE_MS } from './constants.ts'
import { fixFingers } from './finger-refresh.ts'
import { askContacts, askPeer, gather, onGatherTimer } from './forming.ts'
import { adoptTables } from './ideal.ts'
import { probeForeign } from './merge.ts'
import { checkPredecessor, rectify } from './rectify.ts'
import { type Fx, type Place, Ring } from './ring.ts'
import { join } from './ring-join.ts'
import { indexOfRef, NOBODY, peerOfRef } from './ring-key.ts'
import { depart, leave } from './ring-leave.ts'
import { onMessage } from './ring-messages.ts'
import { ChordRouting, onNotReady, onSilent, rootOf } from './ring-routing.ts'
import type { ChordRules } from './ring-rules.ts'
import { loadPeers, PEERS_SAVED_AS, savePeers } from './ring-save.ts'
import { chordSettings } from './ring-settings.ts'
import { armJoin, armPlace, armRing, disarm, GATHER_TIMER, MERGE_TIMER, SAVE_TIMER } from './ring-timers.ts'
import { consider, stabilise } from './stabilise.ts'
import type {
  ChordCommand,
  ChordMode,
  ChordNode,
  ChordPlace,
  ChordSettings,
  ChordTables,
  ChordTypes,
  PlaceView,
  RingRef
} from './types.ts'

export * from './constants.ts'
export * from './ideal.ts'
export { mergeBoundMs } from './merge.ts'
export type * from './messages.ts'
export { indexOfRef, keyBefore, keyOfPlace, peerOfRef, refOf } from './ring-key.ts'
export type { ChordRules } from './ring-rules.ts'
export { CHORD_SETTINGS, chordSettings } from './ring-settings.ts'
export type * from './types.ts'

const ANSWERS: ReadonlySet<string> = new Set([...ROUTING_ANSWERS, 'neighbours', 'fingers', 'members'])

/** Chord as it should be. */
export const CORRECT_CHORD: ChordRules = {
  join,
  stabilise,
  rectify,
  consider,
  checkPredecessor,
  rootOf,
  forming: true
}

export class ChordMachine implements Machine<ChordTypes> {
  readonly #ring: Ring
  readonly #router: KeyRouter<ChordTypes>

  /** Settings out of their range are taken for the nearest that is in it. `rules` is for tests of the checker. */
  constructor(settings: Partial<ChordSettings> = {}, rules: ChordRules = CORRECT_CHORD) {
    const all = chordSettings(settings)
    const ring = new Ring(all, rules)
    this.#ring = ring
    const routing = new ChordRouting(ring)
    this.#router = new KeyRouter<ChordTypes>({
      routing,
      settings: routingOf(all),
      answers: ANSWERS,
      links: {
        onUnlinked: (peer, end, effects) => onUnlinked(ring, peer, end, effects),
        onUnreachable: (peer, _reason, effects) => onSilent(ring, peer, effects)
      }
    })
    ring.router = this.#router
    const { calls } = this.#router
    ring.keeper = new RecordKeeper(storeOf(all), {
      calls: calls as unknown as StoreCalls,
      routing,
      findRoot: (key, done, effects) =>
        this.#router.lookup(
          key,
          { purpose: 'user' },
          done as unknown as LookupDone<ChordTypes>,
          effects as unknown as Fx
        )
    })
    this.#router.use(ring.keeper)
  }

  handle(input: Input<ChordTypes>, effects: Effects<ChordTypes>): void {
    const ring = this.#ring
    if (ring.stopped) return
    ring.nowMs = effects.nowMs()
    ring.peers = effects.peers
    if (input.type === 'message') {
      const { message } = input
      if (message.type === 'lookup-failed' && message.reason === 'not-ready')
        onNotReady(ring, input.link, effects)
    }
    if (this.#router.handle(input, effects)) return
    switch (input.type) {
      case 'start':
        ring.begin(effects)
        loadPeers(ring, input.saved.get(PEERS_SAVED_AS))
        if (ring.settings.saveMs > 0) effects.setTimer(SAVE_TIMER, jittered(effects, ring.settings.saveMs))
        gather(ring, effects)
        break
      case 'stop':
        depart(ring, effects)
        ring.stopped = true
        break
      case 'contact':
        onContact(ring, input.peer, effects)
        break
      case 'message':
        onMessage(ring, input.link, input.message, effects)
        break
      case 'command':
        onCommand(ring, input.command, effects)
        break
      case 'timer':
        onTimer(ring, input.timer, effects)
        break
    }
  }

  heldPeers(hold: (peer: Peer) => void): void {
    const ring = this.#ring
    this.#router.heldPeers(hold)
    const ref = (ref: RingRef): void => {
      if (ref !== NOBODY) hold(peerOfRef(ref))
    }
    ring.cache.heldPeers(hold)
    for (const peer of ring.unlike.peers) hold(peer)
    for (const peer of ring.founders) hold(peer)
    ring.forming?.heldPeers(hold)
    for (const refs of ring.inHand) for (const one of refs) ref(one)
    for (const { waiting } of ring.candidates?.values() ?? []) if (waiting !== undefined) ref(waiting.node)
    for (const place of ring.places) {
      ref(place.predecessor)
      for (const one of place.former) ref(one)
      for (const one of place.successors) ref(one)
      for (const one of place.asked.keys()) ref(one)
      for (const one of place.compared) ref(one)
      for (let at = 0; at < place.fingers.length; at += 1) ref(place.fingers.at(at))
    }
  }

  /** The tables themselves, for observers who look after every event. They are not to be changed. */
  get places(): readonly PlaceView[] {
    return this.#ring.places
  }

  /** Keys of the records that it keeps for the network, for observers: hexadecimal, each once, in no order. */
  heldKeys(): string[] {
    const keys = new Set<string>()
    for (const { key } of this.#ring.keeper.records()) keys.add(keyToHex(key))
    return [...keys]
  }

  get mode(): ChordMode {
    return this.#ring.mode
  }

  /** For the service, which asks before each call. */
  get membership(): Membership {
    const { mode, linked, forming, metMs } = this.#ring
    return {
      isMember: mode === 'forming' || mode === 'ring',
      others: forming?.mutual ?? linked.length,
      sinceMs: metMs !== undefined && mode === 'forming' ? metMs + FORMING_SETTLE_MS : metMs
    }
  }

  snapshot(): ChordTables {
    const { settings, places, mode, forming, bootstrap, lost, maintenance, counters } = this.#ring
    const full = places.every(place => place.successors.length >= settings.successors)
    return {
      mode,
      theoremsHold: mode === 'ring' && full,
      successorListLength: settings.successors,
      places: places.map(placeOf),
      forming: forming?.peers ?? [],
      remembered: [...new Set([...bootstrap.peers, ...lost.peers])],
      maintenance,
      routing: this.#router.snapshot(),
      store: this.#ring.keeper.snapshot(),
      counters: { ...counters }
    }
  }
}

function placeOf(place: Place): ChordPlace {
  const fingers = Array.from({ length: place.fingers.length }, (_, at) => ({
    ...nodeOf(place.fingers.at(at)),
    exponent: place.fingers.exponentAt(at)
  }))
  return {
    index: place.index,
    key: keyToHex(place.key),
    member: place.member,
    predecessor: place.predecessor === NOBODY ? null : nodeOf(place.predecessor),
    successors: place.successors.map(nodeOf),
    fingers
  }
}

function nodeOf(ref: RingRef): ChordNode {
  return { peer: peerOfRef(ref), index: indexOfRef(ref) }
}

function onContact(ring: Ring, peer: Peer, fx: Fx): void {
  if (peer === SELF) return
  const known = ring.bootstrap.peers.includes(peer)
  ring.bootstrap.add(peer)
  if (!known && (ring.mode === 'joining' || ring.mode === 'forming') && ring.peers !== undefined)
    askPeer(ring, peer, fx)
}

/** A link that ended in good order, or for lack of use, says nothing of its peer; one that broke does. */
function onUnlinked(ring: Ring, peer: Peer, end: LinkEnd, fx: Fx): void {
  if (end.kind === 'reset') onSilent(ring, peer, fx)
}

function onCommand(ring: Ring, command: ChordCommand, fx: Fx): void {
  switch (command.type) {
    case 'join':
      onJoin(ring, command.contacts ?? [], fx)
      break
    case 'maintenance':
      setMaintenance(ring, command.on, fx)
      break
    case 'adopt':
      adoptTables(ring, command.places, fx)
      break
    case 'leave':
      leave(ring, fx)
      break
  }
}

/** Those that were told of before were asked then; they only become chosen ones. */
function onJoin(ring: Ring, contacts: readonly Peer[], fx: Fx): void {
  const told = contacts.length > 0 && contacts.every(peer => ring.bootstrap.peers.includes(peer))
  for (const peer of contacts) if (peer !== SELF) ring.bootstrap.add(peer, true)
  if (ring.mode === 'idle') gather(ring, fx)
  else if (told) return
  else if (ring.mode === 'joining') gather(ring, fx)
  else if (ring.mode === 'forming') askContacts(ring, fx)
}

function setMaintenance(ring: Ring, on: boolean, fx: Fx): void {
  if (ring.maintenance === on) return
  ring.maintenance = on
  if (!on) {
    disarm(ring, fx)
    return
  }
  armRing(ring, fx)
  armJoin(ring, fx)
  for (const place of ring.members) armPlace(ring, place, fx)
}

function onTimer(ring: Ring, timer: Timer, fx: Fx): void {
  const { stabiliseMs, fixFingersMs, checkPredecessorMs, mergeMs, saveMs } = ring.settings
  if (timer === GATHER_TIMER) onGatherTimer(ring, fx)
  else if (timer === SAVE_TIMER) {
    savePeers(ring, fx)
    fx.setTimer(SAVE_TIMER, jittered(fx, saveMs))
  }
  if (!ring.maintenance || ring.mode !== 'ring') return
  if (timer === MERGE_TIMER) {
    probeForeign(ring, fx)
    fx.setTimer(MERGE_TIMER, jittered(fx, mergeMs))
  }
  for (const place of ring.places) {
    if (timer === place.timers.stabilise) {
      fx.setTimer(timer, jittered(fx, stabiliseMs))
      ring.rules.stabilise(ring, place, fx)
    } else if (timer === place.timers.fingers) {
      fx.setTimer(timer, jittered(fx, fixFingersMs))
      fixFingers(ring, place, fx)
    } else if (timer === place.timers.predecessor) {
      fx.setTimer(timer, jittered(fx, checkPredecessorMs))
      ring.rules.checkPredecessor(ring, place, fx)
    }
  }
}
