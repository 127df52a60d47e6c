/** Whatever comes, in whatever order: a machine that holds a router alone keeps the contract, and its bounds. */
import {
  compareKeys,
  type Effects,
  type Input,
  type Key,
  type Machine,
  type Peer
} from '@servent/overlay/machine'
import { checkMachine, type MachineSubject, type Step } from '@servent/overlay/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CALLS_MAX,
  type KeyRange,
  KeyRouter,
  type KeyRouting,
  type NextHop,
  OWN_LOOKUPS_MAX,
  RELAYS_MAX,
  type RouterSettings,
  type RoutingCommand,
  type RoutingTypes,
  routerSettings
} from '../src/machine.ts'
import { likelyMessage, lookupMessage } from './routing-arbitraries.ts'
import { keyAt } from './solo.ts'

/** An answer of the root, or a lookup that goes on and its acknowledgement; what was sent is not sent again. */
const SENDS_PER_MESSAGE_MAX = 2
const LINKS_MAX = 64

/** Everybody whom a link or a contact told of is a hop for every key, and some keys are this peer's own. */
class Tables implements KeyRouting {
  ready = true
  readonly known: Peer[] = []

  rootOf(key: Key, silent: (peer: Peer) => boolean): KeyRange | undefined {
    const own = compareKeys(key, keyAt(1)) <= 0 || (this.known.length > 0 && this.known.every(silent))
    return own ? { from: keyAt(200), to: keyAt(150) } : undefined
  }

  nextHops(key: Key, limit: number, silent: (peer: Peer) => boolean): readonly NextHop[] {
    return this.known
      .filter(peer => !silent(peer))
      .slice(0, limit)
      .map(peer => ({ peer, root: key[0] === 3 }))
  }

  replicas(_key: Key, count: number): readonly Peer[] {
    return this.known.slice(0, count)
  }

  onSilent(peer: Peer): void {
    const place = this.known.indexOf(peer)
    if (place >= 0 && peer % 2 === 0) this.known.splice(place, 1)
  }
}

class RouterMachine implements Machine<RoutingTypes> {
  readonly tables = new Tables()
  readonly router: KeyRouter

  constructor(settings: Partial<RouterSettings>) {
    const { known } = this.tables
    this.router = new KeyRouter({
      routing: this.tables,
      settings: routerSettings(settings),
      links: {
        onLinked: (peer, inbound, effects) => {
          if (known.length < LINKS_MAX && !known.includes(peer)) known.push(peer)
          this.router.calls.hold(peer, 'tables')
          const { calls } = this.router
          if (inbound) calls.request(peer, { type: 'ping', id: calls.nextId() }, 2, () => {}, effects)
        },
        onUnlinked: (peer, _end, effects) => this.router.calls.release(peer, 'tables', effects)
      }
    })
  }

  handle(input: Input<RoutingTypes>, effects: Effects<RoutingTypes>): void {
    if (this.router.handle(input, effects)) return
    if (input.type === 'contact') this.router.calls.open(input.peer, effects)
    if (input.type === 'command' && input.command.type === 'read-value')
      this.tables.ready = !this.tables.ready
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.router.heldPeers(hold)
    for (const peer of this.tables.known) hold(peer)
  }

  snapshot(): RoutingTypes['snapshot'] {
    return this.router.snapshot()
  }
}

const BOUNDS: Readonly<Record<string, number>> = {
  calls: CALLS_MAX,
  lookups: OWN_LOOKUPS_MAX,
  relays: RELAYS_MAX,
  own: 4
}

const subject = (settings: Partial<RouterSettings>): MachineSubject<RoutingTypes, RouterMachine> => ({
  create: () => new RouterMachine({ ownLinks: 4, lookupBudgetMs: 3000, ...settings }),
  fanOutMax: SENDS_PER_MESSAGE_MAX,
  sizes: machine => {
    const { own, ...sizes } = machine.router.sizes()
    const { known } = machine.tables
    return {
      // Raw inputs bring links that nobody counted.
      neighbours: [sizes.neighbours!, 2 * CALLS_MAX],
      known: [known.length, LINKS_MAX],
      calls: [sizes.calls!, BOUNDS.calls!],
      lookups: [sizes.lookups!, BOUNDS.lookups!],
      relays: [sizes.relays!, BOUNDS.relays!],
      placesBelowNone: [-own!, 0]
    }
  }
})

const peer = fc.integer({ min: 1, max: 8 })
const pick = fc.nat(9)
const style = fc.constantFrom('semi-recursive' as const, 'recursive' as const, 'iterative' as const)
const command: fc.Arbitrary<RoutingCommand> = fc.oneof(
  fc.record({
    type: fc.constant('lookup' as const),
    key: fc.integer({ min: 0, max: 3 }).map(keyAt),
    style
  }),
  fc.record({ type: fc.constant('give-up' as const), command: fc.nat(40) }),
  fc.record({ type: fc.constant('read-value' as const), key: fc.constant(keyAt(1)), quorum: fc.constant(1) })
)
const kind = fc.constantFrom('closed' as const, 'reset' as const, 'duplicate' as const, 'idle' as const)
const strangeLink = fc.integer({ min: 1, max: 12 })

const step: fc.Arbitrary<Step<RoutingTypes>> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant('contact' as const), peer }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('link-up' as const), peer, inbound: fc.boolean() })
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('link-down' as const), pick, kind }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('unreachable' as const), pick }) },
  {
    weight: 14,
    arbitrary: fc.record({ type: fc.constant('message' as const), pick, message: likelyMessage })
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('message' as const), pick, message: lookupMessage })
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('command' as const), command }) },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('advance' as const), byMs: fc.constantFrom(1, 60, 700, 90_000) })
  },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.tuple(strangeLink, likelyMessage).map(([link, message]) => ({
        type: 'raw' as const,
        input: { type: 'message' as const, link, message }
      })),
      strangeLink.map(link => ({
        type: 'raw' as const,
        input: { type: 'link-down' as const, link, end: { kind: 'reset' as const, message: '' } }
      })),
      fc.constantFrom('calls', 'nobody').map(timer => ({
        type: 'raw' as const,
        input: { type: 'timer' as const, timer }
      }))
    )
  }
)

/** Some links to begin with, so that what follows is listened to. */
const steps = fc
  .array(step, { maxLength: 60, size: 'max' })
  .map((rest): Step<RoutingTypes>[] => [
    ...[1, 2, 3].map(peer => ({ type: 'link-up' as const, peer, inbound: peer === 2 })),
    ...rest
  ])

describe('P5: a router alone', () => {
  it.each<[string, Partial<RouterSettings>]>([
    ['by its defaults', {}],
    ['with every step told and two asked at a time', { traceLookups: true, alpha: 2, lingerMs: 500 }]
  ])('keeps the contract %s', (_, settings) => {
    let sent = 0
    fc.assert(
      fc.property(steps, steps => {
        sent += checkMachine(subject(settings), steps).sent
      }),
      { numRuns: 400 }
    )
    expect(sent).toBeGreaterThan(300)
  })

  it('answers every lookup of its own once', () => {
    fc.assert(
      fc.property(steps, steps => {
        let asked = 0
        let ended = 0
        class Counting extends RouterMachine {
          override handle(input: Input<RoutingTypes>, effects: Effects<RoutingTypes>): void {
            if (input.type === 'start') {
              asked = 0
              ended = 0
            }
            if (input.type === 'command' && input.command.type === 'lookup') {
              asked += 1
              this.router.lookup(
                input.command.key,
                { purpose: 'user' },
                () => {
                  ended += 1
                },
                effects
              )
              return
            }
            super.handle(input, effects)
          }
        }
        const counted = { ...subject({}), create: () => new Counting({ lookupBudgetMs: 3000 }) }
        checkMachine(counted, [...steps, { type: 'advance', byMs: 3000 }])
        expect(ended).toBe(asked)
      }),
      { numRuns: 200 }
    )
  })
})
