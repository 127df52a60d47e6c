/**
 * What is published of Kelips, by section of Gupta et al., IPTPS 2003, at sizes that run in a minute; the paper's own
 * thousand peers are in `paper.full.test.ts`.
 */
import { describe, expect, it } from 'vitest'
import { LifeTable } from '../src/life-table.ts'
import { groupOf, KELIPS_SETTINGS, levelFor, TUPLES_MAX } from '../src/machine.ts'
import { TupleTable } from '../src/tuple-table.ts'
import {
  curveText,
  insertTries,
  killHalf,
  lookUp,
  quiet,
  ROUND_US,
  spread,
  spreadCurve
} from './support/experiments.ts'
import { keyOf } from './support/workload.ts'

/** Tables at one of 100,000 peers with 10,000,000 files: rows with their index, and signatures beside them. */
function memoryOf(groups: number, members: number, files: number, signature: Uint8Array) {
  const view = new LifeTable(16_384, 8, peer => keyOf(`${peer}`))
  const contacts = new LifeTable(16_384, 8, peer => keyOf(`${peer}`))
  const tuples = new TupleTable(60_000, 8)
  const life = { startS: 1, beat: 1, value: new Uint8Array(16), signature, level: 8 }
  for (let peer = 1; peer <= members; peer += 1) view.add(peer, life, 0)
  for (let peer = 1; peer <= 2 * (groups - 1); peer += 1) contacts.add(peer, life, 0)
  const none = { expiresMs: 1000, withdrawn: false, signature }
  for (let file = 0; file < files; file += 1) {
    // Cheap keys that differ in the bytes by which they are found.
    const prefix = new Uint8Array(16)
    new DataView(prefix.buffer).setUint32(4, Math.imul(file, 0x9e3779b1))
    tuples.add({ kind: 'provider', prefix, sequence: 1, ...none }, 1 + (file % 1000))
  }
  const tables = [view, contacts, tuples]
  return {
    tables: tables.reduce((sum, { byteLength }) => sum + byteLength, 0),
    signatures: tables.reduce((sum, { signatureBytes }) => sum + signatureBytes, 0)
  }
}

describe('section 2, memory: at 100,000 peers and 10,000,000 files a peer keeps 1.93 MB in the paper', () => {
  it.each([
    ['the paper’s 317 groups', 317, 316, 31_546],
    ['the 256 that there are here', 256, 390, 39_063]
  ])(
    'and less here without signatures, which the paper’s entries have not, and more with them: %s',
    (...where) => {
      const [name, ...sizes] = where
      const bare = memoryOf(...sizes, new Uint8Array(0))
      const signed = memoryOf(...sizes, new Uint8Array(64))
      const mb = (bytes: number) => (bytes / 1e6).toFixed(2)
      console.log(`${name}: ${mb(bare.tables)} MB, and ${mb(signed.signatures)} MB of signatures`)
      expect(bare.signatures).toBe(0)
      expect(signed.tables).toBe(bare.tables)
      expect(bare.tables).toBeLessThan(1_930_000)
      expect(signed.tables + signed.signatures).toBeGreaterThan(1_930_000)
      expect(signed.tables + signed.signatures).toBeLessThan(3 * 1_930_000)
    }
  )

  it('files fit without their words, and of those with five words of their own one in four', () => {
    const groups = 2 ** levelFor(Math.log2(100_000))
    const files = 10_000_000
    expect(files / groups).toBeLessThan(TUPLES_MAX)
    // A tuple for the file, and one for each of its words.
    expect((groups * TUPLES_MAX) / (1 + 5)).toBe(2_560_000)
  })
})

it('section 2.2, lookups: one hop in the common case, and none in the own group', () => {
  const level = 4
  const { issued, correct, hops } = lookUp(quiet('one hop', 256, level), 600)
  expect(correct).toBe(issued)
  expect(hops.length).toBe(2)
  expect(Math.abs(hops[0]! / issued - 2 ** -level)).toBeLessThan(0.04)
})

it('section 2.3, inserts: one try each where all live, and where half died as few as chance has it', () => {
  const still = quiet('inserts', 256, 4)
  expect(insertTries(still, 100)).toEqual({ tries: [400, 0, 0, 0], failed: 0 })
  for (const node of still.nodes.filter((_, at) => at % 2 === 1)) still.network.simulation.silence(node)
  const { tries, failed } = insertTries(still, 100)
  console.log(
    `after half died: ${tries.join(', ')} copies in 1 to 4 tries, ${failed} of 100 values not placed`
  )
  // A member drawn at random is dead every second time: half of the copies at the first try, a quarter at the second.
  const placed = tries.reduce((sum, count) => sum + count, 0)
  expect(tries[0]! / placed).toBeGreaterThan(0.4)
  expect((tries[0]! + tries[1]!) / placed).toBeGreaterThan(0.65)
  expect(failed).toBeLessThan(35)
})

it('section 3, spread of a new tuple: each doubling of the group takes less than a round more', () => {
  const { points, slope } = spreadCurve(
    ['a', 'b'],
    [
      [64, 2],
      [128, 2],
      [256, 2]
    ]
  )
  console.log(`${curveText(points)}; ${slope.toFixed(2)} rounds a doubling`)
  expect(slope).toBeLessThan(1)
  expect(Math.max(...points.map(({ all }) => all))).toBeLessThan(6)
  // As news, within less than one.
  expect(spread('news', 256, 4, {}).all).toBeLessThan(1)
})

it('section 3, bandwidth: what is sent does not depend on what happens, and never passes its bound', () => {
  const { network, nodes, work } = quiet('bandwidth', 128, 3, { gossipBytesPerS: 1024 })
  const { simulation } = network
  for (const node of nodes)
    for (let file = 0; file < 4; file += 1)
      work.publish(node, work.record(node, 'provider', keyOf(`${node} ${file}`)))
  const sentBy = () => nodes.map(node => network.machine(node).state.counters.gossipBytes)
  const before = sentBy()
  simulation.runFor(30 * ROUND_US)
  const seconds = (30 * ROUND_US) / 1_000_000
  // What was saved up before may go at once.
  for (const [at, bytes] of sentBy().entries())
    expect(bytes - before[at]!).toBeLessThanOrEqual(1024 * seconds + 16_384)
})

it('section 4, failures: half of all die, and lookups fail only where no provider lives; views are right within 40 rounds, and stay so', () => {
  const { found, missed, ghosts, settledRounds, missingMost } = killHalf('half', 128, 3)
  console.log(`${found} found, ${missed} missed, views settled after ${settledRounds} rounds`)
  expect(found).toBeGreaterThan(40)
  expect({ missed, ghosts, missingMost }).toEqual({ missed: 0, ghosts: 0, missingMost: 0 })
  expect(settledRounds).toBeLessThanOrEqual(40)
})

it('section 4, load: what peers are homenodes of falls off faster than exponentially', () => {
  const still = quiet('load', 128, 2, { replicas: 1 })
  insertTries(still, 512)
  const held = still.nodes.map(node => still.network.machine(node).snapshot().store.byKind.value!.records)
  // 4 on average: of a Poisson distribution one in a hundred thousand has more than 16.
  expect(held.reduce((sum, count) => sum + count, 0)).toBe(512)
  expect(Math.max(...held)).toBeLessThanOrEqual(16)
})

it('section 2, groups: as many as the root of the peers, each of about as many', () => {
  const { network, nodes } = quiet('groups', 256, 4, {}, 1)
  const sizes = Array.from({ length: 16 }, () => 0)
  for (const node of nodes) sizes[groupOf(network.simulation.keyOf(node), 4)]! += 1
  expect(Math.max(...sizes)).toBeLessThan(32)
  const { members, contacts } = network.machine(nodes[0]!).snapshot()
  expect(members.length).toBe(sizes[groupOf(network.simulation.keyOf(nodes[0]!), 4)]! - 1)
  expect(contacts.length).toBe(15 * KELIPS_SETTINGS.contacts)
})
