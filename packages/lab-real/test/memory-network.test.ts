/** Connections in memory, as the transport makes them, before and after both ends know each other. */
import type { MultiaddrConnection, Transport } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { silentComponentLogger } from '@servent/libp2p-host'
import { expect, it } from 'vitest'
import { ON_THE_WAY_BYTES_MAX } from '../src/laid-connection.ts'
import { addressOfNumber, memoryNetwork } from '../src/memory-network.ts'

const PEER_ID = '12D3KooWSGGgdbBTTCAhbTCBcEBHYEDBkPCLnrTSGGJxzSQYVUPx'

/** Both ends of a connection. `onAccepted` is called before anything has come. */
async function ends(onAccepted: (end: MultiaddrConnection) => void) {
  const transport: Transport = memoryNetwork(`early-${Math.random()}`)({
    peerId: PEER_ID as never,
    logger: silentComponentLogger
  } as never)
  const accepted = Promise.withResolvers<MultiaddrConnection>()
  const dialled = Promise.withResolvers<MultiaddrConnection>()
  const listener = transport.createListener({
    upgrader: {
      upgradeInbound: async (connection: MultiaddrConnection) => {
        onAccepted(connection)
        accepted.resolve(connection)
      }
    } as never
  })
  const address = multiaddr(addressOfNumber(1))
  await listener.listen(address)
  await transport.dial(address, {
    upgrader: {
      upgradeOutbound: async (connection: MultiaddrConnection) => dialled.resolve(connection)
    } as never,
    signal: AbortSignal.timeout(5_000)
  })
  return { accepted: await accepted.promise, dialled: await dialled.promise, close: () => listener.close() }
}

/** Resolves once so many bytes have come. */
function arrival(end: MultiaddrConnection, bytes: number): Promise<void> {
  let length = 0
  return new Promise(resolve => {
    end.addEventListener('message', ({ data }) => {
      length += data.byteLength
      if (length >= bytes) resolve()
    })
  })
}

it('bytes that came before the ends knew each other are not taken for under way', async () => {
  const { accepted, dialled, close } = await ends(end => void end.send(new Uint8Array(1_000)))
  await arrival(dialled, 1_000)
  // As much as fits, with nothing beside it.
  expect(accepted.send(new Uint8Array(ON_THE_WAY_BYTES_MAX - 1))).toBe(true)
  await arrival(dialled, ON_THE_WAY_BYTES_MAX - 1)
  expect(accepted.send(new Uint8Array(ON_THE_WAY_BYTES_MAX))).toBe(false)
  await close()
})
