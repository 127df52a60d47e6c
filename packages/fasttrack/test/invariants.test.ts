/** Laws of whole networks under churn, watched by somebody who sees everybody; and for each a mutant that breaks it. */
import { beginChurn, churnProcess, type NodeIndex, type Population } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { lostFiles, wrongAnswers, wrongOwners, wrongRatio, wrongSizes, wrongUploads } from './laws.ts'
import { FastTrackWorld, type WorldInit } from './world.ts'
import { type Wrapping, wrapped } from './wrapped.ts'

const TARGET = 8
const PEERS = 64

interface Watched {
  readonly world: FastTrackWorld
  readonly wrongs: string[]
  readonly settled: Set<NodeIndex>
}

/** Grows a network, and looks at it every second while `during` goes on for so long. */
function watch(
  init: Partial<WorldInit> & { mutant?: (node: NodeIndex) => Wrapping; seed: string },
  seconds: number,
  during: (world: FastTrackWorld) => void = () => {}
): Watched {
  const answers = new Map<string, Map<number, number>>()
  const { mutant, ...rest } = init
  const world = new FastTrackWorld({
    settings: () => ({ ordinariesPerSupernode: TARGET }),
    filesOf: node => [{ name: `common tune ${node}.flac` }, { name: `rare ${node}.flac` }],
    ...rest,
    wrap: (machine, node) => {
      const own = mutant?.(node) ?? {}
      return wrapped(machine, {
        ...own,
        onAsk: question => {
          own.onAsk?.(question)
          const key =
            question.type === 'index-search'
              ? question.query.words.find(word => /^ask/.test(word))
              : undefined
          if (key === undefined) return
          const byNode = answers.get(key) ?? new Map()
          answers.set(key, byNode)
          byNode.set(node, (byNode.get(node) ?? 0) + 1)
        }
      })
    }
  })
  const nodes = [world.add()]
  for (let count = 1; count < PEERS; count += 1) {
    world.run(2)
    nodes.push(world.add(nodes[(count * 7) % nodes.length]!))
  }
  world.run(240)
  const settled = new Set<NodeIndex>()
  const wrongs: string[] = []
  during(world)
  for (let second = 0; second < seconds; second += 1) {
    const asker = world.simulation.pickAlive(world.simulation.random.of('askers'))!
    const search = world.search(asker, `ask${second} tune`)
    world.run(1)
    world.endSearch(search)
    for (const node of world.simulation.aliveNodes())
      if (world.tables(node).announced.isComplete) settled.add(node)
    wrongs.push(...wrongUploads(world), ...wrongSizes(world, TARGET))
    if (second % 20 === 0) {
      // Removals that are under way end before anybody looks.
      world.run(0.01)
      wrongs.push(...wrongOwners(world))
    }
  }
  wrongs.push(...wrongRatio(world, TARGET), ...wrongAnswers(answers))
  return { world, wrongs, settled }
}

/** Peers that come as a test's do, and go as crashes or in good order. */
function population(world: FastTrackWorld): Population {
  const { simulation } = world
  return {
    get nowUs() {
      return simulation.nowUs
    },
    get size() {
      return simulation.size
    },
    get aliveCount() {
      return simulation.aliveCount
    },
    random: simulation.random,
    addNode: () => simulation.addNode(),
    start: node => world.start(node),
    stop: node => simulation.stop(node),
    crash: node => simulation.crash(node),
    revive: () => {},
    contact: (node, other) => simulation.contact(node, other),
    alive: node => simulation.alive(node),
    aliveNodes: () => simulation.aliveNodes(),
    pickAlive: random => simulation.pickAlive(random),
    at: (us, act) => simulation.at(us, act)
  }
}

const churn = (world: FastTrackWorld) => {
  beginChurn(population(world), churnProcess('exp:10m/constant:1s'), { contacts: 2, orderlyShare: 0.5 })
}

/** Peers that go one after the other make their supernodes have too few users. */
const shrink = (world: FastTrackWorld) => {
  const ordinaries = world.ordinaries()
  for (const [place, node] of ordinaries.entries()) {
    if (place % 4 === 0) continue
    world.simulation.after(place * 2_000_000, () => {
      if (world.simulation.alive(node) && world.tables(node).role === 'ordinary') world.simulation.stop(node)
    })
  }
}

/** Closely while somebody hands over: what is lost then may be back in a tenth of a second. */
const lookAgainUs = (world: FastTrackWorld): number =>
  world.supernodes().some(node => world.tables(node).steppingDown) ? 40_000 : 500_000

describe('a network under churn', () => {
  it('keeps its laws, while peers and supernodes come and go', () => {
    const { wrongs, world } = watch({ seed: 'churn' }, 300, churn)
    expect(wrongs).toEqual([])
    expect(world.supernodes().length).toBeGreaterThan(3)
  }, 60_000)

  it('finds what is shared soon after its sharer came', () => {
    const { world } = watch({ seed: 'found' }, 60, churn)
    world.run(30)
    const askers = world.ordinaries().filter(node => world.tables(node).supernode !== null)
    let found = 0
    let asked = 0
    for (const node of world.ordinaries().slice(0, 30)) {
      if (!world.tables(node).announced.isComplete) continue
      const asker = askers.find(other => other !== node && world.simulation.alive(other))!
      const search = world.search(asker, `rare ${node}`)
      world.run(4)
      asked += 1
      if (search.found.has(`rare ${node}.flac@${node}`) || !world.simulation.alive(node)) found += 1
      world.endSearch(search)
    }
    expect(asked).toBeGreaterThan(20)
    expect(found / asked).toBeGreaterThan(0.9)
  }, 60_000)
})

describe('a network that shrinks', () => {
  it('has supernodes step down, and loses no file of anybody while they hand over', () => {
    const lost: string[] = []
    const settled = new Set<NodeIndex>()
    const { world, wrongs } = watch({ seed: 'shrink' }, 600, network => {
      for (const node of network.simulation.aliveNodes()) settled.add(node)
      shrink(network)
      const look = () => {
        lost.push(...lostFiles(network, settled))
        network.simulation.after(lookAgainUs(network), look)
      }
      look()
    })
    expect(lost).toEqual([])
    expect(wrongs).toEqual([])
    const demotions = world.simulation
      .aliveNodes()
      .reduce((sum, node) => sum + world.tables(node).counters.demotions!, 0)
    expect(demotions).toBeGreaterThan(0)
  }, 60_000)
})

describe('a mutant', () => {
  it('that acknowledges what it does not index breaks F1', () => {
    let forgets = 0
    const { wrongs } = watch(
      {
        seed: 'f1',
        tamper: question => {
          if (question.type !== 'index-add') return undefined
          forgets += 1
          return forgets % 5 === 0 ? { type: 'index-added', files: question.files.length } : undefined
        }
      },
      5
    )
    expect(wrongs.some(wrong => wrong.startsWith('F1'))).toBe(true)
  }, 60_000)

  it('that does not forget those that went breaks F2', () => {
    const { wrongs } = watch(
      {
        seed: 'f2',
        tamper: question =>
          question.type === 'index-remove-owner' ? { type: 'index-removed', files: 0 } : undefined
      },
      120,
      churn
    )
    expect(wrongs.some(wrong => wrong.startsWith('F2'))).toBe(true)
  }, 60_000)

  it('that ends the links of those that it hands over breaks F3', () => {
    const lost: string[] = []
    watch(
      {
        seed: 'shrink',
        mutant: () => ({
          onSend: (link, message, effects) => {
            if (message.type === 'hand-over') effects.close(link, 'A mutant')
            return true
          }
        })
      },
      600,
      network => {
        const settled = new Set(network.simulation.aliveNodes())
        shrink(network)
        const look = () => {
          lost.push(...lostFiles(network, settled))
          network.simulation.after(lookAgainUs(network), look)
        }
        look()
      }
    )
    expect(lost.length).toBeGreaterThan(0)
  }, 60_000)

  it('that promotes nobody breaks F4', () => {
    const { wrongs } = watch(
      {
        seed: 'f4',
        isReachable: node => node === 0,
        mutant: () => ({ onSend: (_link, message) => message.type !== 'promote' })
      },
      2
    )
    expect(wrongs.some(wrong => wrong.startsWith('F4'))).toBe(true)
  }, 60_000)

  it('that gives a query another id at each step breaks F5', () => {
    let ids = 0
    const { wrongs } = watch(
      {
        seed: 'f5',
        mutant: () => ({
          onInput: input => {
            if (input.type !== 'message' || input.message.type !== 'query') return input
            ids += 1
            return { ...input, message: { ...input.message, id: ids.toString(16).padStart(32, '0') } }
          }
        })
      },
      20
    )
    expect(wrongs.some(wrong => wrong.startsWith('F5'))).toBe(true)
  }, 60_000)
})
