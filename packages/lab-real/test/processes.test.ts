/** Peers in processes, with programs in the place of a node that do one thing each: real processes, folders and channels. */
import { access, mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { generateKeyPairFromSeed, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { resolvePlan } from '@servent/lab'
import { overlaySettings } from '@servent/lab/backend'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { realBackend } from '../src/index.ts'
import { ANSWER_MS_MAX, ProcessesNetwork } from '../src/processes.ts'

/** Listens, says its environment where its address would stand, and answers nothing. */
const MUTE = `
  const { readFileSync, writeFileSync } = require('node:fs')
  writeFileSync(process.argv[2], '')
  process.on('message', () => {})
  process.on('disconnect', () => process.exit())
  const config = readFileSync(process.env.SERVENT_CONFIG, 'utf8')
  process.send({ event: 'ready', addresses: [JSON.stringify({ ...process.env, config, pid: process.pid })] })
`

/** One that answers whatever it is asked with this of its sockets. */
const lookedAt = (wire: object) => `${MUTE}
  process.on('message', ({ type, id }) => {
    if (type === 'ask') process.send({ event: 'answer', id, value: { wire: ${JSON.stringify(wire)} } })
  })
`

const networks: ProcessesNetwork[] = []
afterEach(async () => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  await Promise.all(networks.splice(0).map(network => network.close()))
})

async function mute(text = MUTE) {
  const folder = await mkdtemp(join(tmpdir(), 'mute-'))
  const [program, began] = [join(folder, 'mute.cjs'), join(folder, 'began')]
  await writeFile(program, text)
  const plan = resolvePlan({ overlays: ['chord'], backend: 'processes', nodes: 2, lookups: 1 })
  const network = new ProcessesNetwork({
    overlay: 'chord',
    settings: overlaySettings(plan, 'chord'),
    roundTripMs: () => 0,
    command: [process.execPath, program, began]
  })
  networks.push(network)
  const privateKey = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32))
  const spec = {
    node: 0,
    isServer: false,
    privateKey: privateKeyToProtobuf(privateKey),
    peerId: `${privateKey.publicKey}`,
    contacts: [],
    files: [],
    conditions: { isFirewalled: false }
  }
  return { network, spec, began }
}

/** A program in the place of `ss`, which leaves a file behind when it is asked. */
async function systemCounts(folder: string) {
  const [asked, text] = [join(folder, 'asked'), join(folder, 'text')]
  await writeFile(join(folder, 'ss'), `#!/bin/sh\n: > '${asked}'\ncat '${text}'\n`, { mode: 0o755 })
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`)
  return { asked, says: (line: string) => writeFile(text, `0 0 127.0.0.1:1 127.0.0.1:2 ${line}\n`) }
}

/** A user whose own nodes are set so that the lab's would not start. */
async function userWithConfig() {
  const home = await mkdtemp(join(tmpdir(), 'user-'))
  await mkdir(join(home, 'servent'))
  await writeFile(join(home, 'servent', 'config.toml'), 'this is no setting')
  vi.stubEnv('XDG_CONFIG_HOME', home)
  vi.stubEnv('SERVENT_LOG_LEVEL', 'debug')
}

describe('peers in processes', () => {
  it('have nothing of what the user has set for nodes of their own', async () => {
    await userWithConfig()
    const { network, spec } = await mute()
    const { address } = await network.start(spec)
    const env = JSON.parse(address)
    expect(Object.keys(env).filter(name => /^(XDG|SERVENT)_/.test(name))).toEqual(['SERVENT_CONFIG'])
    expect(env.config).toBe('')
    const jobs = [{ plan: resolvePlan({ backend: 'processes' }), overlay: 'chord' as const, seed: 1 }]
    await realBackend('processes', { command: [] }).check!(jobs as never)
  })

  it('are asked no longer than it takes to answer', async () => {
    const { network, spec } = await mute()
    const peer = await network.start(spec)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let told = ''
    const look = peer.look().catch(({ message }) => {
      told = message
    })
    await vi.advanceTimersByTimeAsync(ANSWER_MS_MAX - 1)
    expect(told).toBe('')
    await vi.advanceTimersByTimeAsync(1)
    await look
    expect(told).toBe(`Its process gave no answer to "look" within ${ANSWER_MS_MAX} ms: it may be stopped.`)
  })

  it('are asked for what the system counts only where that is wanted', async () => {
    const { network, spec, began } = await mute(lookedAt({ sentBytes: 9, openBytes: 7 }))
    const { asked, says } = await systemCounts(dirname(began))
    const peer = await network.start(spec)
    const pid = Number(JSON.parse(peer.address).pid)
    await says(`users:(("node",pid=${pid},fd=24)) bbr bytes_sent:8 bytes_acked:9`)
    expect((await peer.look()).kernelBytes).toBeUndefined()
    await expect(access(asked)).rejects.toThrow()
    expect((await peer.look({ withKernel: true })).kernelBytes).toBe(8)
    await access(asked)
  })

  it.each([
    [7, undefined],
    [0, 0]
  ])(
    'with %i bytes over open connections that the system does not name have %s there',
    async (openBytes, counted) => {
      const { network, spec, began } = await mute(lookedAt({ sentBytes: 9, openBytes }))
      const { says } = await systemCounts(dirname(began))
      const peer = await network.start(spec)
      await says('users:(("node",pid=1,fd=24)) bbr bytes_sent:8 bytes_acked:9')
      expect(await peer.look({ withKernel: true })).toEqual({
        wire: { sentBytes: 9, openBytes },
        kernelBytes: counted
      })
    }
  )

  it('that have ended are asked nothing', async () => {
    const { network, spec } = await mute()
    const peer = await network.start(spec)
    await peer.kill()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await expect(peer.look()).rejects.toThrow('Its process has ended.')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that are on their way when the network closes do not come, and leave nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'closing-'))
    const { network, spec, began } = await mute()
    vi.stubEnv('TMPDIR', folder)
    const starting = network.start(spec)
    starting.catch(() => {})
    await network.close()
    await expect(starting).rejects.toThrow()
    await network.close()
    await expect(network.start(spec)).rejects.toThrow('The network was closed')
    await expect(access(began)).rejects.toThrow()
    expect(await readdir(folder)).toEqual([])
  })
})
