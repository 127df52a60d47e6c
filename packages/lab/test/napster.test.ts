/** Napster's adapter against what it measures: truth, costs, servers that die, roles, repair. */
import { NapsterMachine, type NapsterSettings, type NapsterTypes } from '@servent/napster/machine'
import { type Link, type Machine, SELF } from '@servent/overlay/machine'
import { latencyModel, type NodeIndex, randomOf } from '@servent/simulator'
import { Errors } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import type { LookupOutcome, SearchOutcome } from '../src/deployment.ts'
import { fingerprintOf } from '../src/fingerprint.ts'
import { NapsterDeployment } from '../src/overlays/napster.ts'
import { PassedEffects } from '../src/overlays/observed.ts'
import { type OverlayId, settingsOf } from '../src/overlays/settings.ts'
import { Peers } from '../src/peers.ts'
import { Places } from '../src/places.ts'
import { type PlanInput, resolvePlan } from '../src/plan.ts'
import { ResultsSchema } from '../src/results.ts'
import { runOnce } from '../src/run.ts'
import { summariseOverlay } from '../src/summary.ts'
import { lookUpAll as lookUpAllIn, net as netOf, world } from './deployed.ts'

interface Net {
  readonly deployment: NapsterDeployment
  readonly places: Places
  readonly peers: Peers
}
type MachineOf = (settings: Partial<NapsterSettings>) => Machine<NapsterTypes>

function net(
  set: Record<string, number | string> = {},
  { frozen = false, machineOf }: { frozen?: boolean; machineOf?: MachineOf } = {}
): Net {
  const made = netOf('napster', init => new NapsterDeployment(init, machineOf), set, { frozen })
  return { ...made, deployment: made.deployment as NapsterDeployment }
}

const lookUpAll = (made: Net): LookupOutcome[] => lookUpAllIn(made)

function searchAll({ deployment, places }: Net): SearchOutcome[] {
  const outcomes = world.searches.map(ask => {
    const outcome = deployment.search(places.choose(ask.chooser, () => true)!, ask, () => {})
    deployment.simulation.runFor(1_000_000)
    return outcome
  })
  deployment.simulation.runFor(10_000_000)
  return outcomes
}

const sum = (outcomes: readonly SearchOutcome[], of: 'wanted' | 'found' | 'right') =>
  outcomes.reduce((total, one) => total + one[of], 0)

const tablesOf = ({ deployment }: Net, node: NodeIndex) => deployment.simulation.machine(node).snapshot()

/** Messages of searches that were sent by anybody, by the simulator's own count. */
function ofSearches({ deployment }: Net): { messages: number; bytes: number } {
  const byType = deployment.simulation.metrics.byType()
  const types = ['find', 'mesh-find', 'mesh-found', 'mesh-end', 'found', 'found-end']
  return types.reduce(
    (total, type) => ({
      messages: total.messages + (byType[type]?.messages ?? 0),
      bytes: total.bytes + (byType[type]?.bytes ?? 0)
    }),
    { messages: 0, bytes: 0 }
  )
}

describe('lookups', () => {
  it('end at the server, which names all who have the file: a question, their names and an end', () => {
    const made = net()
    expect(made.deployment.servers).toEqual([60])
    const outcomes = lookUpAll(made)
    expect(outcomes).toHaveLength(40)
    for (const [at, { status, hops, hopsAsPublished, cost, timeouts, found }] of outcomes.entries()) {
      expect(status).toBe('correct')
      const { file } = world.lookups[at]!
      expect(file.holders).toContain(made.places.placeOf(found!))
      expect(timeouts).toBeUndefined()
      expect([hops, hopsAsPublished]).toEqual([1, 1])
      expect(cost.messages).toBe(2 + file.holders.length)
    }
  })

  it('of what the own peer shares ask nobody', () => {
    const { deployment, places } = net()
    const [ask] = world.lookups
    const origin = places.nodeAt(ask!.file.holders[0]!)!
    let outcome: LookupOutcome | undefined
    deployment.lookup(origin, ask!, told => {
      outcome = told
    })
    deployment.simulation.runFor(10_000_000)
    expect(outcome).toMatchObject({ status: 'correct', hops: 0, hopsAsPublished: 0, found: origin })
    expect(outcome!.cost.messages).toBe(0)
  })

  it('take one step more where who has the file is at another server, and as published no more than one', () => {
    const made = net({ 'napster.servers': 3 })
    const before = ofSearches(made).messages
    const outcomes = lookUpAll(made)
    const serverOf = (node: NodeIndex) => tablesOf(made, node).server
    for (const [at, { status, hops, hopsAsPublished, cost, found }] of outcomes.entries()) {
      expect(status).toBe('correct')
      const { file, chooser } = world.lookups[at]!
      const origin = made.places.choose(chooser, () => true)!
      if (found === origin) continue
      const isNear = serverOf(found!) === serverOf(origin)
      expect([hops, hopsAsPublished]).toEqual([isNear ? 1 : 2, 1])
      const holders = file.holders.map(place => made.places.nodeAt(place)!)
      const far = holders.filter(node => serverOf(node) !== serverOf(origin)).length
      // The question and its end, both of two other servers, and each name once a link.
      expect(cost.messages).toBe(2 + 2 * 2 + holders.length + far)
    }
    expect(new Set(outcomes.map(({ hops }) => hops))).toEqual(new Set([1, 2]))
    const costs = outcomes.reduce((total, { cost }) => total + cost.messages, 0)
    expect(costs).toBe(ofSearches(made).messages - before)
  })

  it('find what the own server’s users share and nothing else, where servers are not linked', () => {
    const made = net({ 'napster.servers': 3, 'napster.linked': 'off' })
    const outcomes = lookUpAll(made)
    for (const [at, { status, hops }] of outcomes.entries()) {
      const { file, chooser } = world.lookups[at]!
      const origin = made.places.choose(chooser, () => true)!
      const { server } = tablesOf(made, origin)
      const holders = file.holders.map(place => made.places.nodeAt(place)!)
      const isThere = holders.some(node => node === origin || tablesOf(made, node).server === server)
      expect(status).toBe(isThere ? 'correct' : 'failed')
      expect(hops).toBeLessThanOrEqual(1)
    }
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['correct', 'failed']))
  })

  it('say who is wrong: a holder that died since is found, and is none', () => {
    const { deployment, peers, places } = net()
    const ask = world.lookups.find(({ file }) => file.holders.length === 1)!
    const holder = places.nodeAt(ask.file.holders[0]!)!
    const origin = peers.aliveNodes().find(node => node !== holder)!
    let outcome: LookupOutcome | undefined
    deployment.lookup(origin, ask, told => {
      outcome = told
    })
    while (deployment.simulation.metrics.byType().found === undefined) deployment.simulation.step()
    peers.crash(holder)
    deployment.simulation.runFor(10_000_000)
    expect(outcome).toMatchObject({ status: 'incorrect', found: holder })
  })
})

describe('searches', () => {
  it.each([1, 3])(
    'find all that there is at %i servers that are linked, and cost what was sent for them',
    servers => {
      const made = net({ 'napster.servers': servers })
      const before = ofSearches(made)
      const outcomes = searchAll(made)
      const after = ofSearches(made)
      expect(sum(outcomes, 'wanted')).toBeGreaterThan(40)
      expect(sum(outcomes, 'right')).toBe(sum(outcomes, 'wanted'))
      for (const { asked, found, right, wanted, results, firstHitUs } of outcomes) {
        expect([asked, found, results.right]).toEqual([true, right, results.wanted])
        expect(firstHitUs === undefined).toBe(wanted === 0)
      }
      const cost = (of: 'messages' | 'bytes') => outcomes.reduce((total, one) => total + one.cost[of], 0)
      expect({ messages: cost('messages'), bytes: cost('bytes') }).toEqual({
        messages: after.messages - before.messages,
        bytes: after.bytes - before.bytes
      })
    }
  )

  it('find a part where servers are not linked, and nothing wrong', () => {
    const outcomes = searchAll(net({ 'napster.servers': 3, 'napster.linked': 'off' }))
    expect(sum(outcomes, 'right')).toBeGreaterThan(0)
    expect(sum(outcomes, 'right')).toBeLessThan(0.7 * sum(outcomes, 'wanted'))
    expect(sum(outcomes, 'found')).toBe(sum(outcomes, 'right'))
  })

  it('find no more results than are asked for', () => {
    for (const { results, cost } of searchAll(net({ 'napster.results': 1 }))) {
      expect(results.right).toBe(Math.min(1, results.wanted))
      expect(cost.messages).toBe(2 + results.right)
    }
  })

  it('that are refused, by the own machine or by the server, have failed', () => {
    const { deployment } = net()
    const outcomes: SearchOutcome[] = []
    for (let count = 0; count < 70; count += 1)
      outcomes.push(deployment.search(3, world.searches[0]!, () => {}))
    deployment.simulation.runFor(20_000_000)
    // A server takes twenty at once, eight of them at a time; a machine has 64 under way.
    expect(outcomes.filter(({ asked }) => asked)).toHaveLength(8)
    const sent = outcomes.filter(({ cost }) => cost.messages > 0)
    expect(sent).toHaveLength(64)
    for (const { found, right, cost } of outcomes.filter(({ asked }) => !asked)) {
      expect([found, right]).toEqual([0, 0])
      expect([0, 2]).toContain(cost.messages)
    }
  })
})

describe('servers', () => {
  it('take in so many users, and so many files of each', () => {
    const small = net({ 'napster.servers': 2, 'napster.users-per-server': 20, 'napster.files-per-user': 1 })
    const { deployment, peers } = small
    const members = peers.aliveNodes().filter(node => deployment.isMember(node))
    expect(members).toHaveLength(40)
    const roles = deployment.watchRoles()()
    expect({ users: [...roles.users], homeless: roles.homeless, of: roles.ordinaries }).toEqual({
      users: [20, 20],
      homeless: 20,
      of: 60
    })
    const sharers = members.filter(node => world.filesAt[node]!.length > 0).length
    const files = deployment.servers.map(server => tablesOf(small, server).files)
    expect(files[0]! + files[1]!).toBe(sharers)
  })

  it('that die take their users’ files with them, and the others find what is left', () => {
    const made = net({ 'napster.servers': 2 }, { frozen: true })
    const { deployment, peers, places } = made
    deployment.freeze()
    deployment.failServers(0.5)
    const [dead, other] = [...deployment.servers].sort(
      (a, b) => Number(deployment.simulation.alive(a)) - Number(deployment.simulation.alive(b))
    )
    expect([dead, other].map(node => deployment.simulation.alive(node!))).toEqual([false, true])
    // Nobody has noticed, and nobody will.
    deployment.simulation.runFor(600_000_000)
    for (const node of peers.aliveNodes()) expect(deployment.isMember(node)).toBe(true)
    const linkedTo = (node: NodeIndex) => deployment.simulation.linkedTo(node)[0]
    const outcomes = lookUpAll(made)
    for (const [at, { status }] of outcomes.entries()) {
      const { file, chooser } = world.lookups[at]!
      const origin = places.choose(chooser, () => true)!
      const holders = file.holders.map(place => places.nodeAt(place)!)
      const isThere = holders.some(node => node === origin || linkedTo(node) === other)
      const isFound = holders.includes(origin) || (linkedTo(origin) === other && isThere)
      expect(status).toBe(isFound ? 'correct' : 'failed')
    }
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['correct', 'failed']))
    // A search of theirs comes to nothing, and says so.
    const bereaved = peers.aliveNodes().find(node => linkedTo(node) === dead)!
    let isOver = false
    const search = deployment.search(bereaved, world.searches[0]!, () => {
      isOver = true
    })
    deployment.simulation.runFor(6_000_000)
    expect([isOver, search.asked, search.found, search.cost.messages]).toEqual([true, false, 0, 1])
  })

  it('die with the chance of a peer, or as many of them as are that part, or never', () => {
    const deadOf = (seed: number, servers: number, share: number, fail: 'on' | 'off') => {
      const set = { 'napster.servers': servers, 'napster.servers-fail': fail }
      const places = new Places(2)
      const deployment = new NapsterDeployment({
        seed: `${seed}`,
        network: latencyModel('constant:40', randomOf('l')),
        settings: settingsOf('napster', set, true),
        world,
        places,
        frozen: true
      })
      const peers = new Peers(deployment, places)
      deployment.startIdeal([peers.addNode(), peers.addNode()])
      deployment.failServers(share)
      return deployment.servers.filter(node => !deployment.simulation.alive(node)).length
    }
    const seeds = Array.from({ length: 100 }, (_, seed) => seed)
    const died = seeds.filter(seed => deadOf(seed, 1, 0.3, 'on') === 1).length
    // 30 are expected; fewer than 15 or more than 45 come in one set of seeds of a thousand.
    expect(died).toBeGreaterThan(15)
    expect(died).toBeLessThan(45)
    expect(seeds.slice(0, 10).map(seed => deadOf(seed, 10, 0.3, 'on'))).toEqual(new Array(10).fill(3))
    expect(seeds.filter(seed => deadOf(seed, 1, 0, 'on') > 0)).toEqual([])
    expect(seeds.slice(0, 10).filter(seed => deadOf(seed, 1, 0.95, 'off') > 0)).toEqual([])
  })

  it('log a dead user out after a while, whose files leave the index then', () => {
    const made = net()
    const { deployment, peers, places } = made
    const ask = world.searches.find(({ file }) => file.holders.length === 1)!
    const holder = places.nodeAt(ask.file.holders[0]!)!
    const origin = peers.aliveNodes().find(node => node !== holder)!
    const search = () => {
      const outcome = deployment.search(origin, { ...ask, words: ask.file.words }, () => {})
      deployment.simulation.runFor(6_000_000)
      return { found: outcome.found, right: outcome.right, wanted: outcome.wanted }
    }
    expect(search()).toEqual({ found: 1, right: 1, wanted: 1 })
    peers.crash(holder)
    const isRepaired = deployment.watchRepair(holder)
    expect(isRepaired()).toBe(false)
    expect(search()).toEqual({ found: 1, right: 0, wanted: 0 })
    deployment.simulation.runFor(180_000_000)
    expect(isRepaired()).toBe(true)
    expect(search()).toEqual({ found: 0, right: 0, wanted: 0 })
    expect(tablesOf(made, 60).users).toBe(59 + 1)
  })

  it('that never log anybody out are found out: what they name is wrong, more and more', () => {
    /** Of a server, whose links end without its hearing of it. */
    const forgetful: MachineOf = settings => {
      const machine = new NapsterMachine(settings)
      const isDeaf = settings.server !== undefined
      return {
        handle: (input, effects) => {
          const isEnd = input.type === 'link-down' || (input.type === 'timer' && input.timer === 'upkeep')
          if (!(isDeaf && isEnd)) machine.handle(input, effects)
        },
        heldPeers: hold => machine.heldPeers(hold),
        snapshot: () => machine.snapshot()
      }
    }
    const afterDeaths = (machineOf?: MachineOf) => {
      const made = net({}, { ...(machineOf && { machineOf }) })
      for (const node of made.peers.aliveNodes().slice(0, 30)) made.peers.crash(node)
      made.deployment.simulation.runFor(300_000_000)
      const searches = searchAll(made)
      const incorrect = lookUpAll(made).filter(({ status }) => status === 'incorrect').length
      return { precision: sum(searches, 'right') / sum(searches, 'found'), incorrect }
    }
    expect(afterDeaths()).toEqual({ precision: 1, incorrect: 0 })
    const { precision, incorrect } = afterDeaths(forgetful)
    expect(precision).toBeLessThan(0.8)
    expect(incorrect).toBeGreaterThan(0)
  })

  it('that name others than those who have a file are not believed', () => {
    /** Of a server that has everything itself, as it says. */
    class Boasting extends PassedEffects<NapsterTypes> {
      override send(link: Link, message: NapsterTypes['message'], priority: number): void {
        const contact = this.peers.contact(SELF)
        const isFound = message.type === 'found'
        super.send(link, isFound ? { ...message, found: { ...message.found, contact } } : message, priority)
      }
    }
    const boasting: MachineOf = settings => {
      const machine = new NapsterMachine(settings)
      if (settings.server === undefined) return machine
      const boasts = new Boasting()
      return {
        handle: (input, effects) => {
          boasts.inner = effects
          machine.handle(input, boasts)
        },
        heldPeers: hold => machine.heldPeers(hold),
        snapshot: () => machine.snapshot()
      }
    }
    const searches = searchAll(net({}, { machineOf: boasting }))
    expect(sum(searches, 'wanted')).toBeGreaterThan(0)
    expect(sum(searches, 'found')).toBe(0)
  })

  it('are looked at each minute: their users, what goes over their links, and the questions that came', () => {
    const made = net({ 'napster.servers': 2 })
    const end = made.deployment.watchRoles()
    made.deployment.simulation.runFor(30_000_000)
    searchAll(made)
    made.deployment.simulation.runFor(100_000_000)
    const roles = end()
    expect([...roles.supernodes]).toEqual([2, 2, 2, 2])
    expect([...roles.ordinariesPerSupernode]).toEqual([30, 30, 30, 30])
    expect(roles.users[0]! + roles.users[1]!).toBe(60)
    expect([roles.homeless, roles.ordinaries]).toEqual([0, 240])
    expect(Math.max(...roles.bytesPerS)).toBeGreaterThan(0)
    // Each of 40 came to one server, and went on to the other.
    expect(roles.queriesPerS.reduce((total, perS) => total + perS * 60, 0)).toBeCloseTo(80)
    expect(roles.counts).toEqual({ supernodesLost: 0 })
  })

  it('hold links to all users and what these share; a user holds one link, and the servers that it knows', () => {
    const { deployment, peers } = net()
    for (const node of peers.aliveNodes()) expect(deployment.state(node).entries).toBe(2)
    const files = world.filesAt.reduce((total, all) => total + all.length, 0)
    const { entries, bytes } = deployment.state(deployment.servers[0]!)
    expect(entries).toBe(60 + files)
    // A signed record at least for each file.
    expect(bytes).toBeGreaterThan(files * 200)
  })
})

describe('runs', () => {
  const SMALL = { nodes: 60, lookups: 60, searches: 30, warmup: 240, duration: 600 }
  const run = (more: PlanInput, overlay: OverlayId = 'napster') =>
    runOnce(resolvePlan({ ...SMALL, overlays: [overlay], ...more }), {}, { overlay, seed: 1 })

  it('come out the same twice, and otherwise with another number', () => {
    const set = { 'napster.servers': 2 }
    const more = { churn: 'exp:10m', start: 'joined', set } as const
    expect(fingerprintOf([run(more)])).toBe(fingerprintOf([run(more)]))
    expect(fingerprintOf([run(more)])).not.toBe(
      fingerprintOf([run({ ...more, set: { ...set, 'napster.linked': 'off' } })])
    )
  })

  it.each(['ideal', 'joined'] as const)('of peers that come and go, %s at first, all log in', start => {
    const { lookups, searches, nodes, repair, roles, traffic } = run({
      start,
      churn: 'exp:20m/constant:1s',
      set: { 'napster.servers': 2 }
    })
    expect(nodes.atEnd.live).toBe(60)
    expect(nodes.atEnd.members).toBeGreaterThanOrEqual(58)
    // A server notices a death after a minute and a half, and until then names the dead.
    expect(lookups.correct).toBeGreaterThan(50)
    expect(lookups.correct + lookups.incorrect + lookups.failed + lookups.unissued).toBe(60)
    expect(searches!.right / searches!.wanted).toBeGreaterThan(0.9)
    expect(repair!.tookUs.length).toBeGreaterThan(10)
    expect(Math.max(...repair!.tookUs)).toBeLessThan(100_000_000)
    expect([...roles!.supernodes].every(count => count === 2)).toBe(true)
    // Nobody takes another peer for a server.
    expect(Math.max(...nodes.connections.slice(0, -2))).toBeLessThanOrEqual(61)
    for (const type of ['login', 'share-records', 'find', 'found', 'text'])
      expect(traffic.bytesByType![type], type).toBeGreaterThan(0)
  })

  it.each(['exp:2m', 'rate:0.3'])('with %s see the same peers come and go as other overlays do', churn => {
    const more = { churn, nodes: 30, lookups: 5, searches: 0, warmup: 60, duration: 200 }
    const [own, other] = [run(more), run(more, 'fasttrack')]
    expect(own.nodes.aliveUs).toBe(other.nodes.aliveUs)
    expect(own.nodes.atEnd.live).toBe(other.nodes.atEnd.live)
  })

  it('count a server among those who bear something, and not among the peers', () => {
    const { nodes, lookups } = run({})
    expect(lookups.correct).toBe(60)
    expect(nodes.atEnd).toEqual({ live: 60, members: 60 })
    expect(nodes.connections).toHaveLength(61)
    expect([...nodes.connections].filter(links => links !== 1)).toEqual([60])
    const received = nodes.messagesReceived.toSorted()
    expect(received).toHaveLength(61)
    // One has most of all, in a network of which all others have a few.
    expect(received.at(-1)).toBeGreaterThan(10 * received.at(-2)!)
    expect(nodes.aliveUs).toBe(60 * 600_000_000)
  })

  it('have servers in their table of roles, and null for what nobody does there', () => {
    const plan = { overlay: 'napster', settings: {}, backend: 'simulator', nodes: 60 } as const
    const results = summariseOverlay(plan, [run({ set: { 'napster.servers': 2 } })])
    expect([...Errors(ResultsSchema.properties.overlays.items, results)]).toEqual([])
    expect(results.roles).toMatchObject({
      supernodes: 2,
      ordinaries_per_supernode: { mean: 30 },
      users_per_supernode: { mean: 30 },
      supernodes_lost: 0,
      homeless: 0,
      promotions: null,
      demotions: null,
      handovers: null,
      cut_off: null,
      spares_taken: null
    })
    expect(results).toMatchObject({
      values: null,
      publishing: null,
      network: null,
      timeouts_per_lookup: null
    })
    expect(results.load!.max_over_mean).toBeGreaterThan(10)
  })

  it('begin with two users, with nobody, and before anybody is in', () => {
    const two = run({ nodes: 2, lookups: 10, searches: 10 })
    expect(two.lookups.correct).toBe(10)
    expect(two.searches).toMatchObject({ failed: 0, right: two.searches!.wanted })
    const trace = '5 0 up\n6 1 up\n'
    const plan = resolvePlan({ ...SMALL, overlays: ['napster'], nodes: 2, churn: 'trace:t' })
    const { nodes, lookups } = runOnce(plan, { trace }, { overlay: 'napster', seed: 1 })
    expect(nodes.atStart).toEqual({ live: 2, members: 2 })
    expect(lookups.correct).toBe(60)
    const early = run({ start: 'joined', warmup: 0, duration: 0, lookups: 5, searches: 0 })
    expect(early.lookups.unissued).toBe(5)
  })

  it('in which most share nothing, some files are rare, and some results are enough', () => {
    const demand = { freeloaders: 0.7, sharing: 'heavy', demand: 'zipf', rare: 0.2, enough: 5 } as const
    const { searches } = run({ ...demand, set: { 'napster.servers': 2 } })
    expect(searches).toMatchObject({ failed: 0, right: searches!.wanted })
    expect(searches!.capped!.right).toBe(searches!.capped!.wanted)
    expect(searches!.single!.right).toBe(searches!.single!.wanted)
  })

  it('in which the only server dies find nothing, and say why', () => {
    // A chance of 0.95: that of this seed is among them.
    const alone = run({ failures: 0.95 })
    expect(alone.lookups).toMatchObject({ incorrect: 0, unissued: 0 })
    // What the own peer has, whoever asks has found.
    expect([...alone.lookups.hops].every(hops => hops === 0)).toBe(true)
    expect(alone.lookups.correct + alone.lookups.failed).toBe(60)
    expect(alone.searches).toMatchObject({ issued: 30, failed: 30, found: 0, right: 0 })
    const plan = { overlay: 'napster', settings: {}, backend: 'simulator', nodes: 60 } as const
    const { warnings } = summariseOverlay(plan, [alone, run({ failures: 0 })])
    expect(warnings).toEqual(['In 1 of 2 runs no supernode or server was left when the measured time ended.'])
  })

  it('in which half of the users die find what the others share, where the server lives', () => {
    const { lookups, searches, nodes } = run({ failures: 0.5, set: { 'napster.servers-fail': 'off' } })
    expect(nodes.atEnd).toEqual({ live: 30, members: 30 })
    expect(lookups.failed).toBe(0)
    // Nobody told the server who is dead.
    expect(lookups.incorrect).toBeGreaterThan(0)
    expect(searches!.right).toBe(searches!.wanted)
    expect(searches!.found).toBeGreaterThan(searches!.right)
  })
})

describe('settings', () => {
  it.each([
    ['servers', 0, 64],
    ['users-per-server', 1, 19_999],
    ['results', 1, 1000],
    ['files-per-user', 1, 5000]
  ])('%s goes from %i to %i', (key, least, most) => {
    const set = (value: number) => settingsOf('napster', { [`napster.${key}`]: value }, false)[key]
    for (const value of [least, most]) expect(set(value)).toBe(value)
    for (const value of [least - 1, most + 1])
      expect(() => set(value)).toThrow(`napster.${key} takes a whole number from ${least} to ${most}`)
  })

  it('that are on or off are nothing else', () => {
    for (const key of ['linked', 'servers-fail'])
      expect(() => settingsOf('napster', { [`napster.${key}`]: 'some' }, false)).toThrow(
        `napster.${key} takes on or off`
      )
  })
})
