import { serviceDependencies } from '@libp2p/interface'
import { isPublic } from '@servent/libp2p-host'
import type { Catalogue, Overlay } from '@servent/overlay'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../src/index.ts'
import { explainListen } from '../src/listening.ts'
import { merge } from '../src/merge.ts'
import { OverlaySlot } from '../src/overlays.ts'
import { reachability } from '../src/reachability.ts'
import { stopInOrder } from '../src/stopping.ts'
import { fakeOverlay } from './support/hits.ts'

const logger = pino({ level: 'silent' })
const catalogue = {} as Catalogue

describe('an overlay that fails leaves the node alone', () => {
  const slot = (build: () => Overlay) => new OverlaySlot('gnutella', build, catalogue, logger)

  test('when it is built', async () => {
    const failed = slot(() => {
      throw new Error('no codec')
    })
    await failed.start()
    expect(failed.snapshot()).toMatchObject({
      name: 'gnutella',
      state: 'failed',
      reason: 'It could not be built: no codec'
    })
    expect(failed.running).toBeUndefined()
  })

  test('when it starts, and when it stops', async () => {
    const calls: string[] = []
    const failed = slot(() =>
      Object.assign(fakeOverlay('gnutella', []), {
        [serviceDependencies]: ['@libp2p/identify'],
        start: async () => {
          calls.push('start')
          throw new Error('no port')
        },
        afterStart: () => calls.push('afterStart'),
        stop: () => {
          calls.push('stop')
          throw new Error('no end')
        }
      })
    )
    expect(failed[serviceDependencies]).toEqual(['@libp2p/identify'])
    expect(failed.running).toBeDefined()
    await failed.beforeStart()
    await failed.start()
    await failed.afterStart()
    await failed.stop()
    expect(calls).toEqual(['start', 'stop'])
    expect(failed.snapshot()).toMatchObject({ state: 'failed', reason: 'It could not start: no port' })
  })
})

describe('several iterables as one', () => {
  test('in the order in which values come, past one that fails', async () => {
    const slow = Promise.withResolvers<void>()
    async function* first() {
      yield 1
      await slow.promise
      yield 2
    }
    async function* second() {
      yield 3
      throw new Error('lost')
    }
    const seen: unknown[] = []
    for await (const found of merge([first(), second()])) {
      seen.push(
        'value' in found ? [found.source, found.value] : [found.source, (found.error as Error).message]
      )
      if ('error' in found) slow.resolve()
    }
    expect(seen).toEqual([
      [0, 1],
      [1, 3],
      [1, 'lost'],
      [0, 2]
    ])
  })

  test('sources are left when the consumer leaves', async () => {
    let left = false
    async function* source() {
      try {
        for (;;) yield 1
      } finally {
        left = true
      }
    }
    for await (const _ of merge([source()])) break
    await Promise.resolve()
    expect(left).toBe(true)
  })
})

describe('what is known of reachability', async () => {
  const { config } = await loadConfig({ env: {}, dataDir: '/tmp/none' })
  test.each([
    [[], false, 'refused'],
    [['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1'], false, 'local'],
    [['/ip4/127.0.0.1/tcp/1', '/ip4/192.168.1.2/tcp/1'], false, 'private'],
    [['/ip4/192.168.1.2/tcp/1', '/ip4/1.1.1.1/tcp/1'], false, 'unknown'],
    [['/ip4/192.168.1.2/tcp/1'], true, 'public']
  ])('%j, called from outside: %s', (addresses, called, kind) => {
    expect(reachability(config, addresses as string[], called as boolean, []).kind).toBe(kind)
  })

  test('a node that takes no calls', () => {
    expect(reachability({ ...config, noInbound: true }, [], true, [])).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('no-inbound')
    })
  })

  test('a node that is called over relays', () => {
    const relays = ['12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf']
    const address = ['/ip4/192.168.1.2/tcp/1']
    expect(reachability({ ...config, noInbound: true }, [], false, relays)).toEqual({
      kind: 'relayed',
      why: 'It refuses every inbound connection (no-inbound), and is called over the relay …LvKXtf.'
    })
    expect(reachability(config, address, false, relays).why).toBe('It is called over the relay …LvKXtf.')
    expect(reachability(config, address, true, relays).kind).toBe('public')
  })
})

test.each([
  ['/ip4/8.8.8.8/tcp/1', true],
  ['/ip4/10.1.2.3/tcp/1', false],
  ['/ip4/172.15.0.1/tcp/1', true],
  ['/ip4/172.16.0.1/tcp/1', false],
  ['/ip4/172.31.255.255/tcp/1', false],
  ['/ip4/172.32.0.1/tcp/1', true],
  ['/ip4/100.63.0.1/tcp/1', true],
  ['/ip4/100.64.0.1/tcp/1', false],
  ['/ip4/169.254.0.1/tcp/1', false],
  ['/ip4/192.0.2.1/tcp/1', false],
  ['/ip4/203.0.114.1/tcp/1', true],
  ['/ip4/223.255.255.255/tcp/1', true],
  ['/ip4/224.0.0.1/tcp/1', false],
  ['/ip6/2a00::1/tcp/1', true],
  ['/ip6/2001:db8::1/tcp/1', false],
  ['/ip6/2001:db9::1/tcp/1', true],
  ['/ip6/::1/tcp/1', false],
  ['/ip6/fe80::1/tcp/1', false],
  ['/ip6/fd00::1/tcp/1', false],
  ['/dns4/example.org/tcp/1', false]
])('%s is public: %s', (address, expected) => {
  expect(isPublic(address)).toBe(expected)
})

test('an orderly end passes over a part that fails and one that hangs', async () => {
  const stopped: string[] = []
  await stopInOrder(
    logger,
    [
      ['one', async () => void stopped.push('one')],
      ['two', () => Promise.reject(new Error('two'))],
      ['three', () => new Promise(() => {})],
      ['four', async () => void stopped.push('four')]
    ],
    10
  )
  expect(stopped).toEqual(['one', 'four'])
})

test('libp2p’s word on a failed start becomes one that says what to do', () => {
  const failed = (reason: string) =>
    Object.assign(
      new Error(`Some configured addresses failed to be listened on:\n\n  /ip4/0.0.0.0/tcp/80: ${reason}\n`),
      {
        name: 'UnsupportedListenAddressesError'
      }
    )
  const said = (reason: string) => (explainListen(failed(reason)) as Error).message
  expect(said('listen EADDRINUSE: address already in use 0.0.0.0:6346')).toMatch(
    /^Port 6346 of 0\.0\.0\.0 is taken/
  )
  expect(said('listen EADDRINUSE: address already in use :::6346')).toMatch(/^Port 6346 of :: is taken/)
  expect(said('listen EADDRNOTAVAIL: address not available 192.0.2.1:6346')).toMatch(
    /does not have the address 192\.0\.2\.1\./
  )
  expect(said('listen EACCES: permission denied 0.0.0.0:80')).toMatch(/those below 1024 are kept/)
  expect(said('something else')).toMatch(/^This node cannot listen: .*something else/)
  const other = new Error('other')
  expect(explainListen(other)).toBe(other)
})
