/**
 * One Prometheus registry for a node: the process, libp2p, overlays, library and transfers. The client is
 * loaded when somebody looks, or when the node has stood for a second.
 */
import type { ComponentLogger, Metrics } from '@libp2p/interface'
import type { Registry } from 'prom-client'
import { DeferredMetrics } from './deferred-metrics.ts'

/** The event loop's delay is sampled this often; prom-client's 10 ms wakes an idle machine a hundred times a second. */
const EVENT_LOOP_SAMPLE_MS = 100
/** From the first metric until the client is loaded, where nobody looks before. */
const DEFERRED_MS = 1_000

/** What a gauge shows, by its name and help, each read when somebody scrapes. */
export interface GaugeInit {
  readonly name: string
  readonly help: string
  readonly label?: string
  /** One number, or one for each value of the label. */
  readonly read: () => number | Readonly<Record<string, number>>
}

export class NodeMetrics {
  readonly #folder: string
  readonly #deferred = new DeferredMetrics()
  readonly #gauges: GaugeInit[] = []
  #components: { logger: ComponentLogger } | undefined
  #registry: Promise<Registry> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `folder` is the one whose disk is reported. */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** The `metrics` component of libp2p. */
  component(components: { logger: ComponentLogger }): Metrics {
    this.#components = components
    this.#timer = setTimeout(() => void this.#load().catch(() => {}), DEFERRED_MS).unref()
    return this.#deferred
  }

  /** Before the first look. */
  gauge(init: GaugeInit): void {
    this.#gauges.push(init)
  }

  async text(): Promise<string> {
    return (await this.#load()).metrics()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #load(): Promise<Registry> {
    this.#registry ??= this.#create()
    return this.#registry
  }

  async #create(): Promise<Registry> {
    const [client, { prometheusMetrics }] = await Promise.all([
      import('prom-client'),
      import('@libp2p/prometheus-metrics')
    ])
    const registry = new client.Registry()
    for (const gauge of this.#gauges) addGauge(client, registry, gauge)
    if (this.#components === undefined) return registry
    // The module keeps metrics by name for the whole process, so a second node would be given the first
    // one's; it forgets them by clearing, which clears prom-client's shared registry as well. That one may
    // be in use by the program around.
    const kept = client.register.getMetricsAsArray()
    const metrics = prometheusMetrics({
      registry,
      defaultMetrics: { eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS },
      statfsLocation: this.#folder
    })(this.#components)
    for (const metric of kept) client.register.registerMetric(metric as never)
    this.#deferred.become(metrics)
    return registry
  }
}

function addGauge(client: typeof import('prom-client'), registry: Registry, init: GaugeInit): void {
  const { name, help, label, read } = init
  new client.Gauge({
    name,
    help,
    labelNames: label === undefined ? [] : [label],
    registers: [registry],
    collect() {
      const value = read()
      if (typeof value === 'number') return this.set(value)
      // Labels that are gone would stay at their last value.
      this.reset()
      for (const [key, number] of Object.entries(value)) this.set({ [label!]: key }, number)
    }
  })
}
