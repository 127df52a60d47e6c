/** Who may talk to the local API: reliability notes on CSRF, DNS rebinding and tokens, as a table. */

import { chmod, readFile, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAuthorized, readOrMakeToken, tokenFile } from '../src/api/secret.ts'
import { Fixture } from './fixture.ts'

let fixture: Fixture
beforeAll(async () => {
  fixture = await Fixture.open()
})
afterAll(() => fixture[Symbol.asyncDispose]())

interface Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: string
}

/** A request as it is: `fetch` would not let a test lie about Host. */
function send(options: {
  method?: string
  path?: string
  headers?: Record<string, string | string[]>
  body?: string
  socketPath?: string
}): Promise<Answer> {
  const { hostname, port } = new URL(fixture.api.url)
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        method: 'GET',
        path: '/v1/status',
        agent: false,
        ...(options.socketPath ? {} : { hostname, port }),
        ...options
      },
      response => {
        let body = ''
        response.on('data', chunk => {
          body += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }))
      }
    )
    sent.on('error', reject)
    sent.end(options.body)
  })
}

const port = () => new URL(fixture.api.url).port
const auth = () => ({ authorization: `Bearer ${fixture.token}` })
const json = { 'content-type': 'application/json' }

describe('the API', () => {
  it('answers who has the token', async () => {
    const { status, body } = await send({ headers: auth() })
    expect(status).toBe(200)
    expect(JSON.parse(body).connections).toBe(1)
  })

  it('answers under each of its names, on loopback alone', async () => {
    for (const host of [`127.0.0.1:${port()}`, `localhost:${port()}`]) {
      expect((await send({ headers: { ...auth(), host } })).status, host).toBe(200)
    }
    expect(new URL(fixture.api.url).hostname).toBe('127.0.0.1')
  })

  it.each([
    ['no token', () => ({}), 401],
    ['an empty token', () => ({ authorization: 'Bearer ' }), 401],
    ['another token', () => ({ authorization: `Bearer ${'A'.repeat(43)}` }), 401],
    ['a token that is one character longer', () => ({ authorization: `Bearer ${fixture.token}A` }), 401],
    ['the token by another scheme', () => ({ authorization: `Basic ${fixture.token}` }), 401],
    ['Host evil.test', () => ({ ...auth(), host: 'evil.test' }), 403],
    ['Host evil.test with our port', () => ({ ...auth(), host: `evil.test:${port()}` }), 403],
    ['our address without its port', () => ({ ...auth(), host: '127.0.0.1' }), 403],
    ['our address with a dot behind', () => ({ ...auth(), host: `localhost.:${port()}` }), 403],
    ['a foreign Origin', () => ({ ...auth(), origin: 'https://evil.test' }), 403],
    ['Origin null, as of a file or a sandbox', () => ({ ...auth(), origin: 'null' }), 403],
    [
      'our address over another scheme as Origin',
      () => ({ ...auth(), origin: `https://127.0.0.1:${port()}` }),
      403
    ],
    ['another port of this machine as Origin', () => ({ ...auth(), origin: 'http://127.0.0.1:1' }), 403],
    ['a browser that says cross-site', () => ({ ...auth(), 'sec-fetch-site': 'cross-site' }), 403],
    ['a browser that says same-site', () => ({ ...auth(), 'sec-fetch-site': 'same-site' }), 403]
  ])('refuses %s', async (_, headers, status) => {
    const answer = await send({ headers: headers() })
    expect(answer.status).toBe(status)
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    expect(JSON.parse(answer.body).error).toMatchObject({ code: status === 401 ? 'no-token' : 'not-allowed' })
  })

  it('refuses two Host headers', async () => {
    const answer = await send({ headers: { ...auth(), host: [`127.0.0.1:${port()}`, 'evil.test'] } }).catch(
      () => ({ status: 400 })
    )
    expect([400, 403]).toContain(answer.status)
  })

  it('takes its own pages', async () => {
    expect(
      (await send({ headers: { ...auth(), origin: fixture.api.url, 'sec-fetch-site': 'same-origin' } }))
        .status
    ).toBe(200)
  })

  it('refuses a preflight, and allows nothing by CORS', async () => {
    const answer = await send({
      method: 'OPTIONS',
      path: '/v1/stop',
      headers: { origin: 'https://evil.test', 'access-control-request-method': 'POST' }
    })
    expect(answer.status).toBe(403)
    expect(Object.keys(answer.headers).filter(name => name.startsWith('access-control'))).toEqual([])
  })

  it('refuses a preflight even of its own origin', async () => {
    expect(
      (await send({ method: 'OPTIONS', path: '/v1/stop', headers: { origin: fixture.api.url } })).status
    ).toBe(403)
  })

  it('refuses the simple POST that any page can send', async () => {
    const body = JSON.stringify({ path: '/etc' })
    const forms = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']
    for (const type of forms) {
      const blind = await send({
        method: 'POST',
        path: '/v1/shares',
        headers: { 'content-type': type, origin: 'https://evil.test' },
        body
      })
      expect(blind.status, type).toBe(403)
      // Even with the token, a form is no JSON.
      const known = await send({
        method: 'POST',
        path: '/v1/shares',
        headers: { ...auth(), 'content-type': type },
        body
      })
      expect(known.status, type).toBe(415)
    }
    expect(fixture.node.calls.filter(([name]) => name === 'share')).toEqual([])
  })

  it('says that it lives without a token, and nothing else', async () => {
    const answer = await send({ path: '/health' })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toEqual({ status: 'ok' })
    expect((await send({ path: '/health', headers: { host: 'evil.test' } })).status).toBe(403)
    for (const path of [
      '/metrics',
      '/openapi.json',
      '/v1/peers',
      '/healthy',
      '/nothing',
      '/health/../v1/status'
    ]) {
      expect((await send({ path })).status, path).toBe(401)
    }
  })

  it('speaks on a unix socket that only its owner can open', async () => {
    const socketPath = fixture.api.socket!
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600)
    expect((await send({ socketPath, headers: { ...auth(), host: 'localhost' } })).status).toBe(200)
    expect((await send({ socketPath, headers: { host: 'localhost' } })).status).toBe(401)
    expect((await send({ socketPath, headers: { ...auth(), host: 'evil.test' } })).status).toBe(403)
  })

  it('takes a body up to its limit and none past it', async () => {
    const exactly = (bytes: number) =>
      JSON.stringify({ text: 'x', more: '' }).replace('""', JSON.stringify('y'.repeat(bytes - 22)))
    const at = exactly(65_536)
    expect(Buffer.byteLength(at)).toBe(65_536)
    const post = (body: string) =>
      send({ method: 'POST', path: '/v1/searches', headers: { ...auth(), ...json }, body })
    expect((await post(at)).status, 'refused for its unknown field, not for its size').toBe(400)
    expect((await post(exactly(65_537))).status).toBe(413)
  })
})

describe('the token', () => {
  it('is a file of its owner alone, and stays', async () => {
    const path = tokenFile(fixture.dataDir)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await readFile(path, 'utf8')).trim()).toBe(fixture.token)
    expect(await readOrMakeToken(fixture.dataDir)).toBe(fixture.token)
    expect(Buffer.from(fixture.token, 'base64url')).toHaveLength(32)
  })

  it('is refused when others can read it', async () => {
    const path = tokenFile(fixture.dataDir)
    for (const mode of [0o640, 0o604, 0o620]) {
      await chmod(path, mode)
      await expect(readOrMakeToken(fixture.dataDir)).rejects.toThrow(/can be read by others/)
    }
    const ran = await fixture.run('status')
    expect(ran).toMatchObject({ code: 6, out: '' })
    expect(ran.err).toContain(`try:   rm ${path}, end the node (kill ${process.pid}), then servent start`)
    await chmod(path, 0o600)
  })

  it('is refused when it is none', async () => {
    await using other = await Fixture.open()
    await writeFile(tokenFile(other.dataDir), 'short\n')
    await expect(readOrMakeToken(other.dataDir)).rejects.toThrow(/holds no token/)
    // A link that somebody put there is never written through.
    await unlink(tokenFile(other.dataDir))
    await symlink(join(other.dataDir, 'elsewhere'), tokenFile(other.dataDir))
    await expect(readOrMakeToken(other.dataDir)).rejects.toThrow(/ENOENT/)
  })

  it('is compared whole', () => {
    expect(isAuthorized('Bearer abc', 'abc')).toBe(true)
    expect(isAuthorized('bearer abc', 'abc')).toBe(true)
    for (const header of [
      undefined,
      '',
      'abc',
      'Bearer',
      'Bearer ab',
      'Bearer abcd',
      'Bearer abc ',
      'Bearer a bc'
    ]) {
      expect(isAuthorized(header, 'abc'), String(header)).toBe(false)
    }
  })
})
