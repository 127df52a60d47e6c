/** What multiaddrs in binary form are, where they lead, and which of them are believed on whose word. */
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { believable, viewAddress } from '../src/addresses.ts'
import { ADDRESS_BYTES_MAX } from '../src/limits.ts'

const bytes = (text: string): Uint8Array => Uint8Array.from(multiaddr(text).bytes)
const RELAY = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'

test.each([
  ['/ip4/8.8.8.8/tcp/1', 'public'],
  ['/ip4/9.255.255.255/tcp/1', 'public'],
  ['/ip4/10.0.0.0/tcp/1', 'private'],
  ['/ip4/100.127.255.255/udp/1/quic-v1', 'private'],
  ['/ip4/100.128.0.0/tcp/1/ws', 'public'],
  ['/ip4/126.255.255.255/tcp/1', 'public'],
  ['/ip4/127.0.0.1/tcp/1', 'loopback'],
  ['/ip4/128.0.0.0/tcp/1', 'public'],
  ['/ip4/255.255.255.255/tcp/1', 'private'],
  ['/ip6/::1/tcp/1', 'loopback'],
  ['/ip4/0.0.0.1/tcp/1', 'private'],
  ['/ip6/::2/tcp/1', 'private'],
  ['/ip6/2000::/tcp/1', 'public'],
  ['/ip6/3fff:ffff::1/tcp/1', 'public'],
  ['/ip6/4000::1/tcp/1', 'private'],
  ['/ip6/2001:db8::1/tcp/1', 'private'],
  ['/ip6/2001:db9::1/tcp/1', 'public'],
  ['/ip6/::ffff:8.8.8.8/tcp/1', 'public'],
  ['/ip6/::ffff:10.1.1.1/tcp/1', 'private'],
  ['/ip6/::ffff:127.0.0.1/tcp/1', 'loopback'],
  ['/ip6/::fffe:8.8.8.8/tcp/1', 'private'],
  ['/ip6/0:0:1::ffff:127.0.0.1/tcp/1', 'private'],
  ['/ip6/2002:808:808::1/tcp/1', 'public'],
  ['/ip6/2002:a01:101::1/tcp/1', 'private'],
  ['/ip6/2002:7f00:1::1/tcp/1', 'loopback'],
  ['/ip6zone/eth0/ip6/fe80::1/tcp/1', 'private'],
  [`/ip4/8.8.8.8/tcp/1/p2p/${RELAY}/p2p-circuit`, 'public'],
  [`/ip4/10.1.1.1/tcp/1/p2p/${RELAY}/p2p-circuit`, 'private'],
  ['/dns4/example.org/tcp/1', undefined]
])('%s is %s', (text, reach) => {
  expect(viewAddress(bytes(text))).toEqual({ reach })
})

describe('what is no address of a peer', () => {
  it('is none cut short, with more behind it, with what nobody speaks, or that begins nowhere', () => {
    const whole = bytes('/ip4/8.8.8.8/tcp/1')
    for (let length = 0; length < whole.length; length += 1)
      if (length !== 5) expect(viewAddress(whole.subarray(0, length)), `${length}`).toBeUndefined()
    for (const bad of [
      [...whole, 0],
      [...whole, 0xff, 0xff, 0xff],
      [4, 1, 2],
      [54, 200, 1],
      [...bytes('/unix/%2Fetc')],
      [...bytes(`/p2p/${RELAY}`)],
      [...bytes('/tcp/80')],
      // A zone, of no address.
      [42, 1, 97],
      [...bytes('/memory/x')]
    ])
      expect(viewAddress(Uint8Array.from(bad))).toBeUndefined()
  })

  it('is one whose code is written longer than it need be', () => {
    expect(viewAddress(Uint8Array.from([4, 8, 8, 8, 8, 6, 0, 1]))).toEqual({ reach: 'public' })
    expect(viewAddress(Uint8Array.from([132, 0, 8, 8, 8, 8, 6, 0, 1]))).toBeUndefined()
  })

  it('is the unspecified one, in whatever form: it is dialled as the own machine', () => {
    for (const host of ['ip4/0.0.0.0', 'ip6/::', 'ip6/::ffff:0.0.0.0', 'ip6/2002::1', 'ip6zone/eth0/ip6/::'])
      expect(viewAddress(bytes(`/${host}/tcp/1`)), host).toBeUndefined()
    for (const from of ['public', 'private', 'loopback', undefined] as const)
      expect(believable([bytes('/ip4/0.0.0.0/tcp/1')], from, 'names')).toEqual([])
  })

  it('is one of more than ADDRESS_BYTES_MAX bytes', () => {
    const of = (length: number) => {
      const head = bytes('/ip4/8.8.8.8/tcp/1')
      const left = length - head.length - 4
      return Uint8Array.from([...head, 0xd2, 0x03, 0x80 | (left & 0x7f), left >> 7, ...Array(left).fill(7)])
    }
    expect(of(ADDRESS_BYTES_MAX)).toHaveLength(ADDRESS_BYTES_MAX)
    expect(viewAddress(of(ADDRESS_BYTES_MAX))).toEqual({ reach: 'public' })
    expect(viewAddress(of(ADDRESS_BYTES_MAX + 1))).toBeUndefined()
  })

  it('is found out of any bytes, and is nothing that libp2p could not read either', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), some => {
        const view = viewAddress(some)
        if (view?.reach !== undefined) expect(multiaddr(some).getComponents().length).toBeGreaterThan(0)
      }),
      { numRuns: 2_000 }
    )
  })
})

test('addresses are believed as far as whoever tells them can know', () => {
  const texts = ['/ip4/8.8.8.8/tcp/1', '/ip4/10.1.1.1/tcp/1', '/ip4/127.0.0.1/tcp/1', '/dns4/a.org/tcp/1']
  const all = [...texts.map(bytes), Uint8Array.of(1, 2, 3)]
  const kept = (...[from, allows]: [Parameters<typeof believable>[1], 'names' | 'no-names']) =>
    believable(all, from, allows).map(one => texts.indexOf(multiaddr(one).toString()))
  expect(kept('public', 'no-names')).toEqual([0])
  expect(kept('private', 'no-names')).toEqual([0, 1])
  expect(kept('loopback', 'no-names')).toEqual([0, 1, 2])
  expect(kept('public', 'names')).toEqual([0, 3])
  // No network says from where it came.
  expect(kept(undefined, 'names')).toEqual([0, 1, 2, 3])
})
