/** One Prometheus registry for a node: the process, libp2p, overlays, library and transfers. */
import type { ComponentLogger, Metrics } from '@libp2p/interface'
import { prometheusMetrics } from '@libp2p/prometheus-metrics'
import { Gauge, Registry, register as sharedRegistry } from 'prom-client'

/** The event loop's delay is sampled this often; prom-client's 10 ms wakes an idle machine a hundred times a second. */
const EVENT_LOOP_SAMPLE_MS = 100

/** What a gauge shows, by its name and help, each read when somebody scrapes. */
export interface GaugeInit {
  readonly name: string
  readonly help: string
  readonly label?: string
  /** One number, or one for each value of the label. */
  readonly read: () => number | Readonly<Record<string, number>>
}

export class NodeMetrics {
  readonly registry = new Registry()
  readonly #folder: string

  /** `folder` is the one whose disk is reported. */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** The `metrics` component of libp2p. */
  component(components: { logger: ComponentLogger }): Metrics {
    // The module keeps metrics by name for the whole process, so a second node would be given the first
    // one's; it forgets them by clearing, which clears prom-client's shared registry as well. That one may
    // be in use by the program around.
    const kept = sharedRegistry.getMetricsAsArray()
    const metrics = prometheusMetrics({
      registry: this.registry,
      defaultMetrics: { eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS },
      statfsLocation: this.#folder
    })(components)
    for (const metric of kept) sharedRegistry.registerMetric(metric as never)
    return metrics
  }

  gauge({ name, help, label, read }: GaugeInit): void {
    new Gauge({
      name,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [this.registry],
      collect() {
        const value = read()
        if (typeof value === 'number') return this.set(value)
        // Labels that are gone would stay at their last value.
        this.reset()
        for (const [key, number] of Object.entries(value)) this.set({ [label!]: key }, number)
      }
    })
  }

  text(): Promise<string> {
    return this.registry.metrics()
  }
}
