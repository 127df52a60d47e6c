/** What the parts of a simulation share: each looks up the others here. */
import type { Codec, MachineTypes } from '@servent/overlay/machine'
import { Schedule } from './event-queue-schedule.ts'
import { Links } from './links.ts'
import { AccessLinks } from './links-access.ts'
import { Endings } from './links-ending.ts'
import { Openings } from './links-opening.ts'
import { LinkTraffic } from './links-traffic.ts'
import { Metrics } from './metrics.ts'
import { Nodes } from './node.ts'
import { Clocks } from './node-clocks.ts'
import { Identities } from './node-identities.ts'
import { NodeRunner } from './node-runner.ts'
import { NodeTimers } from './node-timers.ts'
import { type Random, Streams } from './random.ts'
import type { NetworkModel, NodeIndex, SimulationInit, SimulationLimits } from './types.ts'
import { simulationLimits } from './types-limits.ts'

/** One way between any two nodes, where a plan names no network: 50 ms there and back. */
const ONE_WAY_US = 25_000

const constantNetwork: NetworkModel = { oneWayUs: () => ONE_WAY_US }

export class World<T extends MachineTypes> {
  readonly init: SimulationInit<T>
  readonly codec: Codec<T['message']>
  readonly limits: SimulationLimits
  readonly network: NetworkModel
  readonly streams: Streams
  /** The stream of the network's chance. */
  readonly chance: Random
  readonly schedule = new Schedule()
  readonly timers: NodeTimers
  readonly nodes: Nodes<T>
  readonly clocks = new Clocks()
  readonly identities: Identities
  readonly links = new Links()
  readonly metrics: Metrics<T['message']>
  readonly runner: NodeRunner<T>
  readonly traffic: LinkTraffic<T>
  readonly access: AccessLinks<T>
  readonly openings: Openings<T>
  readonly endings: Endings<T>

  constructor(init: SimulationInit<T>) {
    this.init = init
    this.codec = init.codec
    this.limits = simulationLimits(init.limits)
    this.network = init.network ?? constantNetwork
    this.streams = new Streams(init.seed)
    this.chance = this.streams.of('network')
    this.timers = new NodeTimers(this.schedule)
    this.nodes = new Nodes(this.streams.of('node'))
    this.identities = new Identities(init.seed, init.keyOf)
    this.metrics = new Metrics(this.nodes, init.codec, init.idsIn)
    this.traffic = new LinkTraffic(this)
    this.access = new AccessLinks(this)
    this.openings = new Openings(this)
    this.endings = new Endings(this)
    this.runner = new NodeRunner(this)
  }

  addNode(): NodeIndex {
    const node = this.nodes.add()
    this.identities.add()
    this.links.hold(node + 1)
    this.access.add(node)
    return node
  }

  /** @throws RangeError  the model gives no time: a time that is none would put the order of events out */
  oneWayUs(from: NodeIndex, to: NodeIndex): number {
    const us = this.network.oneWayUs(from, to, this.chance)
    if (!(us >= 0)) throw new RangeError(`The network says that it takes ${us} us from ${from} to ${to}.`)
    return us
  }

  usable(from: NodeIndex, to: NodeIndex): boolean {
    return this.network.usable === undefined || this.network.usable(from, to, this.schedule.nowUs)
  }
}
