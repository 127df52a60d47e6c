/** Where the API listens, how others find it, and what a client makes of a node that is not there. */
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readOrMakeToken } from '../src/api/secret.ts'
import { Client } from '../src/cli/client.ts'
import { type Listening, listen, SOCKET_PATH_BYTES_MAX } from '../src/daemon/listen.ts'
import { readNotice, removeNotice, writeNotice } from '../src/daemon/notice.ts'
import { problemOf } from '../src/problem.ts'
import { FakeNode, fakeConfig } from './fake-node.ts'
import { runLine } from './fixture.ts'

let folder: string
const opened: Listening[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-daemon-'))
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  await rm(folder, { recursive: true, force: true })
})

async function open(dataDir: string, api = '127.0.0.1:0'): Promise<Listening> {
  const node = new FakeNode({ ...(await fakeConfig(dataDir)), api })
  const listening = await listen({ node, version: '0.1.0', token: 'A'.repeat(43), onStop: () => {} })
  opened.push(listening)
  return listening
}

/** A folder whose socket has a path of exactly so many bytes. */
async function folderFor(socketBytes: number): Promise<string> {
  const name = 'x'.repeat(socketBytes - Buffer.byteLength(join(folder, '/', 'api.sock')) - 1)
  const path = join(folder, name)
  await mkdir(path)
  expect(Buffer.byteLength(join(path, 'api.sock'))).toBe(socketBytes)
  return path
}

describe('the unix socket', () => {
  it('stands in the data folder, as long as its path fits', async () => {
    const path = await folderFor(SOCKET_PATH_BYTES_MAX)
    const listening = await open(path)
    expect(listening).toMatchObject({ socket: join(path, 'api.sock'), warnings: [] })
    expect((await stat(listening.socket!)).isSocket()).toBe(true)
  })

  it('is left out with a sentence, one byte later', async () => {
    const listening = await open(await folderFor(SOCKET_PATH_BYTES_MAX + 1))
    expect(listening.socket).toBeUndefined()
    expect(listening.warnings).toEqual([
      expect.stringContaining(`${SOCKET_PATH_BYTES_MAX + 1} bytes, ${SOCKET_PATH_BYTES_MAX} are possible`)
    ])
  })

  it('takes the place of one that a killed node left', async () => {
    await writeFile(join(folder, 'api.sock'), '')
    expect((await stat((await open(folder)).socket!)).isSocket()).toBe(true)
  })

  it('goes when the node does', async () => {
    const { socket } = await open(folder)
    await opened.pop()!.close()
    await expect(stat(socket!)).rejects.toThrow('ENOENT')
  })
})

describe('the port', () => {
  it('that is taken is told of in a sentence', async () => {
    const { url } = await open(folder)
    const other = join(folder, 'other')
    await mkdir(other)
    await expect(open(other, new URL(url).host)).rejects.toMatchObject({
      problem: {
        message: `The API cannot listen on ${new URL(url).host}.`,
        why: 'another program has that port, perhaps another node',
        try: '--api 127.0.0.1:0 takes any free port'
      }
    })
  })

  it('may be of IPv6', async () => {
    const listening = await open(folder, '[::1]:0').catch(error => error as NodeJS.ErrnoException)
    if (listening instanceof Error) expect(['EADDRNOTAVAIL', 'EAFNOSUPPORT']).toContain(listening.code)
    else expect((await fetch(`${listening.url}/health`)).status).toBe(200)
  })
})

describe('the notice', () => {
  it('is there while the node runs, for its owner alone', async () => {
    expect(await readNotice(folder)).toBeUndefined()
    const notice = { pid: 7, version: '0.1.0', url: 'http://127.0.0.1:1', startedMs: 5 }
    await writeNotice(folder, notice)
    expect(await readNotice(folder)).toEqual(notice)
    expect((await stat(join(folder, 'daemon.json'))).mode & 0o777).toBe(0o600)
    await removeNotice(folder)
    expect(await readNotice(folder)).toBeUndefined()
  })

  it('that was cut short counts for none', async () => {
    for (const text of ['', '{"pid": 1', '{}', '[]']) {
      await writeFile(join(folder, 'daemon.json'), text)
      expect(await readNotice(folder)).toBeUndefined()
    }
  })
})

describe('a client', () => {
  let server: Server
  afterEach(() => new Promise(resolve => server.close(resolve)))

  /** A node that answers every request with these bytes and hangs up. */
  async function answering(text: string, status = 200): Promise<Client> {
    server = createServer((_, response) => response.writeHead(status).end(text))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await readOrMakeToken(folder)
    await writeNotice(folder, { pid: 7, version: '0.1.0', url: `http://127.0.0.1:${port}`, startedMs: 5 })
    return Client.connect(folder)
  }

  const call = { method: 'GET', path: '/v1/status' } as const
  const all = async (client: Client) => {
    const events = []
    for await (const event of client.events(call)) events.push(event)
    return events
  }

  it('parts lines at newlines alone', async () => {
    const client = await answering('{"event":"hit","name":"a\u2028b"}\n{"event":"done"}\n')
    expect(await all(client)).toEqual([{ event: 'hit', name: 'a\u2028b' }, { event: 'done' }])
  })

  it('says so when the node ends in the middle of its answer', async () => {
    const client = await answering('{"event":"hit"}\n')
    await expect(all(client)).rejects.toThrow('The node ended before its answer did.')
  })

  it('gives the reason of a refusal, and of one that has none', async () => {
    const refused = await answering('{"error":{"code":"not-found","message":"No such thing."}}', 404)
    await expect(refused.call(call)).rejects.toMatchObject({
      problem: { code: 'not-found', message: 'No such thing.' }
    })
    server.close()
    const odd = await answering('<html>', 502)
    await expect(odd.call(call)).rejects.toThrow('The node answered with status 502.')
  })

  it('tells a node that crashed from one that never ran', async () => {
    const client = await answering('')
    await new Promise(resolve => server.close(resolve))
    await expect(client.call(call)).rejects.toMatchObject({
      problem: { code: 'no-daemon', why: 'it crashed or was killed', try: 'servent start' }
    })
  })
})

describe('a token that cannot be used', () => {
  const spoil = {
    'is gone': () => rm(join(folder, 'api.token')),
    'can be read by others': () => chmod(join(folder, 'api.token'), 0o644)
  }
  const told = async (url: string, socket?: string) => {
    await readOrMakeToken(folder)
    await writeNotice(folder, { pid: 4711, version: '0.1.0', url, startedMs: 5, ...(socket && { socket }) })
  }

  it.each(Object.entries(spoil))('%s: no node runs where nobody answers', async (_, spoiled) => {
    await writeFile(join(folder, 'api.sock'), '')
    for (const socket of [undefined, join(folder, 'api.sock')]) {
      await told('http://127.0.0.1:1', socket)
      await spoiled()
      const line = ['--data-dir', folder]
      expect((await runLine(line)).out).toContain('No node is running')
      expect((await runLine([...line, '--json'])).json[0]).toMatchObject({ running: false })
      expect(await runLine([...line, 'stop'])).toMatchObject({
        code: 5,
        err: expect.stringMatching(
          /^error: The node of pid 4711 does not answer.*\n.*\ntry: {3}servent start\n$/
        )
      })
      expect(await readNotice(folder)).toBeUndefined()
      await rm(join(folder, 'api.token'), { force: true })
    }
  })

  it.each(Object.entries(spoil))('%s: names the process to end where one does', async (_, spoiled) => {
    const { url, socket } = await open(folder)
    for (const over of [undefined, socket]) {
      await told(url, over)
      await spoiled()
      const ran = await runLine(['--data-dir', folder, 'stop'])
      expect(ran.code).toBe(6)
      expect(ran.err).toContain('end the node (kill 4711), then servent start')
      await rm(join(folder, 'api.token'), { force: true })
    }
  })
})

describe('problems', () => {
  it.each([
    ['QueryError', 'usage'],
    ['AmbiguousError', 'usage'],
    ['DownloadExistsError', 'usage'],
    ['ListenError', 'failed'],
    ['PushError', 'failed'],
    ['PathNotFoundError', 'not-found'],
    ['NoSourceError', 'not-found'],
    ['NoDownloadError', 'not-found'],
    ['TimeoutError', 'timed-out'],
    ['IdentityError', 'not-allowed'],
    ['VerificationError', 'verification-failed'],
    ['FolderLockedError', 'failed'],
    ['Error', 'failed']
  ])('%s means %s', (name, code) => {
    expect(problemOf(Object.assign(new Error('What and why.'), { name }))).toMatchObject({
      code,
      message: 'What and why.'
    })
  })

  it.each([
    ['DownloadExistsError', 'servent downloads --cancel ID'],
    ['ListenError', 'servent start --listen /ip4/0.0.0.0/tcp/0 takes any free port'],
    ['PushError', 'the same command again later, or another source of the file']
  ])('%s has advice of its own', (name, advice) => {
    expect(problemOf(Object.assign(new Error('What and why.'), { name })).try).toBe(advice)
  })

  it('of the system have advice', () => {
    expect(
      problemOf(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }))
    ).toMatchObject({ code: 'not-allowed', try: 'check who may read it: ls -l' })
    expect(problemOf('just a text')).toEqual({ code: 'failed', message: 'just a text' })
  })
})
