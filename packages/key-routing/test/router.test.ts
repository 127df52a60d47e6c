/** Who of a machine's parts sees an input: calls first, then lookups, the part that keeps records, the overlay. */
import type { Input, Peer } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { KeyRouter, ROUTING_ANSWERS, type RouterPart, type RoutingTypes } from '../src/machine.ts'
import { FixedRouting, keyAt, Solo } from './solo.ts'

/** Takes timers and answers, and writes down what it sees. */
class Part implements RouterPart {
  readonly seen: string[] = []

  handle(input: Input<RoutingTypes>): boolean {
    this.seen.push(input.type)
    return input.type !== 'message'
  }

  onTablesChanged(): void {
    this.seen.push('tables')
  }

  heldPeers(hold: (peer: Peer) => void): void {
    hold(7)
  }

  snapshot(): unknown {
    return { records: 3 }
  }
}

function parted(): { solo: Solo; part: Part } {
  const solo = new Solo()
  const part = new Part()
  solo.router.use(part)
  return { solo, part }
}

describe('an input', () => {
  it('of calls or lookups is seen by nobody else', () => {
    const { solo, part } = parted()
    const link = solo.link(1)
    expect(solo.give({ type: 'message', link, message: { type: 'ping', id: 1 } })).toBe(true)
    expect(solo.give({ type: 'message', link, message: { type: 'pong', id: 1 } })).toBe(true)
    expect(solo.give({ type: 'command', id: 1, command: { type: 'lookup', key: keyAt(1) } })).toBe(true)
    expect(solo.give({ type: 'timer', timer: 'calls' })).toBe(true)
    solo.down(link)
    solo.unreachable(2)
    expect(part.seen).toEqual([])
  })

  it('that begins, ends or introduces is seen by everybody', () => {
    const { solo, part } = parted()
    expect(solo.give({ type: 'start', saved: new Map() })).toBe(false)
    expect(solo.give({ type: 'contact', peer: 1 })).toBe(false)
    expect(solo.give({ type: 'stop' })).toBe(false)
    expect(part.seen).toEqual(['start', 'contact', 'stop'])
  })

  it('of the part is kept from the overlay, and what nobody takes is left to it', () => {
    const { solo, part } = parted()
    const link = solo.link(1)
    expect(solo.give({ type: 'timer', timer: 'store/repair' })).toBe(true)
    expect(solo.give({ type: 'answer', id: 4, error: 'none' })).toBe(true)
    expect(solo.give({ type: 'pressure', link, level: 'high' })).toBe(true)
    const get = { type: 'get', id: 1, kind: 'value', key: keyAt(1), after: 0, limit: 1 } as const
    expect(solo.give({ type: 'message', link, message: get })).toBe(false)
    expect(part.seen).toEqual(['timer', 'answer', 'pressure', 'message'])
    const alone = new Solo()
    expect(alone.give({ type: 'timer', timer: 'store/repair' })).toBe(false)
  })
})

describe('a part', () => {
  it('hears of tables, holds peers, and is shown', () => {
    const { solo, part } = parted()
    solo.act(() => solo.router.tablesChanged(solo.effects))
    expect(part.seen).toEqual(['tables'])
    const held: Peer[] = []
    solo.router.heldPeers(peer => held.push(peer))
    expect(held).toEqual([7])
    expect(solo.router.snapshot()).toMatchObject({ part: { records: 3 }, links: 0, calls: 0, lookups: 0 })
    expect(new Solo().router.snapshot()).not.toHaveProperty('part')
  })
})

describe('an overlay', () => {
  it('names the types of its own answers', () => {
    const answers = new Set([...ROUTING_ANSWERS, 'page-of-ring'])
    const solo = new Solo({}, { answers })
    const link = solo.link(1)
    const outcomes: unknown[] = []
    solo.act(() =>
      solo.router.calls.request(
        solo.peer(1),
        { type: 'ping', id: 9 },
        2,
        outcome => outcomes.push(outcome),
        solo.effects
      )
    )
    const answer = { type: 'page-of-ring', id: 9 } as never
    expect(solo.give({ type: 'message', link, message: answer })).toBe(true)
    expect(outcomes).toEqual([{ answer }])
  })

  it('needs neither links nor settings of its own', () => {
    const router = new KeyRouter({ routing: new FixedRouting() })
    expect(router.settings.style).toBe('semi-recursive')
    expect(router.sizes()).toMatchObject({ calls: 0, relays: 0 })
  })
})
