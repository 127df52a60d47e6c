/** First contacts from several introducers: shares, networks, and how near their addresses may be. */
import { describe, expect, test } from 'vitest'
import type { Scope } from '../src/addresses.ts'
import { CONTACTS_MAX, CONTACTS_PER_NETWORK_MAX, CONTACTS_PER_PRIVATE_HOST_MAX } from '../src/limits.ts'
import { type Introduction, mergeIntroductions } from '../src/merge.ts'

const introduced = (peerId: string, addresses: string[], proven = addresses) => ({
  announcement: { peerId, addresses, overlays: [{ name: 'chord', role: 'peer' }], issuedMs: 0 },
  addresses: proven
})

/** An introducer with peers of networks of their own. */
const from = (introducer: string, first: number, count: number, scope: Scope = 'public'): Introduction => ({
  introducer,
  scope,
  peers: Array.from({ length: count }, (_, number) =>
    introduced(`${introducer}${number}`, [`/ip4/${first}.${number}.1.1/tcp/6346`])
  )
})

const names = (introductions: Introduction[], asked = introductions.length) =>
  mergeIntroductions(introductions, asked, 'self').map(({ peerId }) => peerId)

describe('shares', () => {
  test('one of three gives a third of CONTACTS_MAX at most, taken in turns', () => {
    const found = names([from('a', 11, 20), from('b', 12, 20), from('c', 13, 20)])
    expect(found).toHaveLength(CONTACTS_MAX)
    expect(found.slice(0, 6)).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'c1'])
    expect(found.filter(name => name.startsWith('a'))).toHaveLength(CONTACTS_MAX / 3)
  })

  test('a liar gets no more because others are down or know little', () => {
    expect(names([from('liar', 11, 20)], 3)).toHaveLength(CONTACTS_MAX / 3)
    expect(names([from('liar', 11, 20), from('b', 12, 2), from('c', 13, 0)])).toHaveLength(
      CONTACTS_MAX / 3 + 2
    )
  })

  test('one alone gives all, CONTACTS_MAX at most', () => {
    expect(names([from('a', 11, CONTACTS_MAX)])).toHaveLength(CONTACTS_MAX)
    expect(names([from('a', 11, CONTACTS_MAX + 1)])).toHaveLength(CONTACTS_MAX)
  })

  test('whom two name counts once, and this peer itself is nobody to meet', () => {
    const twice = {
      ...from('b', 12, 1),
      peers: [...from('a', 11, 1).peers, introduced('self', ['/ip4/9.9.9.9/tcp/1'])]
    }
    expect(names([from('a', 11, 1), twice])).toEqual(['a0'])
  })
})

describe('addresses', () => {
  const one = (addresses: string[], scope: Scope = 'public', proven = addresses) =>
    mergeIntroductions([{ introducer: 'a', scope, peers: [introduced('p', addresses, proven)] }], 1, 'self')

  test('CONTACTS_PER_NETWORK_MAX of a /24 over all introducers together', () => {
    const crowd = (introducer: string, hosts: number[]): Introduction => ({
      introducer,
      scope: 'public',
      peers: hosts.map(host => introduced(`${host}`, [`/ip4/8.8.8.${host}/tcp/1`]))
    })
    expect(names([crowd('a', [1, 2, 3]), crowd('b', [4, 5])])).toHaveLength(CONTACTS_PER_NETWORK_MAX)
  })

  test('CONTACTS_PER_PRIVATE_HOST_MAX of a machine on a private network', () => {
    const peers = Array.from({ length: CONTACTS_PER_PRIVATE_HOST_MAX + 1 }, (_, port) =>
      introduced(`${port}`, [`/ip4/192.168.1.5/tcp/${port + 1}`])
    )
    expect(names([{ introducer: 'a', scope: 'private', peers }])).toHaveLength(CONTACTS_PER_PRIVATE_HOST_MAX)
  })

  test('only those that the peer signed and the introducer called', () => {
    const own = ['/ip4/8.8.8.1/tcp/1', '/ip4/8.8.8.1/tcp/2']
    expect(one(own, 'public', ['/ip4/8.8.8.1/tcp/2', '/ip4/9.9.9.9/tcp/1'])).toMatchObject([
      { addresses: ['/ip4/8.8.8.1/tcp/2'], introducer: 'a', overlays: [{ name: 'chord', role: 'peer' }] }
    ])
    expect(one(own, 'public', [])).toEqual([])
    expect(one(own, 'public', [1 as never])).toEqual([])
  })

  test('an introducer leads nobody nearer than it is itself', () => {
    const near = ['/ip4/127.0.0.1/tcp/22', '/ip4/192.168.1.1/tcp/80', '/ip4/8.8.8.8/tcp/1']
    expect(one(near)[0]?.addresses).toEqual(near.slice(2))
    expect(one(near, 'private')[0]?.addresses).toEqual(near.slice(1))
    expect(one(near, 'loopback')[0]?.addresses).toEqual(near)
  })

  test('names, relays and other transports are not called', () => {
    expect(one(['/dns4/example.org/tcp/1', '/ip4/8.8.8.8/udp/1', '/ip4/8.8.8.8/tcp/1/ws'])).toEqual([])
  })
})
