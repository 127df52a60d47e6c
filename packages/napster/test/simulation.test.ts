/**
 * Three servers and sixty users in the simulator, seen from above: whoever is connected is found by their words
 * within the deadline, whoever is gone is not, and a lost server's users are found again where they moved to.
 */
import type { Effects, Input, Machine } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { MESH_DEADLINE_MS } from '../src/constants.ts'
import type { NapsterTypes } from '../src/types.ts'
import { MS, S, World, type WorldInit } from './simulation.ts'

const SIZE = { servers: 3, users: 60, filesPerUser: 3 }
/** From the user to its server, to others and back, with the time that indexes take. */
const NEAR_US = 300 * MS

/** What an observer has to say against this network: nothing, where all is well. */
function wrongsOf(init: WorldInit): string[] {
  const world = new World(init)
  const { simulation, users, servers } = world
  const wrongs: string[] = []
  const [seeker, ...others] = users
  const expectFound = (
    who: readonly number[],
    what: string,
    byUs: number,
    silent: readonly number[] = []
  ) => {
    const all = who.map(user => ({ user, asked: world.search(seeker!, `word${user}`) }))
    // One a fifth of a second: what a user may ask.
    const done = () => all.every(({ asked }) => asked.endedUs !== undefined)
    const endUs = simulation.nowUs + MESH_DEADLINE_MS * MS + S
    simulation.runWhile(() => !done() && simulation.nowUs < endUs)
    for (const { user, asked } of all) {
      const wanted = (simulation.alive(user) ? world.files.get(user)! : []).map(
        ({ name }) => `${name} of ${user}`
      )
      const missing = wanted.filter(one => !asked.found.has(one))
      const extra = [...asked.found].filter(one => !wanted.includes(one))
      if (missing.length > 0) wrongs.push(`${what}: ${missing.length} files of ${user} are not found`)
      if (extra.length > 0) wrongs.push(`${what}: ${extra.join()} is found and must not be`)
      if (asked.endedUs === undefined || asked.endedUs - asked.startedUs > byUs)
        wrongs.push(`${what}: the search for ${user} took longer than ${byUs} us`)
      if (asked.unanswered.join() !== silent.join())
        wrongs.push(`${what}: ${asked.unanswered.join()} are said not to have answered, not ${silent.join()}`)
    }
    simulation.runFor(2 * S)
  }
  const some = (from: number) => others.slice(from, from + 8)

  simulation.runFor(20 * S)
  if (new Set(users.map(user => world.homeOf(user))).size !== servers.length)
    wrongs.push('not every server has users')
  for (let from = 0; from < 56; from += 8) expectFound(some(from), 'all up', NEAR_US)

  const gone = some(8)
  for (const user of gone) simulation.crash(user)
  simulation.runFor(5 * S)
  expectFound(gone, 'after users went', NEAR_US)

  // A server that the seeker is not at.
  const lost = servers.find(server => server !== world.homeOf(seeker!))!
  const moved = users.filter(user => simulation.alive(user) && world.homeOf(user) === lost)
  simulation.crash(lost)
  simulation.runFor(30 * S)
  for (const user of moved)
    if (world.homeOf(user) === undefined || world.homeOf(user) === lost)
      wrongs.push(`${user} found no other server`)
  for (let from = 0; from < moved.length; from += 8)
    expectFound(moved.slice(from, from + 8), 'after a server was lost', NEAR_US, [lost])

  // And one that hears and says nothing, while its links stay.
  const silent = servers.find(server => server !== lost && server !== world.homeOf(seeker!))!
  const away = new Set(users.filter(user => simulation.alive(user) && world.homeOf(user) === silent))
  simulation.silence(silent)
  const near = others.filter(user => simulation.alive(user) && !away.has(user)).slice(0, 8)
  const sorted = [silent, lost]
  expectFound(near, 'while a server is silent', MESH_DEADLINE_MS * MS + NEAR_US, sorted)
  return wrongs
}

describe('three servers and sixty users', () => {
  it.each(['a', 'b', 'c'])('are found while they are there, seed %s', seed => {
    expect(wrongsOf({ ...SIZE, seed })).toEqual([])
  })

  it('give the same run from the same seed', () => {
    const hashOf = () => {
      const world = new World({ ...SIZE, users: 12, seed: 'again' })
      world.simulation.runFor(20 * S)
      return world.simulation.traceHash
    }
    expect(hashOf()).toBe(hashOf())
  })
})

/** A machine with a fault: it loses some of what it says, or does not hear some of what it is told. */
class Faulty implements Machine<NapsterTypes> {
  readonly #sound: Machine<NapsterTypes>
  readonly #fault: { readonly mutes?: string; readonly misses?: string }

  constructor(sound: Machine<NapsterTypes>, fault: { readonly mutes?: string; readonly misses?: string }) {
    this.#sound = sound
    this.#fault = fault
  }

  handle(input: Input<NapsterTypes>, effects: Effects<NapsterTypes>): void {
    const { mutes, misses } = this.#fault
    if (input.type === misses) return
    const send: Effects<NapsterTypes>['send'] = (link, message, priority) => {
      if (message.type !== mutes) effects.send(link, message, priority)
    }
    const bound = (name: string | symbol) => {
      const value = Reflect.get(effects, name)
      return typeof value === 'function' ? value.bind(effects) : value
    }
    this.#sound.handle(
      input,
      new Proxy(effects, { get: (_, name) => (name === 'send' ? send : bound(name)) })
    )
  }

  heldPeers(hold: (peer: number) => void): void {
    this.#sound.heldPeers(hold)
  }

  snapshot() {
    return this.#sound.snapshot()
  }
}

describe('an observer sees', () => {
  const withFault = (fault: { readonly mutes?: string; readonly misses?: string }) => {
    const mutant: WorldInit['mutant'] = (node, sound) =>
      node < SIZE.servers ? new Faulty(sound, fault) : sound
    return wrongsOf({ ...SIZE, seed: 'a', mutant }).join()
  }

  it('a server that does not hear that a user is gone', () => {
    expect(withFault({ misses: 'link-down' })).toContain('is found and must not be')
  })

  it('a server that asks no other', () => {
    expect(withFault({ mutes: 'mesh-find' })).toContain('are not found')
  })

  it('a server that hands no results on', () => {
    expect(withFault({ mutes: 'mesh-found' })).toContain('are not found')
  })

  it('a server that does not say when it has answered', () => {
    expect(withFault({ mutes: 'mesh-end' })).toContain('took longer')
  })

  it('a server whose clock does not tell it that others are late', () => {
    expect(withFault({ misses: 'timer' })).toContain('are said not to have answered')
  })
})
