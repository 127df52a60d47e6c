/** The table of links against a map. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { randomOf } from '../src/index.ts'
import { type End, Links, UP } from '../src/links.ts'

const NODES = 12

test("ends are found by their two nodes, and a node's ends are counted, whatever came and went", () => {
  const pair = fc.tuple(fc.nat({ max: NODES - 1 }), fc.nat({ max: NODES - 1 })).filter(([a, b]) => a !== b)
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 400 }), pairs => {
      const links = new Links()
      links.hold(NODES)
      const known = new Map<string, End>()
      for (const [a, b] of pairs) {
        const end = known.get(`${a}-${b}`)
        if (end === undefined) {
          const made = links.allocate(a, b)
          for (const own of [made, made + 1]) {
            links.setState(own, UP)
            links.enter(own)
          }
          known.set(`${a}-${b}`, made).set(`${b}-${a}`, made + 1)
        } else {
          const link = links.id(end)
          links.leave(end)
          expect(links.has(link)).toBe(true)
          links.leave(end ^ 1)
          expect(links.has(link)).toBe(false)
          known.delete(`${a}-${b}`)
          known.delete(`${b}-${a}`)
        }
      }
      for (let a = 0; a < NODES; a += 1) {
        const others: number[] = []
        for (let b = 0; b < NODES; b += 1) {
          expect(links.find(a, b)).toBe(known.get(`${a}-${b}`) ?? -1)
          if (known.has(`${a}-${b}`)) others.push(b)
        }
        expect(links.counts[a]).toBe(others.length)
        const ends = links.endsOf(a)
        expect(ends.map(end => links.owner(end))).toEqual(others.map(() => a))
        expect(ends.map(end => links.other(end)).toSorted((one, other) => one - other)).toEqual(others)
        expect(links.inboundCounts[a]).toBe(ends.filter(end => (end & 1) === 1).length)
      }
    }),
    { numRuns: 200 }
  )
})

test('the table grows with its links', () => {
  const links = new Links()
  const nodes = 3_000
  links.hold(nodes)
  for (let node = 1; node < nodes; node += 1) {
    const end = links.allocate(0, node)
    links.enter(end)
    links.enter(end + 1)
  }
  for (let node = 1; node < nodes; node += 1) {
    expect(links.other(links.find(0, node))).toBe(node)
    expect(links.find(node, 0)).toBe(links.find(0, node) + 1)
  }
  expect(links.counts[0]).toBe(nodes - 1)
})

test('a crowded table finds each end, through thousands of comings and goings', () => {
  const random = randomOf('crowded')
  const links = new Links()
  const nodes = 60
  links.hold(nodes)
  const ends = new Map<number, End>()
  for (let step = 0; step < 8_000; step += 1) {
    const [a, b] = [random.below(nodes), random.below(nodes)]
    if (a >= b) continue
    const end = ends.get(a * nodes + b)
    if (end === undefined) {
      const made = links.allocate(a, b)
      for (const own of [made, made + 1]) {
        links.setState(own, UP)
        links.enter(own)
      }
      ends.set(a * nodes + b, made)
    } else {
      ends.delete(a * nodes + b)
      for (const own of [end, end + 1]) links.leave(own)
    }
  }
  expect(ends.size).toBeGreaterThan(800)
  for (let a = 0; a < nodes; a += 1) {
    for (let b = a + 1; b < nodes; b += 1) {
      const end = ends.get(a * nodes + b)
      expect(links.find(a, b)).toBe(end ?? -1)
      expect(links.find(b, a)).toBe(end === undefined ? -1 : end + 1)
    }
  }
})
