/**
 * libp2p's metrics component before there is one. libp2p wants it when it is made, and Prometheus' client
 * takes a tenth of a node's time to start; so what is registered, counted and tracked at first is kept here
 * and handed on once, in its order.
 */
import type { Metrics } from '@libp2p/interface'

/** Calls kept until then, over all metrics. A node is deferred for a second; what comes on top is lost. */
export const DEFERRED_CALLS_MAX = 4096

type Register = Exclude<keyof Metrics & `register${string}`, undefined>
type Options = { readonly calculate?: unknown } | undefined
/** Any of libp2p's kinds of metric: a method by its name. */
type AnyMetric = Readonly<Record<string, (...values: unknown[]) => unknown>>

export class DeferredMetrics implements Metrics {
  readonly #waiting: ((metrics: Metrics) => void)[] = []
  #metrics: Metrics | undefined
  #calls = 0

  /** Hands everything on. From then on this only passes calls through. */
  become(metrics: Metrics): void {
    this.#metrics = metrics
    for (const run of this.#waiting.splice(0)) run(metrics)
  }

  trackMultiaddrConnection: Metrics['trackMultiaddrConnection'] = connection => {
    this.#call(metrics => metrics.trackMultiaddrConnection(connection))
  }

  trackProtocolStream: Metrics['trackProtocolStream'] = stream => {
    this.#call(metrics => metrics.trackProtocolStream(stream))
  }

  registerMetric = this.#registrar('registerMetric') as Metrics['registerMetric']
  registerMetricGroup = this.#registrar('registerMetricGroup') as Metrics['registerMetricGroup']
  registerCounter = this.#registrar('registerCounter') as Metrics['registerCounter']
  registerCounterGroup = this.#registrar('registerCounterGroup') as Metrics['registerCounterGroup']
  registerHistogram = this.#registrar('registerHistogram') as Metrics['registerHistogram']
  registerHistogramGroup = this.#registrar('registerHistogramGroup') as Metrics['registerHistogramGroup']
  registerSummary = this.#registrar('registerSummary') as Metrics['registerSummary']
  registerSummaryGroup = this.#registrar('registerSummaryGroup') as Metrics['registerSummaryGroup']

  /** Prometheus' client traces nothing either. */
  createTrace(): undefined {
    return undefined
  }

  traceFunction<T extends (...values: never[]) => unknown>(_name: string, traced: T): T {
    return traced
  }

  #call(run: (metrics: Metrics) => void): void {
    if (this.#metrics !== undefined) {
      run(this.#metrics)
    } else if (this.#calls < DEFERRED_CALLS_MAX) {
      this.#calls += 1
      this.#waiting.push(run)
    }
  }

  /** Registrations are made by code, not by peers: all of them are kept. */
  #registrar(method: Register): (name: string, options?: Options) => unknown {
    return (name, options) => {
      const register = (metrics: Metrics) =>
        (metrics[method] as (name: string, options: Options) => AnyMetric | undefined)(name, options)
      if (this.#metrics !== undefined) return register(this.#metrics)
      let metric: AnyMetric | undefined
      this.#waiting.push(metrics => {
        metric = register(metrics)
      })
      // One that is calculated when somebody looks has no methods to call.
      if (options?.calculate !== undefined) return undefined
      const pass =
        (call: string) =>
        (...values: unknown[]): void => {
          if (metric !== undefined) metric[call]?.(...values)
          else this.#call(() => metric?.[call]?.(...values))
        }
      return {
        update: pass('update'),
        increment: pass('increment'),
        decrement: pass('decrement'),
        observe: pass('observe'),
        reset: pass('reset'),
        timer: (...values: unknown[]) => {
          const stop = metric?.timer?.(...values)
          return typeof stop === 'function' ? stop : () => {}
        }
      }
    }
  }
}
