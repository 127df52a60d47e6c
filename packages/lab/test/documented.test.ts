/** What `docs/lab.md` says is all that there is. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { SETTINGS } from '../src/overlays/settings.ts'
import { PlanSchema } from '../src/plan.ts'
import { ResultsSchema } from '../src/results.ts'
import { StudyResultsSchema } from '../src/study/study-results.ts'

const text = readFileSync(new URL('../../../docs/lab.md', import.meta.url), 'utf8')

/** Names of fields anywhere in a schema. */
function fieldsOf(schema: unknown): string[] {
  if (schema === null || typeof schema !== 'object') return []
  const { properties = {} } = schema as { readonly properties?: Readonly<Record<string, unknown>> }
  return [...Object.keys(properties), ...Object.values(schema).flatMap(fieldsOf)]
}

it('every field of results.json is described', () => {
  const { plan, ...rest } = ResultsSchema.properties
  const fields = new Set(Object.entries(rest).flatMap(([name, schema]) => [name, ...fieldsOf(schema)]))
  expect(fields.size).toBeGreaterThan(50)
  expect([...fields, 'plan'].filter(name => !text.includes(`\`${name}\``))).toEqual([])
})

it('every field of a study’s results.json is described', () => {
  const { host: _host, gates: _gates, ...rest } = StudyResultsSchema.properties
  const point = rest.parts.items.properties.points.items.properties
  const ofLab = new Set([...fieldsOf(point.results), ...fieldsOf(point.plan)])
  const fields = new Set(Object.entries(rest).flatMap(([name, schema]) => [name, ...fieldsOf(schema)]))
  const own = [...fields].filter(name => !ofLab.has(name))
  expect(own.length).toBeGreaterThan(15)
  expect(own.filter(name => !text.includes(`\`${name}\``))).toEqual([])
})

it('every field of a plan and every setting has its line', () => {
  const flags = Object.keys(PlanSchema.properties).map(name => `\`--${name} `)
  expect(flags.filter(flag => !text.includes(flag))).toEqual([])
  const settings = Object.entries(SETTINGS).flatMap(([overlay, all]) =>
    Object.keys(all).map(key => `\`${overlay}.${key}\``)
  )
  expect(settings.filter(name => !text.includes(name))).toEqual([])
})
