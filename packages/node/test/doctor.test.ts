import { chmod, mkdtemp, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OverlaySnapshot } from '@servent/overlay'
import { describe, expect, test } from 'vitest'
import { type DoctorInit, doctor } from '../src/doctor.ts'
import { IDENTITY_FILE } from '../src/folders.ts'
import { loadIdentity } from '../src/identity.ts'
import { type Config, loadConfig, type NodeStatus } from '../src/index.ts'
import { nodeStatus } from '../src/status.ts'

const gnutella: OverlaySnapshot = {
  name: 'gnutella',
  state: 'running',
  neighbours: [{ peerId: 'one', inbound: false, connectedMs: 1 }],
  counters: {}
}
const noLibrary = { totals: undefined, progress: undefined, roots: [], problems: 0 }

async function init(
  more: Partial<DoctorInit> = {},
  settings: Partial<Config> = {},
  connections = 1
): Promise<DoctorInit> {
  const dataDir = await mkdtemp(join(tmpdir(), 'servent-doctor-'))
  await loadIdentity(dataDir)
  const loaded = await loadConfig({ env: {}, dataDir })
  const config = { ...loaded.config, ...settings }
  const overlays = more.overlays ?? [gnutella]
  const status = nodeStatus({
    config,
    peerId: 'me',
    version: '1',
    uptimeMs: 1,
    addresses: config.noInbound ? [] : ['/ip4/192.168.1.2/tcp/6346'],
    calledFromOutside: false,
    relay: { mode: config.relay, relays: [] },
    connections,
    overlays,
    hotlist: [],
    library: noLibrary,
    downloads: [],
    uploads: [],
    participation: undefined
  })
  return { config, status, overlays, roots: [], wallMs: Date.UTC(2026, 5, 1), ...more }
}

async function ill(given: DoctorInit): Promise<Record<string, string>> {
  const checks = await doctor(given)
  for (const check of checks)
    expect([check.name, check.ok || check.try !== undefined]).toEqual([check.name, true])
  return Object.fromEntries(checks.filter(({ ok }) => !ok).map(({ name, message }) => [name, message]))
}

test('all is well, also where nobody may call', async () => {
  expect(await ill(await init())).toEqual({})
  expect(await ill(await init({}, { noInbound: true }))).toEqual({})
})

test('where it listens, in words for one address and for several', async () => {
  const given = await init()
  const said = async (addresses: readonly string[]) =>
    (await doctor({ ...given, status: { ...given.status, addresses } })).find(
      ({ name }) => name === 'listening'
    )
  const [one, two] = ['/ip4/192.168.1.2/tcp/6346', '/ip6/fd00::1/tcp/6346'] as [string, string]
  expect(await said([one])).toEqual({ name: 'listening', ok: true, message: `On ${one}.` })
  expect((await said([one, two]))?.message).toBe(`On ${one} and 1 more.`)
  expect(await said([])).toMatchObject({ ok: false, message: 'On no address.' })
})

test('what relays do for this node, and it for others', async () => {
  const said = async (given: DoctorInit) => (await doctor(given)).find(({ name }) => name === 'relays')
  const given = await init({}, { noInbound: true })
  const with_ = (relay: NodeStatus['relay']) => said({ ...given, status: { ...given.status, relay } })
  expect((await with_({ mode: 'use', relays: [] }))?.message).toContain('cannot fetch from it')
  expect((await with_({ mode: 'use', relays: ['R'] }))?.message).toBe('This node can be called over R.')
  expect((await with_({ mode: 'off', relays: [] }))?.message).toContain('as configured')
  const serving = { reservations: 2, circuits: 1, relayedBytes: 5 }
  expect(await with_({ mode: 'serve', relays: [], serving })).toMatchObject({
    ok: false,
    message: 'This node is a relay: 2 peers can be called over it, 1 connections go through it.',
    try: expect.stringContaining('leave out --no-inbound')
  })
})

test('a key that others can read, and one that is gone', async () => {
  const given = await init()
  const key = join(given.config.dataDir, IDENTITY_FILE)
  await chmod(key, 0o644)
  expect(await ill(given)).toEqual({ identity: `${key} can be read by others.` })
  await unlink(key)
  expect(await ill(given)).toEqual({ identity: `${key} is gone: the next start will be somebody else.` })
})

test('a clock that is years behind', async () => {
  expect(await ill(await init({ wallMs: 0 }))).toEqual({
    clock: 'The clock says 1970-01-01T00:00:00.000Z: what this node signs looks expired to others.'
  })
})

test('nobody is there', async () => {
  const alone: OverlaySnapshot = { ...gnutella, neighbours: [] }
  expect(await ill(await init({ overlays: [alone] }, {}, 0))).toEqual({
    peers: 'Connected to nobody. Peers are looked for by: mdns, bootstrap.',
    'overlay gnutella': 'It runs and has no neighbours yet.'
  })
})

test('an overlay has 90 s for its first neighbour, where anybody is there', async () => {
  const alone: OverlaySnapshot = { ...gnutella, name: 'fasttrack', neighbours: [] }
  const given = await init({ overlays: [alone] })
  const after = (uptimeMs: number, connections = 1) =>
    ill({ ...given, status: { ...given.status, uptimeMs, connections } })
  expect(await after(89_999)).toEqual({})
  const none = { 'overlay fasttrack': 'It runs and has no neighbours yet.' }
  expect(await after(90_000)).toEqual(none)
  expect(await after(89_999, 0)).toMatchObject(none)
})

test('an overlay that failed, a folder that is unplugged', async () => {
  const failed: OverlaySnapshot = { ...gnutella, state: 'failed', reason: 'It could not start: no port' }
  const roots = [
    { path: '/media/stick', present: false },
    { path: '/home/me/music', present: true }
  ]
  expect(await ill(await init({ overlays: [failed], roots }))).toEqual({
    'overlay gnutella': 'It is failed: It could not start: no port',
    'shared folder': '/media/stick is gone or unplugged; its files are not offered until it is back.'
  })
})

test('files that no index takes are told of, with the reason', async () => {
  const announced = { files: 9, of: 12, refused: 3, why: 'a supernode takes 6 MiB of records of one peer' }
  const given = await init({ overlays: [{ ...gnutella, name: 'fasttrack', announced }] })
  expect(await ill(given)).toEqual({
    'overlay fasttrack':
      '3 shared files are found by nobody here: a supernode takes 6 MiB of records of one peer.'
  })
  expect(given.status.overlays[0]!.announced).toEqual(announced)
})

test('and are no fault where another overlay finds them', async () => {
  const announced = { files: 9, of: 12, refused: 3, why: 'a supernode takes 6 MiB of records of one peer' }
  const fasttrack: OverlaySnapshot = { ...gnutella, name: 'fasttrack', announced }
  const said = async (other: OverlaySnapshot) =>
    (await doctor(await init({ overlays: [fasttrack, other] }))).find(
      ({ name }) => name === 'overlay fasttrack'
    )
  expect(await said(gnutella)).toEqual({
    name: 'overlay fasttrack',
    ok: true,
    message:
      '3 shared files are found through gnutella alone: a supernode takes 6 MiB of records of one peer.'
  })
  // One that has nobody to be found by, has failed, or refuses files itself finds nothing.
  for (const useless of [
    { ...gnutella, neighbours: [] },
    { ...gnutella, state: 'failed' as const },
    { ...gnutella, announced }
  ])
    expect(await said(useless)).toMatchObject({
      ok: false,
      try: expect.stringContaining('share fewer files')
    })
})

describe('Napster with nobody there', () => {
  const napster: OverlaySnapshot = { ...gnutella, name: 'napster', neighbours: [] }
  const said = async (overlays: string[], servers: string[]) => {
    const given = await init({ overlays: [napster] })
    const config = { ...given.config, overlays, napster: { ...given.config.napster, servers } }
    return (await doctor({ ...given, config })).find(({ name }) => name === 'overlay napster')
  }

  test('is no fault where no server was named: it is told what to set', async () => {
    expect(await said(['napster'], [])).toEqual({
      name: 'overlay napster',
      ok: true,
      message: expect.stringMatching(/logged in nowhere.*--set napster\.servers=MULTIADDR.*napster-server/)
    })
  })

  test('is none of a server either', async () => {
    expect(await said(['napster', 'napster-server'], [])).toEqual({
      name: 'overlay napster',
      ok: true,
      message: 'It runs as a server, and nobody is logged in.'
    })
  })

  test('is one where a server was named', async () => {
    expect(await said(['napster'], ['/ip4/192.0.2.7/tcp/6346/p2p/12D3Koo'])).toMatchObject({
      ok: false,
      message: 'It runs and has no neighbours yet.',
      try: expect.stringContaining('check that the servers run')
    })
  })
})
