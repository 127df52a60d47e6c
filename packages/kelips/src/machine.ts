/**
 * Kelips as a pure machine. Its rules are those of Gupta et al. (IPTPS 2003) and stand in the files named after
 * them; here inputs are led to them. Links and requests are `@servent/key-routing`'s, which take their inputs first.
 */
import { Calls, type Membership, storeOf } from '@servent/key-routing/machine'
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
import { onRoutingCommand } from './commands.ts'
import { REFRESH_ROUNDS, REPAIR_VALUES_MS } from './constants.ts'
import { watchEpoch } from './epoch.ts'
import { onFind } from './find-answers.ts'
import { gossipRound, onGossip, onSilent, tellNews } from './gossip.ts'
import { groupOf } from './group.ts'
import { adoptTables } from './ideal.ts'
import { askToJoin, JOIN_TIMER, onJoin, onPull, seek, seekMembers } from './join.ts'
import { Kelips } from './kelips.ts'
import { leave } from './leave.ts'
import type { LifeTable } from './life-table.ts'
import type { KelipsMessage, PeerLife } from './messages.ts'
import { NEWS_TIMER } from './news.ts'
import { beginChain } from './own-life.ts'
import { onOffer } from './publish.ts'
import { refreshOrigins } from './refresh.ts'
import { repairValues } from './repair.ts'
import { CORRECT_KELIPS, type KelipsRules } from './rules.ts'
import { PEERS_SAVED_AS, savePeers } from './saved-peers.ts'
import { onGet } from './serve-records.ts'
import { kelipsSettings, routingOf } from './settings.ts'
import { storeSnapshot } from './store-snapshot.ts'
import {
  armRounds,
  disarmRounds,
  GOSSIP_TIMER,
  jittered,
  MERGE_TIMER,
  REPAIR_TIMER,
  SAVE_TIMER
} from './timers.ts'
import type {
  KelipsCommand,
  KelipsEntry,
  KelipsMode,
  KelipsSettings,
  KelipsTables,
  KelipsTypes
} from './types.ts'
import { onStore } from './values.ts'

export { CHEAP_CHAIN, type OneWay, SHA_CHAIN } from './chain.ts'
export * from './constants.ts'
export { groupOf, levelFor } from './group.ts'
export * from './ideal.ts'
export type { Life } from './life-table.ts'
export type * from './messages.ts'
export { CORRECT_KELIPS, type KelipsRules } from './rules.ts'
export { OWN_LINKS_MAX } from './service-limits.ts'
export { KELIPS_SETTINGS, kelipsSettings, levelOf } from './settings.ts'
export type * from './types.ts'

const ANSWERS: ReadonlySet<string> = new Set([
  'pong',
  'stored',
  'page',
  'welcome',
  'state',
  'providers',
  'offered'
])

/** Whoever knows fewer says who it is to everybody that it hears of; others hear of it by gossip. */
const FEW_PEERS = 8

export class KelipsMachine implements Machine<KelipsTypes> {
  readonly #kelips: Kelips

  /** Settings out of their range are taken for the nearest that is in it. `rules` is for tests and simulations. */
  constructor(settings: Partial<KelipsSettings> = {}, rules: KelipsRules = CORRECT_KELIPS) {
    const all = kelipsSettings(settings)
    const calls = new Calls<KelipsTypes>(
      ANSWERS,
      {
        onUnlinked: (peer, end, fx) => onUnlinked(this.#kelips, peer, end, fx),
        onUnreachable: (peer, _reason, fx) => onSilent(this.#kelips, peer, fx)
      },
      routingOf(all)
    )
    this.#kelips = new Kelips(all, storeOf(all), rules, calls)
  }

  handle(input: Input<KelipsTypes>, effects: Effects<KelipsTypes>): void {
    const kelips = this.#kelips
    if (kelips.stopped) return
    kelips.nowMs = effects.nowMs()
    kelips.wallMs = effects.wallMs()
    kelips.peers = effects.peers
    if (kelips.calls.handle(input, effects)) return
    switch (input.type) {
      case 'start':
        start(kelips, input.saved, effects)
        break
      case 'stop':
        leave(kelips, effects)
        kelips.stopped = true
        break
      case 'contact':
        onContact(kelips, input.peer, effects)
        break
      case 'message': {
        const from = kelips.calls.peerOf(input.link)
        if (from !== undefined) onMessage(kelips, from, input.link, input.message, effects)
        break
      }
      case 'command':
        onCommand(kelips, input.id, input.command, effects)
        break
      case 'answer':
        kelips.answered(input.id, 'error' in input ? undefined : input.answer, effects)
        break
      case 'timer':
        onTimer(kelips, input.timer, effects)
        break
    }
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.#kelips.heldPeers(hold)
  }

  /** The tables themselves, for observers who look after every event. They are not to be changed. */
  get state(): Pick<
    Kelips,
    | 'view'
    | 'contacts'
    | 'origins'
    | 'tuples'
    | 'level'
    | 'answerLevel'
    | 'dead'
    | 'chain'
    | 'ownTuples'
    | 'nowMs'
    | 'counters'
    | 'settings'
    | 'estimate'
    | 'memberTimeoutMs'
    | 'contactTimeoutMs'
  > {
    return this.#kelips
  }

  /** For observers who build ideal tables: nothing before it is signed. */
  get life(): PeerLife | undefined {
    return this.#kelips.ownLife
  }

  get mode(): KelipsMode {
    return this.#kelips.mode
  }

  /** For the service, which asks before each call. */
  get membership(): Membership {
    const { mode, others, metMs } = this.#kelips
    return { isMember: mode === 'member', others, sinceMs: metMs }
  }

  /** Requests that wait for their answer. */
  get calls(): number {
    return this.#kelips.calls.sizes().calls
  }

  snapshot(): KelipsTables {
    const kelips = this.#kelips
    const { view, contacts, origins, tuples, calls, cache, level, nowMs } = kelips
    const entry = (table: LifeTable, row: number): KelipsEntry => ({
      peer: table.peerAt(row),
      beat: table.beatAt(row),
      heardMsAgo: Math.max(0, nowMs - table.heardMs(row)),
      rttMs: table.rttMs(row)
    })
    const rows = (table: LifeTable): number[] => Array.from({ length: table.size }, (_, row) => row)
    const { calls: pending, links, own: ownLinks } = calls.sizes()
    return {
      mode: kelips.mode,
      level,
      groups: 2 ** level,
      group: kelips.peers === undefined ? 0 : kelips.group,
      estimatedPeers: Math.round(2 ** kelips.estimate),
      members: rows(view).map(row => entry(view, row)),
      contacts: rows(contacts.table).map(row => ({
        ...entry(contacts.table, row),
        group: groupOf(kelips.peers.key(contacts.table.peerAt(row)), level)
      })),
      origins: origins.table.size,
      tuples: tuples.size,
      tableBytes: view.byteLength + contacts.byteLength + origins.byteLength + tuples.byteLength,
      signatureBytes:
        view.signatureBytes +
        contacts.table.signatureBytes +
        origins.table.signatureBytes +
        tuples.signatureBytes,
      remembered: [...new Set([...cache.bootstrap.peers, ...cache.lost.peers])],
      maintenance: kelips.maintenance,
      routing: {
        links,
        ownLinks,
        calls: pending,
        lookups: kelips.finds,
        relays: kelips.relays,
        counters: {}
      },
      store: storeSnapshot(kelips),
      counters: { ...kelips.counters }
    }
  }

  /** Keys of tuples that it keeps for others and of its own, for observers: their prefixes, hexadecimal, each once. */
  heldKeys(): string[] {
    const { tuples } = this.#kelips
    const names = new Set<string>()
    for (let row = 0; row < tuples.size; row += 1) names.add(keyToHex(tuples.prefixAt(row)))
    return [...names]
  }
}

function start(kelips: Kelips, saved: ReadonlyMap<string, Uint8Array>, fx: Effects<KelipsTypes>): void {
  kelips.begin(fx)
  kelips.cache.load(saved.get(PEERS_SAVED_AS), kelips.peers)
  kelips.setMode('joining', fx)
  kelips.joiningMs = kelips.nowMs
  if (kelips.settings.saveMs > 0) fx.setTimer(SAVE_TIMER, jittered(fx, kelips.settings.saveMs))
  beginChain(kelips, fx, later => seek(kelips, later))
}

function onContact(kelips: Kelips, peer: Peer, fx: Effects<KelipsTypes>): void {
  if (peer === SELF) return
  const isKnown = kelips.cache.bootstrap.peers.includes(peer) || kelips.knows(peer)
  kelips.cache.bootstrap.add(peer)
  if (!isKnown && (kelips.mode === 'joining' || kelips.others < FEW_PEERS)) askToJoin(kelips, peer, fx)
}

/** A link that ended in good order, or for lack of use, says nothing of its peer; one that broke does. */
function onUnlinked(kelips: Kelips, peer: Peer, end: LinkEnd, fx: Effects<KelipsTypes>): void {
  if (end.kind === 'reset') onSilent(kelips, peer, fx)
}

function onMessage(
  kelips: Kelips,
  from: Peer,
  link: number,
  message: KelipsMessage,
  fx: Effects<KelipsTypes>
): void {
  switch (message.type) {
    case 'gossip':
      onGossip(kelips, from, message, fx)
      break
    case 'find':
      onFind(kelips, from, message, fx)
      break
    case 'join':
      onJoin(kelips, from, message, fx)
      break
    case 'state-request':
      onPull(kelips, from, message, fx)
      break
    case 'offer':
      onOffer(kelips, from, message, fx)
      break
    case 'store':
      onStore(kelips, from, message, fx)
      break
    case 'get':
      onGet(kelips, link, message, fx)
      break
    case 'ping':
      // Whoever has left is gone, though its program may go on.
      if (kelips.mode !== 'idle') fx.send(link, { type: 'pong', id: message.id }, 0)
      break
  }
}

function onCommand(kelips: Kelips, id: number, command: KelipsCommand, fx: Effects<KelipsTypes>): void {
  switch (command.type) {
    case 'join':
      for (const peer of command.contacts ?? []) if (peer !== SELF) kelips.cache.bootstrap.add(peer, true)
      if (kelips.mode === 'idle') start(kelips, new Map(), fx)
      else if (kelips.mode === 'joining') seek(kelips, fx)
      else
        for (const peer of kelips.cache.bootstrap.peers) if (!kelips.knows(peer)) askToJoin(kelips, peer, fx)
      break
    case 'maintenance':
      setMaintenance(kelips, command.on, fx)
      break
    case 'adopt':
      adoptTables(kelips, command, fx)
      break
    case 'leave':
      leave(kelips, fx)
      break
    default:
      onRoutingCommand(kelips, id, command, fx)
  }
}

function setMaintenance(kelips: Kelips, on: boolean, fx: Effects<KelipsTypes>): void {
  if (kelips.maintenance === on) return
  kelips.maintenance = on
  if (!on) disarmRounds(fx)
  else if (kelips.mode === 'joining') seek(kelips, fx)
  else armRounds(kelips, fx)
}

function onTimer(kelips: Kelips, timer: Timer, fx: Effects<KelipsTypes>): void {
  const { gossipMs, mergeMs, saveMs } = kelips.settings
  if (timer === SAVE_TIMER) {
    savePeers(kelips, fx)
    fx.setTimer(SAVE_TIMER, jittered(fx, saveMs))
  }
  if (timer === NEWS_TIMER) kelips.newsArmed = false
  if (!kelips.maintenance) return
  if (timer === JOIN_TIMER) seek(kelips, fx)
  if (kelips.mode !== 'member') return
  if (timer === NEWS_TIMER) tellNews(kelips, fx)
  else if (timer === GOSSIP_TIMER) {
    fx.setTimer(GOSSIP_TIMER, jittered(fx, gossipMs))
    gossipRound(kelips, fx)
    seekMembers(kelips, fx)
    watchEpoch(kelips, fx)
    if (kelips.counters.rounds % REFRESH_ROUNDS === 0) refreshOrigins(kelips, fx)
  } else if (timer === MERGE_TIMER) {
    fx.setTimer(MERGE_TIMER, jittered(fx, mergeMs))
    let peer = kelips.cache.next()
    // Whom it knows leaves the turn to the other memory.
    if (peer !== undefined && kelips.knows(peer)) peer = kelips.cache.next()
    if (peer !== undefined && !kelips.knows(peer)) askToJoin(kelips, peer, fx)
  } else if (timer === REPAIR_TIMER) {
    fx.setTimer(REPAIR_TIMER, jittered(fx, REPAIR_VALUES_MS))
    repairValues(kelips, fx)
  }
}
