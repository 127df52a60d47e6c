/** What a node makes of what it sees of its reachability. */
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { isFirewalled, OutsideCalls } from '../src/reachability.ts'

const [HOME, PUBLIC, ELSEWHERE] = [
  '/ip4/192.168.1.7/tcp/6346',
  '/ip4/5.9.1.2/tcp/6346',
  '/ip4/8.8.4.4/tcp/6346'
]
const NEAR = '/ip4/192.168.1.9/tcp/40000'
const RELAYED = `${ELSEWHERE}/p2p/12D3KooWKL6V5varHjqu6WQ8AwGyiFB6TxFxu3WLSPRVxPubDkk4/p2p-circuit`

interface Seen {
  readonly own: readonly string[]
  readonly linked: readonly string[]
  readonly calledFrom?: string
  readonly noInbound?: boolean
}

function isShut({ own, linked, calledFrom, noInbound = false }: Seen): boolean {
  const events = new EventTarget()
  const calls = new OutsideCalls(events as never, () => own)
  if (calledFrom !== undefined) {
    const detail = { direction: 'inbound', remoteAddr: multiaddr(calledFrom) }
    events.dispatchEvent(new CustomEvent('connection:open', { detail }))
  }
  const components = {
    addressManager: { getAddresses: () => own.map(address => multiaddr(address)) },
    connectionManager: { getConnections: () => linked.map(remote => ({ remoteAddr: multiaddr(remote) })) }
  }
  return isFirewalled({ noInbound }, components as never, calls)
}

test.each<[string, boolean, Seen]>([
  ['takes no calls', true, { own: [PUBLIC], linked: [], calledFrom: ELSEWHERE, noInbound: true }],
  ['speaks with the Internet from behind a router', true, { own: [HOME], linked: [NEAR, ELSEWHERE] }],
  ['is known to a relay alone', true, { own: [HOME, RELAYED], linked: [ELSEWHERE] }],
  [
    'was called from its own machine',
    true,
    { own: [HOME, PUBLIC.replace('5.9', '5.8'), RELAYED].slice(0, 1), linked: [ELSEWHERE], calledFrom: HOME }
  ],
  ['was called from outside', false, { own: [HOME], linked: [ELSEWHERE], calledFrom: ELSEWHERE }],
  ['has a public address', false, { own: [HOME, PUBLIC], linked: [ELSEWHERE] }],
  ['is on a network of its own', false, { own: [HOME], linked: [NEAR] }],
  ['reaches the Internet over relays alone', false, { own: [HOME], linked: [NEAR, RELAYED] }]
])('a node that %s: firewalled %s', (_what, firewalled, seen) => {
  expect(isShut(seen)).toBe(firewalled)
})
