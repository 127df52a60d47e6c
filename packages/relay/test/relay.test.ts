import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { isRelayed, streamDuplex } from '@servent/libp2p-host'
import { HOP_PROTOCOL, STOP_PROTOCOL } from '@servent/relay'
import { expect, test } from 'vitest'
import { type Peer, startPeer, startRelay, until } from './helpers.ts'

const ECHO = '/test/echo/1.0.0'
const MIB = 1024 * 1024
const SECONDS_60 = 60_000

async function echo({ libp2p }: Peer): Promise<void> {
  await libp2p.handle(
    ECHO,
    async stream => {
      const duplex = streamDuplex(stream)
      await pipeline(duplex, duplex).catch(() => {})
    },
    { runOnLimitedConnection: true }
  )
}

/** Two peers that take no calls, and a relay that both know. */
async function firewalled(options: Parameters<typeof startRelay>[0] = {}) {
  const relay = await startRelay(options)
  const [one, other] = [await startPeer(), await startPeer()]
  for (const { libp2p } of [one, other]) await libp2p.dial(relay.libp2p.getMultiaddrs())
  await until(() => relay.server.status().reservations === 2)
  await until(() => [one, other].every(({ libp2p }) => libp2p.getMultiaddrs().length > 0))
  await echo(other)
  return { relay, one, other }
}

async function ask(connection: Connection, bytes: number): Promise<number> {
  const duplex = streamDuplex(await connection.newStream(ECHO, { runOnLimitedConnection: true }))
  let came = 0
  duplex.on('data', (chunk: Uint8Array) => {
    came += chunk.length
  })
  const chunk = Buffer.alloc(64 * 1024, 7)
  for (let sent = 0; sent < bytes; sent += chunk.length) if (!duplex.write(chunk)) await once(duplex, 'drain')
  duplex.end()
  await once(duplex, 'end')
  return came
}

test(
  'two peers that take no calls meet over a relay, and more goes through than libp2p’s own lets',
  async () => {
    const { relay, one, other } = await firewalled()
    const connection = await one.libp2p.dial(other.libp2p.getMultiaddrs())
    expect(connection.remotePeer.toString()).toBe(other.id)
    expect([isRelayed(connection), connection.limits?.bytes]).toEqual([true, undefined])
    expect(connection.limits?.seconds).toBeGreaterThan(7000)
    expect(one.use.relays()).toEqual([relay.id])
    expect(await ask(connection, 8 * MIB)).toBe(8 * MIB)
    const { circuits, relayedBytes } = relay.server.status()
    expect(circuits).toBe(1)
    expect(relayedBytes).toBeGreaterThan(16 * MIB)
    await connection.close()
    await until(() => relay.server.status().circuits === 0)
  },
  SECONDS_60
)

test(
  'a reader that rests holds the sender back through the relay',
  async () => {
    const { relay, one, other } = await firewalled()
    await other.libp2p.handle('/test/rest', stream => void streamDuplex(stream).on('error', () => {}), {
      runOnLimitedConnection: true
    })
    const connection = await one.libp2p.dial(other.libp2p.getMultiaddrs())
    const duplex = streamDuplex(await connection.newStream('/test/rest', { runOnLimitedConnection: true }))
    const chunk = Buffer.alloc(256 * 1024)
    let sent = 0
    for (;;) {
      if (duplex.write(chunk)) {
        sent += chunk.length
        continue
      }
      const drained = await Promise.race([
        once(duplex, 'drain').then(() => true),
        new Promise<false>(resolve => setTimeout(() => resolve(false), 1000))
      ])
      if (!drained) break
    }
    // A window of the inner connection, and what the streams on the way hold.
    expect(sent).toBeLessThan(16 * MIB)
    expect(relay.server.status().relayedBytes).toBeLessThan(8 * MIB)
    duplex.destroy()
  },
  SECONDS_60
)

test(
  'a budget that is used up makes its peer slow and does not cut it',
  async () => {
    const { relay, one, other } = await firewalled({
      limits: { peerBurstBytes: 2 * MIB, peerBytesPerSecond: 4 * MIB }
    })
    const connection = await one.libp2p.dial(other.libp2p.getMultiaddrs())
    const startMs = performance.now()
    expect(await ask(connection, 6 * MIB)).toBe(6 * MIB)
    // 12 MiB in both directions, of which 2 MiB come at once.
    expect(performance.now() - startMs).toBeGreaterThan(2_300)
    expect(relay.server.status().relayedBytes).toBeGreaterThan(12 * MIB)
  },
  SECONDS_60
)

test(
  'a circuit is cut when its time is up, and another one is given',
  async () => {
    const { relay, one, other } = await firewalled({ limits: { circuitMs: 1_000 } })
    const connection = await one.libp2p.dial(other.libp2p.getMultiaddrs())
    await until(() => connection.status !== 'open')
    await until(() => relay.server.status().circuits === 0)
    const next = await one.libp2p.dial(other.libp2p.getMultiaddrs())
    expect(await ask(next, MIB / 4)).toBe(MIB / 4)
  },
  SECONDS_60
)

test(
  'a relay that starts anew is found again by those who are called over it',
  async () => {
    const { relay, one, other } = await firewalled()
    const address = relay.libp2p.getMultiaddrs()[0]!
    const port = Number(address.getComponents().find(({ name }) => name === 'tcp')!.value)
    await relay.libp2p.stop()
    await until(() => [one, other].every(({ use }) => use.relays().length === 0))
    expect(other.libp2p.getMultiaddrs()).toEqual([])
    const again = await startRelay({ privateKey: relay.privateKey, port })
    await until(() => again.server.status().reservations === 2)
    const connection = await one.libp2p.dial(multiaddr(`${address}/p2p-circuit/p2p/${other.id}`))
    expect(await ask(connection, MIB)).toBe(MIB)
  },
  SECONDS_60
)

test(
  'there is no way to who has no reservation, and none over two relays',
  async () => {
    const relay = await startRelay()
    const [one, other] = [await startPeer(), await startPeer({ listen: true })]
    await one.libp2p.dial(relay.libp2p.getMultiaddrs())
    await until(() => one.use.relays().length === 1)
    const to = multiaddr(`${relay.libp2p.getMultiaddrs()[0]}/p2p-circuit/p2p/${other.id}`)
    await expect(one.libp2p.dial(to)).rejects.toThrow()
    // A peer cannot make itself another one's relay by handing a call on.
    const direct = await one.libp2p.dial(
      other.libp2p.getMultiaddrs().filter(address => !`${address}`.includes('circuit'))
    )
    const stream = await direct.newStream(STOP_PROTOCOL)
    await until(() => stream.status !== 'open')
    expect(other.use.relays()).toEqual([])
    await expect(direct.newStream(HOP_PROTOCOL)).rejects.toThrow()
  },
  SECONDS_60
)

test(
  'two relays are used where there are two',
  async () => {
    const relays = [await startRelay(), await startRelay(), await startRelay()]
    const peer = await startPeer()
    for (const { libp2p } of relays) await peer.libp2p.dial(libp2p.getMultiaddrs())
    await until(() => peer.use.relays().length === 2)
    await until(() => new Set(peer.libp2p.getMultiaddrs().map(String)).size === 2)
  },
  SECONDS_60
)

test(
  'who can be called only over a relay calls back when asked, and not without end',
  async () => {
    const relay = await startRelay()
    const [one, other] = [await startPeer({ listen: true }), await startPeer()]
    for (const { libp2p } of [one, other]) await libp2p.dial(relay.libp2p.getMultiaddrs())
    await until(() => other.libp2p.getMultiaddrs().length > 0)
    const relayed = await one.libp2p.dial(other.libp2p.getMultiaddrs())
    await until(async () => {
      const known = await other.libp2p.peerStore.get(one.libp2p.peerId).catch(() => undefined)
      return known?.addresses.some(({ isCertified }) => isCertified) ?? false
    })
    const direct = await one.callBack.ask(relayed, AbortSignal.timeout(10_000))
    expect([direct?.remotePeer.toString(), isRelayed(direct!), direct?.direction]).toEqual([
      other.id,
      false,
      'inbound'
    ])
    // Nobody can call this one, so it asks nobody to.
    const back = other.libp2p.getConnections(one.libp2p.peerId).find(isRelayed)!
    expect(await other.callBack.ask(back, AbortSignal.timeout(10_000))).toBeUndefined()
  },
  SECONDS_60
)
