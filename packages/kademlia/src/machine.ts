/**
 * Kademlia as a pure machine, for the simulator alone: real peers run `@libp2p/kad-dht`, and `./service.ts` makes it an
 * overlay. Its rules are those of libp2p's specification with k = 20, alpha = 10 and disjoint paths, and stand in the
 * files named after them: `buckets.ts`, `table-care.ts`, `lookup.ts`, `membership.ts` (joining, refresh), `publish.ts`
 * and `serving.ts` (providers, values). It takes the commands of structured overlays and tells what they tell.
 */
import {
  Calls,
  jittered,
  LinkNetworks,
  LOOKUP_BUDGET_MS_MAX,
  OWN_LINKS_MAX,
  READS_MAX,
  type RouterSettings,
  type RoutingCommand,
  routerSettings
} from '@servent/key-routing/machine'
import {
  type Effects,
  type Input,
  type Key,
  type Machine,
  type Peer,
  type RequestId,
  SELF,
  type Timer
} from '@servent/overlay/machine'
import type { BucketEntry } from './buckets.ts'
import { KEYS_PER_SEARCH_MAX } from './constants.ts'
import { holdersOf } from './holders.ts'
import { type Fx, Kad } from './kad.ts'
import { KeptValues } from './kept-values.ts'
import { type LookupEnd, onLookupTimer, startLookup } from './lookup-run.ts'
import {
  ANSWER_FIRST_MS,
  ANSWER_HIGH_MS,
  ANSWER_LOW_MS,
  DIAL_MS,
  SWEEP_RECORDS_MS
} from './machine-constants.ts'
import { kademliaSettings } from './machine-settings.ts'
import {
  adopt,
  join,
  onContact,
  onTableEmpty,
  onTableFilled,
  onTableTimer,
  setMaintenance
} from './membership.ts'
import type { KademliaMessage } from './messages.ts'
import { Provided } from './provided.ts'
import { Publishing } from './publish.ts'
import { CORRECT_KADEMLIA, type KademliaRules } from './rules.ts'
import { Search } from './search.ts'
import { Serving } from './serving.ts'
import { fellSilent } from './table-care.ts'
import type {
  KademliaCommand,
  KademliaMode,
  KademliaSettings,
  KademliaTables,
  KademliaTypes
} from './types.ts'
import { ValueRead } from './value-read.ts'

export { IdealTables } from './ideal.ts'
export * from './machine-constants.ts'
export { KADEMLIA_SETTINGS, kademliaSettings } from './machine-settings.ts'
export type * from './messages.ts'
export type { KademliaRules } from './rules.ts'
export type * from './types.ts'

const ANSWERS: ReadonlySet<KademliaMessage['type']> = new Set([
  'pong',
  'closer-peers',
  'providers',
  'value-found',
  'value-put',
  'files-answer'
])

const SWEEP_TIMER = 'kad/sweep'
const SAVE_TIMER = 'kad/save'
const PEERS_SAVED_AS = 'kademlia/peers'

/** A lookup asks a hundred peers at a time (alpha on each path), and many may be dead: libp2p has dials wait for a place. */
const CALLS: Partial<RouterSettings> = {
  ownLinks: OWN_LINKS_MAX,
  callTimeoutFirstMs: ANSWER_FIRST_MS,
  callTimeoutLowMs: ANSWER_LOW_MS,
  callTimeoutHighMs: ANSWER_HIGH_MS,
  openTimeoutMs: DIAL_MS
}

interface Reading {
  giveUp(): void
  heldPeers(hold: (peer: Peer) => void): void
}

export class KademliaMachine implements Machine<KademliaTypes> {
  readonly #kad: Kad
  readonly #provided = new Provided()
  readonly #values: KeptValues
  readonly #serving: Serving
  readonly #publishing: Publishing
  readonly #reads = new Map<RequestId, Reading>()

  /** Settings out of their range are taken for the nearest that is in it. `rules` is for tests of the observer. */
  constructor(settings: Partial<KademliaSettings> = {}, rules: KademliaRules = CORRECT_KADEMLIA) {
    const kad = new Kad(kademliaSettings(settings), rules)
    this.#kad = kad
    this.#values = new KeptValues(kad)
    this.#serving = new Serving(kad, this.#provided, this.#values)
    this.#publishing = new Publishing(kad, this.#provided, this.#values)
    kad.events = {
      onFilled: fx => onTableFilled(kad, fx),
      onEmpty: fx => onTableEmpty(kad, fx)
    }
    kad.calls = new Calls<KademliaTypes>(
      ANSWERS,
      { onUnreachable: (peer, _reason, fx) => fellSilent(kad, peer, 'unreachable', fx) },
      routerSettings({ ...CALLS, ...kad.settings.routing })
    )
    kad.networks = new LinkNetworks(kad.calls)
  }

  handle(input: Input<KademliaTypes>, effects: Effects<KademliaTypes>): void {
    const kad = this.#kad
    if (kad.stopped) return
    if (input.type === 'start') this.#begin(effects)
    kad.networks.see(input)
    if (kad.calls.handle(input, effects)) return
    switch (input.type) {
      case 'start':
        kad.cache.load(input.saved.get(PEERS_SAVED_AS), effects.peers)
        join(kad, effects)
        break
      case 'stop':
        this.#save(effects)
        kad.stopped = true
        break
      case 'contact':
        onContact(kad, input.peer, effects)
        break
      case 'message': {
        const from = kad.calls.peerOf(input.link)
        if (from !== undefined) this.#serving.onMessage(input.link, from, input.message, effects)
        break
      }
      case 'command':
        this.#onCommand(input.id, input.command, effects)
        break
      case 'timer':
        this.#onTimer(input.timer, effects)
        break
      case 'answer':
        this.#values.onAnswer(input.id, 'answer' in input ? input.answer : undefined, effects)
        break
    }
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.#kad.calls.heldPeers(hold)
    this.#kad.heldPeers(hold)
    this.#values.heldPeers(hold)
    for (const reading of this.#reads.values()) reading.heldPeers(hold)
  }

  /** The buckets themselves, for observers who look after every event. They are not to be changed. */
  get buckets(): readonly (readonly BucketEntry[])[] {
    const { buckets } = this.#kad
    return Array.from({ length: buckets?.length ?? 0 }, (_, prefix) => buckets.at(prefix))
  }

  get mode(): KademliaMode {
    return this.#kad.mode
  }

  snapshot(): KademliaTables {
    const { cache, counters, lookups, maintenance, mode, pinged, records } = this.#kad
    const buckets = this.buckets.map((entries, prefixBits) => ({
      prefixBits,
      peers: entries.map(({ peer }) => peer)
    }))
    return {
      mode,
      buckets: buckets.filter(({ peers }) => peers.length > 0),
      lookups: lookups.size,
      newcomers: pinged.size,
      provided: this.#provided.size,
      records: records.size,
      remembered: [...new Set([...cache.bootstrap.peers, ...cache.lost.peers])],
      maintenance,
      counters: { ...counters, valuesWaiting: this.#values.waiting, reads: this.#reads.size }
    }
  }

  #begin(fx: Fx): void {
    const { settings } = this.#kad
    this.#kad.begin(fx)
    fx.setTimer(SWEEP_TIMER, jittered(fx, SWEEP_RECORDS_MS))
    if (settings.saveMs > 0) fx.setTimer(SAVE_TIMER, jittered(fx, settings.saveMs))
  }

  #onTimer(timer: Timer, fx: Fx): void {
    const kad = this.#kad
    if (onLookupTimer(kad, timer, fx) || onTableTimer(kad, timer, fx)) return
    if (this.#publishing.onTimer(timer, fx)) return
    if (timer === SWEEP_TIMER) {
      kad.records.sweep(fx.nowMs(), fx.wallMs())
      fx.setTimer(SWEEP_TIMER, jittered(fx, SWEEP_RECORDS_MS))
    } else if (timer === SAVE_TIMER) {
      this.#save(fx)
      fx.setTimer(SAVE_TIMER, jittered(fx, kad.settings.saveMs))
    }
  }

  #save(fx: Fx): void {
    const { buckets, cache, mode, peers, settings } = this.#kad
    if (settings.saveMs === 0) return
    // Those that are nearest to this peer are the surest way back to its place.
    const known = [...buckets.all()].map(({ peer }) => peer).toReversed()
    const bytes = cache.encode(known, mode !== 'joining', peers)
    if (bytes !== undefined) fx.save(PEERS_SAVED_AS, bytes)
  }

  #onCommand(id: RequestId, command: KademliaCommand, fx: Fx): void {
    const kad = this.#kad
    switch (command.type) {
      case 'join':
        for (const peer of command.contacts ?? []) onContact(kad, peer, fx, true)
        if (kad.mode === 'joining') join(kad, fx)
        break
      case 'maintenance':
        setMaintenance(kad, command.on, fx)
        break
      case 'adopt':
        adopt(kad, command.peers, fx)
        break
      case 'lookup':
        this.#lookUp(id, command.key, fx)
        break
      case 'publish':
        this.#publishing.publish(id, command.records, fx)
        break
      case 'give-up':
        this.#reads.get(command.command)?.giveUp()
        break
      default:
        this.#read(id, command, fx)
    }
  }

  #lookUp(command: RequestId, key: Key, fx: Fx): void {
    const kad = this.#kad
    const { lookupBudgetMs, traceLookups } = kad.settings
    startLookup(
      kad,
      {
        key,
        purpose: 'user',
        budgetMs: Math.min(lookupBudgetMs, LOOKUP_BUDGET_MS_MAX),
        traced: traceLookups,
        done: (end, later) => tellLookup(kad, command, key, end, later)
      },
      fx
    )
  }

  #read(
    id: RequestId,
    command: RoutingCommand & { type: 'fetch' | 'fetch-rarest' | 'read-value' },
    fx: Fx
  ): void {
    const done = () => this.#reads.delete(id)
    const isValue = command.type === 'read-value' || (command.type === 'fetch' && command.kind === 'value')
    if (isValue) this.#readValue(id, command, done, fx)
    else this.#search(id, command, done, fx)
  }

  #readValue(
    id: RequestId,
    command: RoutingCommand & { type: 'fetch' | 'read-value' },
    done: () => void,
    fx: Fx
  ): void {
    const asRecords = command.type === 'fetch'
    const quorum = command.type === 'fetch' ? 0 : command.quorum
    const read = new ValueRead(this.#kad, this.#values, {
      command: id,
      key: command.key,
      quorum,
      asRecords,
      done
    })
    if (this.#reads.size >= READS_MAX) {
      read.refuse(fx)
      return
    }
    this.#reads.set(id, read)
    read.start(fx)
  }

  #search(
    id: RequestId,
    command: RoutingCommand & { type: 'fetch' | 'fetch-rarest' },
    done: () => void,
    fx: Fx
  ): void {
    const keys = command.type === 'fetch' ? [command.key] : command.keys.slice(0, KEYS_PER_SEARCH_MAX)
    const kind = command.type === 'fetch' && command.kind === 'provider' ? 'provider' : 'word'
    if (this.#reads.size >= READS_MAX || keys.length === 0) {
      const traffic = { messages: 0, bytes: 0 }
      fx.notify({ type: 'records-end', command: id, total: 0, traffic, failure: 'busy' })
      return
    }
    const search = new Search(this.#kad, { command: id, keys, kind, limit: command.limit, done }, fx)
    this.#reads.set(id, search)
    search.start(fx)
  }
}

function tellLookup(kad: Kad, command: RequestId, key: Key, end: LookupEnd, fx: Fx): void {
  const { closest, failed, hops, timeouts, elapsedMs } = end
  if (failed !== undefined) {
    fx.notify({ type: 'lookup-failed', command, reason: failed, hops, timeouts, elapsedMs })
    return
  }
  const [root, ...replicas] = holdersOf(kad, key, closest, fx).map(peer => fx.peers.contact(peer))
  const isOwn = holdersOf(kad, key, closest, fx)[0] === SELF
  fx.notify({
    type: 'looked-up',
    command,
    root: root!,
    replicas,
    hops: isOwn ? 0 : hops,
    timeouts,
    elapsedMs
  })
}
