/**
 * The same over networks that do not meet: sharer, relay and fetcher each in a network namespace of its own, where the
 * relay is on both sides and hands on no packet of IP. Needs root and `ip`.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Daemon, eventually } from './harness.ts'
import { canMakeNamespaces, inNamespace, ip, makeNamespace } from './namespaces.ts'

const MiB = 1024 * 1024
const SIZE = 100 * MiB
const START_MS = 60_000
const PORT = 6346
const SIDES = ['one', 'two'] as const

/** 10.77.1.0/24 between the relay and one peer, 10.77.2.0/24 between it and the other. */
function makeNetworks(): { relay: string; one: string; two: string } {
  const names = { relay: makeNamespace('r'), one: makeNamespace('a'), two: makeNamespace('b') }
  for (const [index, side] of SIDES.entries()) {
    const [near, far] = [`r${index}`, `p${index}`]
    ip('link', 'add', near, 'netns', names.relay, 'type', 'veth', 'peer', 'name', far, 'netns', names[side])
    ip('-n', names.relay, 'addr', 'add', `10.77.${index + 1}.1/24`, 'dev', near)
    ip('-n', names[side], 'addr', 'add', `10.77.${index + 1}.2/24`, 'dev', far)
    ip('-n', names.relay, 'link', 'set', near, 'up')
    ip('-n', names[side], 'link', 'set', far, 'up')
  }
  return names
}

it.runIf(canMakeNamespaces())(
  'two networks that do not meet, and a relay in both that is killed in the middle (as root, with `ip`)',
  async () => {
    const names = makeNetworks()
    const start = (side: keyof typeof names, flags: string[], home?: string) =>
      Daemon.start({ command: inNamespace(names[side]), flags, ...(home === undefined ? {} : { home }) })
    const listen = SIDES.flatMap((_, index) => ['--listen', `/ip4/10.77.${index + 1}.1/tcp/${PORT}`])
    const serve = ['--relay', 'serve', '--set', 'port-mapping=off', ...listen]
    await using relay = await start('relay', serve)
    const peer = (index: number) => [
      ...['--no-inbound', '--max-upload-rate', String(5 * MiB)],
      ...['--bootstrap', `/ip4/10.77.${index + 1}.1/tcp/${PORT}/p2p/${relay.ready.peerId}`]
    ]
    await using sharer = await start('one', peer(0))
    await using fetcher = await start('two', peer(1))
    const isCalled = async () => (await sharer.json(['status'])).reachability.kind === 'relayed'
    await eventually(isCalled, 'the sharer is called over the relay', START_MS)
    const content = randomBytes(SIZE)
    await mkdir(join(sharer.home, 'shared'))
    await writeFile(join(sharer.home, 'shared', 'big.bin'), content)
    const { ticket } = await sharer.json(['share', join(sharer.home, 'shared')])
    const output = join(fetcher.home, 'arrived.bin')
    const getting = fetcher.run(['--json', 'get', ticket, '--output', output])
    const progress = async () => (await fetcher.json(['downloads'])).downloads[0]
    const isUnderWay = async () => ((await progress())?.verifiedBytes ?? 0) > 10 * MiB
    await eventually(isUnderWay, 'a tenth has come', START_MS)
    expect((await progress()).sources).toMatchObject([{ peer: sharer.ready.peerId, relayed: true }])
    expect((await sharer.json(['uploads'])).uploads).toMatchObject([{ state: 'sending', relayed: true }])
    await relay.end('SIGKILL')
    await using _again = await start('relay', serve, relay.home)
    const { code, json } = await getting
    expect([code, json.at(-1)]).toMatchObject([0, { event: 'done', path: output, bytes: SIZE }])
    expect((await readFile(output)).equals(content)).toBe(true)
  },
  300_000
)
