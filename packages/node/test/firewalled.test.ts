/** A node behind a router: it speaks with the Internet from a private address, and nobody out there has ever called it. */
import type { Connection, Transport } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, expect, test } from 'vitest'
import type { NodeDeps } from '../src/index.ts'
import { startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

const ELSEWHERE = multiaddr('/ip4/8.8.4.4/tcp/6346')

/** Whoever is called seems to be on the Internet. */
const farAway: NodeDeps['aroundTcp'] = tcp => components => {
  const transport = tcp(components)
  const dial: Transport['dial'] = (address, options) => {
    const { upgrader } = options
    const upgradeOutbound = (socket: object, init: object): Promise<Connection> =>
      upgrader.upgradeOutbound(Object.assign(socket, { remoteAddr: ELSEWHERE }) as never, init as never)
    return transport.dial(address, { ...options, upgrader: { ...upgrader, upgradeOutbound } as never })
  }
  return new Proxy(transport, {
    get: (target, key) => {
      if (key === 'dial') return dial
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}

async function commandsOf(aroundTcp: NodeDeps['aroundTcp']) {
  const server = await startNode({ flags: { overlays: 'gnutella,fasttrack,napster,napster-server' } })
  const told: Record<string, unknown> = {}
  const trace: NodeDeps['trace'] = (name, { input }) => {
    if (input.type !== 'command') return
    const { type, firewalled, isReachable } = input.command
    if (type === 'sharing' || type === 'circumstances') told[name] = firewalled ?? !isReachable
  }
  await startNode({
    flags: { overlays: 'gnutella,fasttrack,napster', relay: 'off' },
    set: [`napster.servers=${server.addresses()[0]}`],
    bootstrap: [server],
    deps: { trace, ...(aroundTcp && { aroundTcp }) }
  })
  return told
}

test('is told to be firewalled in every overlay that has its sharers call', async () => {
  const told = await commandsOf(farAway)
  await expect
    .poll(() => told, { timeout: 40_000 })
    .toEqual({ gnutella: true, fasttrack: true, napster: true })
}, 60_000)

test('and one on a network of its own in none', async () => {
  const told = await commandsOf(undefined)
  await expect
    .poll(() => told, { timeout: 40_000 })
    .toEqual({ gnutella: false, fasttrack: false, napster: false })
}, 60_000)
