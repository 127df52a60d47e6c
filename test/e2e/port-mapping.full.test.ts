/** A router forwards the port when it is asked, in a network namespace. Needs root and `ip`. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import { Daemon, eventually } from './harness.ts'
import { canMakeNamespaces, inNamespace, ip, makeNamespace } from './namespaces.ts'

const OWN = '192.168.77.2'
const ROUTER = '192.168.77.1'
const OUTSIDE = '5.6.7.8'
const PORT = 6346

it.runIf(canMakeNamespaces())(
  'the router is asked for the port, the outside address is announced, and nothing is claimed of it (as root, with `ip`)',
  async () => {
    const name = makeNamespace('n')
    ip('-n', name, 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'wall')
    ip('-n', name, 'link', 'set', 'wall', 'up')
    for (const address of [OWN, ROUTER]) ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'lan')
    ip('-n', name, 'link', 'set', 'lan', 'up')
    const router = spawn(
      'ip',
      [
        'netns',
        'exec',
        name,
        process.execPath,
        join(import.meta.dirname, 'router.mjs'),
        ROUTER,
        '5000',
        OUTSIDE
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] }
    )
    onTestFinished(() => void router.kill())
    const asked: Record<string, string>[] = []
    createInterface(router.stdout).on('line', line => asked.push(JSON.parse(line)))
    await eventually(async () => asked.length > 0, 'the router is there')
    await using daemon = await Daemon.start({
      command: inNamespace(name),
      flags: [
        ...['--listen', `/ip4/${OWN}/tcp/${PORT}`],
        ...['--set', `port-mapping=http://${ROUTER}:5000/rootDesc.xml`]
      ]
    })
    const isMapped = async () => {
      const status = await daemon.json(['status'])
      return status.addresses.some((address: string) => address.startsWith(`/ip4/${OUTSIDE}/tcp/`)) && status
    }
    const status = await eventually(isMapped, 'the outside address is announced', 60_000)
    expect(asked.find(({ action }) => action === 'AddAnyPortMapping')).toMatchObject({
      NewInternalClient: OWN,
      NewInternalPort: String(PORT),
      NewProtocol: 'TCP'
    })
    expect(status.reachability).toMatchObject({
      kind: 'unknown',
      why: expect.stringContaining('nobody from outside')
    })
    await daemon.end()
    expect(asked.some(({ action }) => action === 'DeletePortMapping')).toBe(true)
  },
  120_000
)
