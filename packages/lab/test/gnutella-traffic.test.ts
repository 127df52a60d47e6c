/** What stands still in a frozen network, and what of a search is counted. */
import type { GnutellaCommand, GnutellaTypes, QueryMessage } from '@servent/gnutella/machine'
import { gnutellaCodec } from '@servent/gnutella/machine'
import type { Input } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { QueryTraffic } from '../src/overlays/gnutella-traffic.ts'

const query = (guid: string): QueryMessage => ({
  type: 'query',
  guid,
  ttl: 1,
  hops: 0,
  flags: 0x8000,
  text: 'blue',
  urns: [],
  ggep: []
})

describe('the traffic of queries', () => {
  it('of a frozen network: no upkeep, and searches that ask ring by ring or step by step go on', () => {
    const traffic = new QueryTraffic(1, () => 0)
    const hears = (timer: string) => traffic.onInput({ type: 'timer', timer }, 0)
    const timers = ['upkeep', 'handshake-1', 'ring-1', 'dynamic-1']
    expect(timers.filter(hears)).toEqual(timers)
    traffic.freeze()
    expect(timers.filter(hears)).toEqual(['ring-1', 'dynamic-1'])
    expect(traffic.onInput({ type: 'link-down', link: 1, end: { kind: 'closed', message: '' } }, 0)).toBe(
      true
    )
  })

  it('counts every message under the id of one of its queries, whoever sends it', () => {
    const traffic = new QueryTraffic(1_000, () => 0)
    const command: GnutellaCommand = { type: 'search', text: 'blue', urns: [] }
    const cost = { messages: 0, bytes: 0 }
    traffic.expect(command, cost)
    traffic.onInput({ type: 'command', id: 7, command } satisfies Input<GnutellaTypes>, 3)
    const [first, second, other] = ['a', 'b', 'c'].map(letter => query(letter.repeat(32)))
    traffic.onNotify({ type: 'search-traffic', search: 7, message: first!, copies: 1 }, 3)
    traffic.onNotify({ type: 'search-traffic', search: 7, message: second!, copies: 1 }, 3)
    traffic.onNotify({ type: 'search-traffic', search: 7, message: other!, copies: 1 }, 4)
    for (const message of [first!, second!, other!]) traffic.onSend(message, 1, 9, { nowMs: () => 0 })
    const bytes = gnutellaCodec.byteLength(first!)
    expect(cost).toEqual({ messages: 4, bytes: 4 * bytes })
    expect(traffic.all).toEqual(cost)
  })
})
