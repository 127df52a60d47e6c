/**
 * Who comes, who goes and who looks up what in a run of a plan, without the overlay: the same draws from the same
 * seed as the run itself makes, in a network in which nobody says anything.
 */
import type { Codec, Key, Machine, MachineTypes } from '@servent/overlay/machine'
import { beginChurn, type NodeIndex, Simulation } from '@servent/simulator'
import type { PlanFiles } from '../messages.ts'
import { churnOfPlan } from '../models.ts'
import { Peers } from '../peers.ts'
import { Places } from '../places.ts'
import type { Plan } from '../plan.ts'
import { CONTACTS, seedText } from '../run.ts'
import { World } from '../world.ts'

const US_PER_MS = 1000
const MS_PER_S = 1000
/** All that are there at first come at this time. */
const FIRST_MS = 1

/** By time; each of one place, which is the peer that is there then. */
export type ScheduledEvent = { readonly atMs: number; readonly place: number } & (
  | { readonly type: 'join' | 'crash' }
  /** `target`: a place where somebody lives then, for who looks up peers and not keys. */
  | { readonly type: 'lookup'; readonly key: Key; readonly target: number }
)

export interface Schedule {
  readonly places: number
  readonly events: readonly ScheduledEvent[]
  /** When the measured time begins and ends. */
  readonly fromMs: number
  readonly toMs: number
}

interface Silent extends MachineTypes {
  message: never
}
const NO_MESSAGES: Codec<never> = {
  byteLength: message => message,
  typeOf: message => message,
  open: () => ({ encode: message => message, decode: () => {}, bufferedBytes: 0 })
}
const silentMachine = (): Machine<Silent> => ({ handle() {}, heldPeers() {}, snapshot: () => ({}) })

/** Peers of whom it is written down when they come and go. */
class SeenPeers extends Peers {
  onChange: (type: 'join' | 'crash', node: NodeIndex) => void = () => {}

  override addNode(): NodeIndex {
    const node = super.addNode()
    this.onChange('join', node)
    return node
  }

  override crash(node: NodeIndex): void {
    this.onChange('crash', node)
    super.crash(node)
  }
}

/** Of a plan that begins with tables and whose peers never are more than its `nodes`. */
export function scheduleOf(plan: Plan, files: PlanFiles, seed: number): Schedule {
  const { nodes, warmup, duration } = plan
  const text = seedText(seed)
  const world = new World(text, plan)
  const places = new Places(nodes)
  const simulation = new Simulation<Silent>({
    seed: text,
    codec: NO_MESSAGES,
    createMachine: silentMachine,
    forgetDead: true
  })
  const peers = new SeenPeers(
    { simulation, start: node => simulation.start(node), isMember: () => true, onDeath: () => {} },
    places
  )
  for (let node = 0; node < nodes; node += 1) peers.start(peers.addNode())
  const events: ScheduledEvent[] = Array.from({ length: nodes }, (_, place) => ({
    atMs: FIRST_MS,
    place,
    type: 'join'
  }))
  // One thing after the other at each place: what comes back in the moment in which it went comes a millisecond later.
  const lastMs = new Array<number>(nodes).fill(FIRST_MS)
  const atMs = (place: number) => Math.max(lastMs[place]! + 1, Math.floor(simulation.nowUs / US_PER_MS))
  peers.onChange = (type, node) => {
    const place = places.placeOf(node)
    lastMs[place] = atMs(place)
    events.push({ atMs: lastMs[place]!, place, type })
  }
  const churn = churnOfPlan(plan, files)
  if (churn !== undefined) beginChurn(peers, churn, { contacts: CONTACTS })
  const [fromMs, toMs] = [warmup * MS_PER_S, (warmup + duration) * MS_PER_S]
  for (const { atUs, chooser, key } of world.lookups) {
    simulation.runUntil(fromMs * US_PER_MS + atUs)
    const live = places.taken
    const origin = places.choose(chooser, () => true)
    if (origin === undefined) continue
    const place = places.placeOf(origin)
    const target = places.placeOf(live[new DataView(key.buffer, key.byteOffset).getUint32(0) % live.length]!)
    events.push({ atMs: atMs(place), place, type: 'lookup', key, target })
  }
  simulation.runUntil(toMs * US_PER_MS)
  // Sorting is stable.
  return { places: nodes, events: events.sort((a, b) => a.atMs - b.atMs), fromMs, toMs }
}

/** Seconds that peers live between two times, all of them together. */
export function liveSeconds({ places, events }: Schedule, fromMs: number, toMs: number): number {
  const since = new Array<number | undefined>(places)
  let ms = 0
  const add = (from: number, to: number) => {
    ms += Math.max(0, Math.min(to, toMs) - Math.max(from, fromMs))
  }
  for (const { atMs, place, type } of events) {
    if (type === 'join') since[place] = atMs
    else if (type === 'crash') {
      add(since[place]!, atMs)
      since[place] = undefined
    }
  }
  for (const from of since) if (from !== undefined) add(from, toMs)
  return ms / MS_PER_S
}
