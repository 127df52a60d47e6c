/** Results are files, and may be those of strangers: what stands in them is text, and has bounds. */
import {
  PARTS_MAX,
  type PartResults,
  POINTS_MAX,
  type PointResults,
  PUBLISHED_MAX,
  type StudyResults
} from '@servent/lab'
import { beforeAll, describe, expect, it } from 'vitest'
import { checkedStudies } from '../src/check.ts'
import { type Report, reportOf } from '../src/index.ts'
import {
  CURVE_POINTS_MAX,
  KINDS_MAX,
  NAME_CHARACTERS_MAX,
  RESULTS_VALUES_MAX,
  STUDIES_MAX,
  TEXT_CHARACTERS_MAX,
  WARNINGS_MAX
} from '../src/limits.ts'
import { FIGURES } from '../src/measures.ts'
import { changed, studyOf } from './support/studies.ts'

let study: StudyResults
beforeAll(async () => {
  study = await studyOf(`
title: Small
about: Two sizes
parts:
  - name: sizes
    title: Sizes
    about: Of networks
    overlays: [chord, gnutella]
    nodes: [8, 12]
    lookups: 10
    duration: 20
    warmup: 20
    grid: {chord: {successors: [2, 4]}}
  - {name: words, overlays: [chord], nodes: 8, searches: 3, lookups: 0, duration: 20, warmup: 20}
`)
}, 60_000)

const HOSTILE = `"'><script>alert(1)</script><img src=x onerror=alert(2)>]]>--><style>*{color:red}</style>&amp;\u202e\u0007`

/** With a hostile text wherever the schema takes any, and as a key wherever it takes any. */
function poisoned(original: StudyResults): StudyResults {
  const copy = structuredClone(original) as unknown as Record<string, unknown>
  const closed = new Set([
    'schema',
    'overlay',
    'against',
    'backend',
    'fingerprint',
    'varies',
    'figure',
    'workload',
    'sharing',
    'demand',
    'start',
    'id',
    'key',
    'message',
    'role',
    'way'
  ])
  const walk = (value: unknown, key: string): unknown => {
    if (closed.has(key) || key === 'overlays' || key === 'lies') return value
    if (typeof value === 'string') return `${HOSTILE} ${value}`
    if (Array.isArray(value)) return value.map(each => walk(each, key))
    if (value === null || typeof value !== 'object') return value
    const isOpen = ['set', 'by_type', 'settings'].includes(key)
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => {
        // The keys of settings of a plan are short.
        const isKey = isOpen && name !== 'overlays' && !(key === 'set' && name.length > 30)
        return [
          isKey && key !== 'set' ? `${HOSTILE} ${name}` : name,
          isKey && key === 'set' ? inner : walk(inner, name)
        ]
      })
    )
  }
  return walk(copy, '') as StudyResults
}

describe('texts of others', () => {
  let report: Report
  beforeAll(async () => {
    report = await reportOf([poisoned(study)])
  })

  it('are text on the page, in plots, and in the names of files', () => {
    expect(report.html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    const pictures = report.pictures.map(({ svg }) => svg)
    expect(pictures).toHaveLength(2)
    expect(report.html).toContain('the file “&quot;&#39;&gt;&lt;script&gt;')
    for (const text of [report.html, ...report.plots.map(({ svg }) => svg), ...pictures]) {
      expect(text).not.toMatch(/<script/i)
      expect(text).not.toMatch(/<img/i)
      expect(text.match(/<style/g)).toHaveLength(1)
      expect(text.match(/<[^>"]*onerror=/)).toBeNull()
      // Neither what turns the direction of text around, nor what XML has no place for.
      expect(text).not.toMatch(/[\0-\x08\u202a-\u202e]/)
    }
    for (const { name } of report.plots) expect(name).toMatch(/^[a-z0-9][a-z0-9-]*$/)
  })

  it('are no part of an expression, which Vega would carry out', () => {
    for (const { spec } of report.plots) {
      const { data, ...rest } = spec as unknown as Record<string, unknown>
      const expressions: string[] = []
      JSON.stringify(rest, (key, value) => {
        if (
          (key === 'labelExpr' || key === 'test' || key === 'calculate' || key === 'filter') &&
          typeof value === 'string'
        )
          expressions.push(value)
        return value
      })
      expect(expressions.filter(text => text.includes('script'))).toEqual([])
      expect(data).toHaveProperty('values')
    }
  })

  it('names of the language itself are names like others', async () => {
    const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'undefined', 'null', 'true', '']
    const strange = structuredClone(study)
    for (const { points } of strange.parts)
      for (const { results } of points) {
        const bytes = results.bytes_per_node_per_s!
        bytes.by_type = Object.fromEntries(names.map(name => [name, bytes.mean / names.length]))
      }
    const all = await reportOf(names.map(name => changed(strange, { name, title: name })))
    expect(all.html).toContain('__proto__')
    expect(all.plots.length).toBeGreaterThan(3)
  }, 60_000)

  it('names of plots have 64 characters at most, and no two are alike', async () => {
    const long = structuredClone(study)
    const [first, second] = long.parts as [StudyResults['parts'][0], StudyResults['parts'][0]]
    first.name = `${'x'.repeat(200)}1`
    second.name = `${'x'.repeat(200)}2`
    const { plots } = await reportOf([long])
    expect(Math.max(...plots.map(({ name }) => name.length))).toBe(NAME_CHARACTERS_MAX)
    expect(new Set(plots.map(({ name }) => name)).size).toBe(plots.length)
  })
})

describe('bounds', () => {
  const refusal = (studies: readonly StudyResults[]) => {
    try {
      checkedStudies(studies)
    } catch (error) {
      expect((error as Error).name).toBe('ReportError')
      // A terminal shows it.
      expect((error as Error).message).not.toMatch(/[\0-\x1f\u202e]/)
      return (error as Error).message
    }
    return undefined
  }
  const [empty] = [() => changed(study, { parts: [] })]

  it('there is something to report', () => {
    expect(refusal([])).toContain('nothing to report')
    expect(refusal([empty()])).toContain('no points')
  })

  it('as many studies as stand beside each other', () => {
    expect(refusal(Array.from({ length: STUDIES_MAX }, () => study))).toBeUndefined()
    expect(refusal(Array.from({ length: STUDIES_MAX + 1 }, () => study))).toContain(
      '8 studies side by side at most'
    )
  })

  it('as many parts and points as a study has', () => {
    const [, words] = study.parts
    const parts = (count: number) =>
      changed(study, { parts: Array.from({ length: count }, (_, at) => ({ ...words!, name: `part-${at}` })) })
    expect(refusal([parts(PARTS_MAX)])).toBeUndefined()
    expect(refusal([parts(PARTS_MAX + 1)])).toContain('33 parts')
    const points = (count: number) =>
      changed(study, {
        parts: [{ ...words!, points: Array.from({ length: count }, () => words!.points[0]!) }]
      })
    expect(refusal([points(POINTS_MAX)])).toBeUndefined()
    expect(refusal([points(POINTS_MAX + 1)])).toContain('2001 points')
  }, 60_000)

  it('as long curves, and as many kinds, settings, warnings and figures of others, as networks have', () => {
    const filled = (fill: (point: PointResults, part: PartResults) => void) => {
      const full = structuredClone(study)
      fill(full.parts[0]!.points[0]!, full.parts[0]!)
      return refusal([full])
    }
    const list = <T>(length: number, of: T): T[] => Array.from({ length }, () => of)
    const keys = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`key-${at}`, 1]))
    const cases: readonly [
      limit: number,
      fill: (size: number) => (point: PointResults, part: PartResults) => void,
      why: string
    ][] = [
      [
        CURVE_POINTS_MAX,
        size => point => {
          point.curves.hops = list(size, [1, 0])
        },
        'steps in a curve of hops'
      ],
      [
        CURVE_POINTS_MAX,
        size => point => {
          point.curves.latency_ms = list(size, 1)
        },
        'quantiles of latency'
      ],
      [
        CURVE_POINTS_MAX,
        size => point => {
          point.curves.load = list(size, 1)
        },
        'steps in a curve of load'
      ],
      [
        CURVE_POINTS_MAX,
        size => point => {
          point.results.topology!.degrees = list(size, [1, 1])
        },
        'numbers of links'
      ],
      [
        KINDS_MAX,
        size => point => {
          point.results.bytes_per_node_per_s!.by_type = keys(size)
        },
        'kinds of messages'
      ],
      [
        KINDS_MAX,
        size => point => {
          point.results.settings = keys(size)
        },
        'settings'
      ],
      [
        WARNINGS_MAX,
        size => point => {
          point.results.warnings = list(size, 'late')
        },
        'warnings'
      ],
      [
        PUBLISHED_MAX,
        size => (_, part) => {
          const one = {
            overlay: 'chord',
            at: {},
            set: {},
            figure: 'hops',
            value: 1,
            source: 'x',
            median: 1,
            ci95: null
          } as const
          part.published = list(size, { ...one, at: {}, set: {}, ci95: null })
        },
        'published figures'
      ]
    ]
    for (const [limit, fill, why] of cases) {
      expect(filled(fill(limit)), why).toBeUndefined()
      expect(filled(fill(limit + 1))).toContain(`${limit + 1} ${why}`)
    }
    const { points, paired } = study.parts[0]!
    const [one] = [
      {
        ...paired[0]!,
        overlay: 'chord',
        against: 'gnutella',
        at: {},
        figure: 'hops',
        median: 1,
        ci95: null
      } as const
    ]
    const pairs = (count: number) =>
      filled((_, part) => {
        part.paired = list(count, { ...one, at: {}, ci95: null })
      })
    expect(pairs(points.length * FIGURES.length)).toBeUndefined()
    expect(pairs(points.length * FIGURES.length + 1)).toContain('more comparisons')
  }, 60_000)

  it('the longest curves are drawn', async () => {
    const long = structuredClone(study)
    for (const { curves, results } of long.parts[1]!.points) {
      curves.load = Array.from({ length: CURVE_POINTS_MAX }, (_, at) => at / (CURVE_POINTS_MAX - 1))
      results.topology!.degrees = Array.from({ length: CURVE_POINTS_MAX }, (_, at) => [at, 1])
    }
    const { plots } = await reportOf([changed(long, { parts: [long.parts[1]!] })])
    expect(plots.map(({ name }) => name)).toContain('words-degrees')
  }, 60_000)

  it('two parts of one name are no study', () => {
    expect(refusal([changed(study, { parts: [study.parts[0]!, study.parts[0]!] })])).toContain(
      'two parts of the name'
    )
  })

  it('as long a text as a plan file has', () => {
    expect(refusal([changed(study, { title: 'x'.repeat(TEXT_CHARACTERS_MAX) })])).toBeUndefined()
    expect(refusal([changed(study, { title: 'x'.repeat(TEXT_CHARACTERS_MAX + 1) })])).toContain(
      'a text of 4097'
    )
  })

  it('as many values as runs leave behind', () => {
    const values = (value: unknown): number =>
      1 +
      (value === null || typeof value !== 'object'
        ? 0
        : Object.values(value).reduce((sum, inner) => sum + values(inner), 0) +
          (Array.isArray(value) ? 0 : Object.keys(value).length))
    const filled = (more: number) => {
      const full = structuredClone(study)
      const point = full.parts[0]!.points[0]!
      const left = RESULTS_VALUES_MAX - values(full) + point.figures.hops.runs.length + more
      point.figures.hops.runs = new Array(left).fill(1)
      return full
    }
    expect(refusal([filled(0)])).toBeUndefined()
    expect(refusal([filled(1)])).toContain(`more than ${RESULTS_VALUES_MAX} values`)
  }, 60_000)

  it('what varies is a field of a plan', () => {
    const strange = structuredClone(study)
    strange.parts[0]!.varies = ['constructor\x1b[31m']
    expect(refusal([strange])).toContain('a part sizes in which constructor\ufffd[31m varies')
  })

  it('what is not of the schema is refused by its place', () => {
    expect(refusal([{ ...study, schema: 'servent-lab/1' } as never])).toContain('/schema')
    expect(refusal([study, { ...study, parts: 5 } as never])).toMatch(/Results 2 of 2 .*\/parts/)
    expect(refusal([null as never])).toContain('are not of the schema')
  })
})
