/** The measured time: what every peer sent and took in between its two ends. */
import type { NodeIndex } from '@servent/simulator'
import type { Deployment } from './deployment.ts'
import type { Peers } from './peers.ts'
import type { Census, NetworkSamples, NodeSamples, Traffic } from './run-result.ts'

export class MeasuredTime {
  readonly #deployment: Deployment
  readonly #peers: Peers
  readonly #fromUs: number
  readonly #atStart: Census
  readonly #bytesByType: Readonly<Record<string, number>>
  readonly #p2psimBytes: number
  readonly #upkeep: Upkeep | undefined
  readonly #bytesSent: Float64Array
  readonly #messagesReceived: Float64Array

  /** Begins now. */
  constructor(deployment: Deployment, peers: Peers) {
    const { simulation } = deployment
    const { metrics } = simulation
    this.#deployment = deployment
    this.#peers = peers
    this.#fromUs = simulation.nowUs
    this.#atStart = census(deployment, peers)
    this.#bytesByType = bytesByType(deployment)
    this.#p2psimBytes = metrics.p2psimBytes
    this.#upkeep = upkeepUntilNow(deployment)
    this.#bytesSent = perNode(simulation.size, node => metrics.sentBy(node).bytes)
    this.#messagesReceived = perNode(simulation.size, node => metrics.receivedBy(node).messages)
  }

  /**
   * Who lives now. What a server bears is borne in this overlay: without it, nobody would seem to bear anything.
   */
  get living(): NodeIndex[] {
    const { servers = [], simulation } = this.#deployment
    const there = servers.filter(node => simulation.alive(node))
    return [...this.#peers.aliveNodes(), ...there].sort((a, b) => a - b)
  }

  /** Ends now. */
  end(): {
    readonly nodes: NodeSamples
    readonly traffic: Traffic
    readonly network?: NetworkSamples
    readonly measuredUs: number
  } {
    const deployment = this.#deployment
    const { simulation, countsIds } = deployment
    const { metrics, nowUs } = simulation
    const lasted = nowUs - this.#fromUs
    const aliveUs = perNode(simulation.size, node => this.#peers.aliveUs(node, this.#fromUs, nowUs))
    const servers = (deployment.servers ?? []).filter(node => simulation.alive(node))
    const living = this.living
    const steady = living.filter(node => aliveUs[node] === lasted || servers.includes(node))
    const states = living.map(node => deployment.state(node))
    const before = this.#bytesByType
    const types = Object.entries(bytesByType(deployment)).map(
      ([type, bytes]) => [type, bytes - (before[type] ?? 0)] as const
    )
    return {
      nodes: {
        atStart: this.#atStart,
        atEnd: census(deployment, this.#peers),
        aliveUs: aliveUs.reduce((sum, us) => sum + us, 0),
        bytesSent: Float64Array.from(
          steady,
          node => metrics.sentBy(node).bytes - (this.#bytesSent[node] ?? 0)
        ),
        messagesReceived: Float64Array.from(
          steady,
          node => metrics.receivedBy(node).messages - (this.#messagesReceived[node] ?? 0)
        ),
        stateEntries: Float64Array.from(states, ({ entries }) => entries),
        stateBytes: Float64Array.from(states, ({ bytes }) => bytes),
        connections: Float64Array.from(living, node => simulation.linkedTo(node).length)
      },
      traffic: {
        bytesByType: Object.fromEntries(types.filter(([, bytes]) => bytes > 0)),
        p2psimBytes: countsIds ? metrics.p2psimBytes - this.#p2psimBytes : undefined
      },
      ...this.#network(),
      measuredUs: lasted
    }
  }

  #network(): { readonly network?: NetworkSamples } {
    const before = this.#upkeep
    const now = upkeepUntilNow(this.#deployment)
    if (before === undefined || now === undefined) return {}
    return {
      network: {
        upkeepMessages: now.messages - before.messages,
        upkeepBytes: now.bytes - before.bytes,
        pongsPerLinkMax: this.#deployment.watch!.pongsPerLinkMax
      }
    }
  }
}

interface Upkeep {
  readonly messages: number
  readonly bytes: number
}

function upkeepUntilNow({ simulation, watch }: Deployment): Upkeep | undefined {
  if (watch === undefined) return undefined
  const { metrics } = simulation
  const { messages, bytes } = watch.questions
  return { messages: metrics.messages - messages, bytes: metrics.bytes - bytes }
}

function census(deployment: Deployment, peers: Peers): Census {
  const live = peers.aliveNodes()
  return { live: live.length, members: live.filter(node => deployment.isMember(node)).length }
}

function bytesByType({ simulation }: Deployment): Record<string, number> {
  return Object.fromEntries(
    Object.entries(simulation.metrics.byType()).map(([type, { bytes }]) => [type, bytes])
  )
}

function perNode(size: number, value: (node: NodeIndex) => number): Float64Array {
  return Float64Array.from({ length: size }, (_, node) => value(node))
}
