/**
 * Two peers of which neither takes calls, and a relay between them: a file comes through, also where the relay is killed
 * and started anew in the middle, and both sides say that it is relayed.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Daemon, eventually } from './harness.ts'

const MiB = 1024 * 1024
const SIZE = 100 * MiB
/** So slow that the relay can be killed in the middle. */
const RATE = 10 * MiB
const START_MS = 60_000

/** Without a process of the command line, whose start may last longer than what is asked about. */
// biome-ignore lint/suspicious/noExplicitAny: tests read whatever shape the API promises
const asked = async (daemon: Daemon, path: string): Promise<any> => (await daemon.api(path)).json()

const portOf = (daemon: Daemon): string => /\/tcp\/(\d+)/.exec(daemon.address)![1]!

const isCalledOverRelay = (daemon: Daemon) => async () =>
  (await daemon.json(['status'])).reachability.kind === 'relayed'

it('100 MiB between two peers that refuse every call, over a relay that is killed in the middle', async () => {
  await using relay = await Daemon.start({ flags: ['--relay', 'serve'] })
  const flags = ['--no-inbound', '--bootstrap', relay.address, '--max-upload-rate', String(RATE)]
  await using sharer = await Daemon.start({ flags })
  await using fetcher = await Daemon.start({ flags })
  for (const peer of [sharer, fetcher]) {
    await eventually(isCalledOverRelay(peer), 'both are called over the relay', START_MS)
  }
  const content = randomBytes(SIZE)
  await mkdir(join(sharer.home, 'shared'))
  await writeFile(join(sharer.home, 'shared', 'big.bin'), content)
  const { ticket } = await sharer.json(['share', join(sharer.home, 'shared')])
  expect(await relay.json(['status'])).toMatchObject({ relay: { mode: 'serve', serving: { circuits: 0 } } })

  const output = join(fetcher.home, 'arrived.bin')
  const getting = fetcher.run(['--json', 'get', ticket, '--output', output])
  const progress = async () => (await asked(fetcher, '/v1/downloads')).downloads[0]
  await eventually(
    async () => ((await progress())?.verifiedBytes ?? 0) > 10 * MiB,
    'a tenth has come',
    START_MS
  )
  expect((await progress()).sources).toMatchObject([{ peer: sharer.ready.peerId, relayed: true }])
  // Between two ranges nothing is sent for a moment.
  const sending = async () => {
    const { uploads } = await asked(sharer, '/v1/uploads')
    return uploads.some(
      ({ peer, state, relayed }: { peer: string; state: string; relayed: boolean }) =>
        peer === fetcher.ready.peerId && state === 'sending' && relayed
    )
  }
  await eventually(sending, 'the sharer says that it sends over a relay', START_MS)
  const { relay: told } = await asked(relay, '/v1/status')
  expect(told.serving.reservations).toBe(2)
  expect(told.serving.circuits).toBeGreaterThan(0)
  expect(told.serving.relayedBytes).toBeGreaterThan(10 * MiB)

  await relay.end('SIGKILL')
  const before = (await progress()).verifiedBytes
  expect(before).toBeLessThan(SIZE)
  await using again = await Daemon.start({
    home: relay.home,
    flags: ['--relay', 'serve', '--listen', `/ip4/127.0.0.1/tcp/${portOf(relay)}`]
  })
  const { code, json } = await getting
  expect(code).toBe(0)
  expect(json.at(-1)).toMatchObject({ event: 'done', path: output, bytes: SIZE, sources: 1 })
  expect((await readFile(output)).equals(content)).toBe(true)
  const gave = json
    .flatMap(event => event.sources ?? [])
    .filter((source: { rate: number }) => source.rate > 0)
  expect(new Set(gave.map((source: { relayed: boolean }) => source.relayed))).toEqual(new Set([true]))
  // What was verified before the relay was killed did not come again.
  const { relay: then } = await again.json(['status'])
  expect(then.serving.relayedBytes).toBeLessThan(SIZE - before + 10 * MiB)
}, 180_000)

it('a sharer that takes no calls calls back where the fetcher can be called', async () => {
  await using relay = await Daemon.start({ flags: ['--relay', 'serve', '--overlays', 'chord'] })
  const flags = ['--overlays', 'chord', '--bootstrap', relay.address]
  await using sharer = await Daemon.start({ flags: [...flags, '--no-inbound'] })
  await using fetcher = await Daemon.start({ flags })
  await eventually(isCalledOverRelay(sharer), 'the sharer is called over the relay', START_MS)
  await mkdir(join(sharer.home, 'shared'))
  await writeFile(join(sharer.home, 'shared', 'small.bin'), randomBytes(5 * MiB))
  const { ticket } = await sharer.json(['share', join(sharer.home, 'shared')])
  const done = await fetcher.json(['get', ticket])
  expect(done).toMatchObject({ event: 'done', bytes: 5 * MiB })
  const { peers } = await fetcher.json(['peers'])
  // Where an overlay has met it over the relay before, that connection stands beside the one that was asked for.
  const ways = peers.filter((peer: { peerId: string }) => peer.peerId === sharer.ready.peerId)
  expect(ways).toContainEqual(expect.objectContaining({ direction: 'inbound', relayed: false }))
}, 120_000)
