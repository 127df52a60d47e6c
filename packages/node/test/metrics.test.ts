import { tmpdir } from 'node:os'
import type { Metrics } from '@libp2p/interface'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { DEFERRED_CALLS_MAX, DeferredMetrics } from '../src/deferred-metrics.ts'
import { componentLogger } from '../src/libp2p-log.ts'
import { NodeMetrics } from '../src/metrics.ts'

const components = { logger: componentLogger(pino({ level: 'silent' })) }

test('what was counted before the client was loaded is in what it shows, and what is counted after, too', async () => {
  const metrics = new NodeMetrics(tmpdir())
  const early: Metrics = metrics.component(components)
  const counter = early.registerCounter('early_total')
  const group = early.registerMetricGroup('early_group', { label: 'kind' })
  early.registerMetric('early_calculated', { calculate: () => 7 })
  early.registerHistogram('early_histogram', { buckets: [1, 2] }).observe(1.5)
  const stop = early.registerSummary('early_summary').timer()
  counter.increment(2)
  group.update({ a: 1, b: 2 })
  stop()
  metrics.gauge({ name: 'own', help: 'of the node', label: 'state', read: () => ({ up: 3 }) })
  expect(await metrics.text()).toMatch(/^early_total 2$/m)
  counter.increment()
  group.increment({ a: true })
  early.registerCounter('late_total').increment(5)
  const text = await metrics.text()
  for (const line of [
    'early_total 3',
    'early_group{kind="a"} 2',
    'early_group{kind="b"} 2',
    'early_calculated 7',
    'late_total 5',
    'own{state="up"} 3'
  ]) {
    expect(text.split('\n')).toContain(line)
  }
  expect(text).toMatch(/^early_histogram_bucket\{le="2".*\} 1$/m)
  metrics.stop()
})

test('calls before that are bounded; registrations are not lost by it', () => {
  const seen: number[] = []
  const metrics = new DeferredMetrics()
  const counter = metrics.registerCounter('busy_total')
  for (let call = 1; call <= DEFERRED_CALLS_MAX + 1; call++) counter.increment(call)
  metrics.registerCounter('other_total')
  const registered: string[] = []
  metrics.become({
    registerCounter: (name: string) => {
      registered.push(name)
      return { increment: (value: number) => seen.push(value), reset() {} }
    }
  } as unknown as Metrics)
  expect(registered).toEqual(['busy_total', 'other_total'])
  expect([seen.length, seen.at(-1)]).toEqual([DEFERRED_CALLS_MAX, DEFERRED_CALLS_MAX])
})
