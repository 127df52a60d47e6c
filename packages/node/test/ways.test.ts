import { generateKeyPair } from '@libp2p/crypto/keys'
import { expect, test } from 'vitest'
import { type Config, loadConfig } from '../src/index.ts'
import { Ways } from '../src/ways.ts'

async function ways(settings: Partial<Config> = {}) {
  const { config } = await loadConfig({ env: {}, dataDir: '/tmp/none' })
  const loopback = ['/ip4/127.0.0.1/tcp/0']
  return Ways.load({ ...config, listen: loopback, ...settings }, await generateKeyPair('Ed25519'))
}

const services = async (settings: Partial<Config>) => Object.keys((await ways(settings)).services).sort()

test('relays are used, served or left alone as configured', async () => {
  expect(await services({})).toEqual(['callBack', 'holePunching', 'relays'])
  expect(await services({ relay: 'serve' })).toEqual(['callBack', 'holePunching', 'relay', 'relays'])
  expect(await services({ relay: 'off' })).toEqual([])
  expect((await ways({ relay: 'off' })).transports).toEqual([])
})

test('only who may not be called otherwise is called over relays', async () => {
  const announce = ['/ip4/198.51.100.7/tcp/6346']
  expect((await ways()).listen).toHaveLength(2)
  expect((await ways({ announce })).listen).toEqual([])
  expect((await ways({ announce, noInbound: true })).listen).toHaveLength(2)
  expect((await ways({ relay: 'serve' })).listen).toEqual([])
})

test('a router is asked only where others than this machine may call', async () => {
  const off = { relay: 'off' } as const
  const listen = ['/ip4/0.0.0.0/tcp/6346']
  expect(await services({ ...off, listen })).toEqual(['portMapping'])
  expect(await services({ ...off, listen: ['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1'] })).toEqual([])
  expect(await services({ ...off, listen, noInbound: true })).toEqual([])
  expect(await services({ ...off, listen, portMapping: 'off' })).toEqual([])
})
