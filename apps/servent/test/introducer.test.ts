/** The verb `introducer`: what it says when it listens, where it keeps its things, and why it cannot. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runLine } from './fixture.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-introducer-verb-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** One that is told to end before it begins: it listens, says so, and ends in order. */
const briefly = (line: string, options: Parameters<typeof runLine>[1] = {}) =>
  runLine(`introducer ${line}`, { signal: AbortSignal.abort(), ...options })

describe('introducer', () => {
  it('says by what URL others ask it, with its PeerId', async () => {
    const ran = await briefly(`--data-dir ${folder} --host 127.0.0.1 --port 0 --json`)
    expect(ran.code).toBe(0)
    const [listening, done] = ran.json as Record<string, unknown>[]
    const { peerId, port } = listening as { peerId: string; port: number }
    expect(listening).toEqual({
      event: 'listening',
      peerId: expect.stringMatching(/^12D3Koo/),
      port: expect.any(Number),
      url: `http://127.0.0.1:${port}/#${peerId}`,
      urls: [`http://127.0.0.1:${port}/#${peerId}`],
      private: true,
      peers: 0
    })
    expect(done).toEqual({ event: 'done' })

    const again = await briefly(`--data-dir ${folder} --host 127.0.0.1 --port 0`)
    expect(again.out).toContain(`Introducer  ${peerId}\n`)
    expect(again.err).toMatch(/Next: servent start --introducer http:\/\/127\.0\.0\.1:\d+\/#12D3Koo/)
  })

  it('lists public peers alone on all addresses, and says how it is reached behind a router', async () => {
    const ran = await briefly(`--data-dir ${folder} --port 0`)
    expect(ran.out).toContain('Lists       peers with public addresses\n')
    expect(ran.err).toMatch(/forward TCP port \d+/)
    expect((await briefly(`--data-dir ${folder} --port 0 --private --json`)).json[0]).toMatchObject({
      private: true
    })
  })

  it('has a folder of its own beside that of a node, and the one that it is given', async () => {
    expect(existsSync(join(folder, 'identity.key'))).toBe(true)
    expect(existsSync(join(folder, 'introducer'))).toBe(false)
  })

  it('says why it cannot listen', async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const taken = await briefly(`--data-dir ${folder} --host 127.0.0.1 --port ${port}`)
    server.close()
    expect(taken).toMatchObject({
      code: 1,
      out: '',
      err: `error: The introducer cannot listen on port ${port} of 127.0.0.1.\nwhy:   another program has that port, perhaps another introducer\ntry:   servent introducer --port 0 takes any free port\n`
    })
    const foreign = await briefly(`--data-dir ${folder} --host 192.0.2.77 --port 0`)
    expect(foreign).toMatchObject({
      code: 2,
      err: expect.stringContaining('does not have the address 192.0.2.77')
    })
    const past = await briefly(`--data-dir ${folder} --port 65536`)
    expect(past).toMatchObject({ code: 2, err: expect.stringContaining('from 0 to 65535') })
  })
})
