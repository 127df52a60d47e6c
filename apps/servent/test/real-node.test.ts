/** The API over the real node, in this process: what it answers is what `/openapi.json` says. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNode, loadConfig, type ServentNode } from '@servent/node'
import type { TSchema } from 'typebox'
import { Check, Errors } from 'typebox/value'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Listening, listen } from '../src/daemon/listen.ts'

const TOKEN = 'A'.repeat(43)
let folder: string
let node: ServentNode
let api: Listening
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-real-'))
  const { config } = await loadConfig({
    dataDir: join(folder, 'data'),
    env: {},
    flags: {
      listen: '/ip4/127.0.0.1/tcp/0',
      discovery: 'bootstrap',
      api: '127.0.0.1:0',
      logLevel: 'silent',
      overlays: 'gnutella,chord,napster,napster-server'
    },
    set: ['napster.nick=miles']
  })
  node = await createNode(config)
  await node.start()
  api = await listen({ node, version: '0.1.0', token: TOKEN, onStop: () => {} })
})
afterAll(async () => {
  await api?.close()
  await node?.stop()
  await rm(folder, { recursive: true, force: true })
})

const call = (path: string, init: RequestInit = {}) =>
  fetch(`${api.url}${path}`, {
    ...init,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      ...(init.body == null ? {} : { 'content-type': 'application/json' })
    }
  })

async function lines(path: string, body: object): Promise<Record<string, unknown>[]> {
  const text = await (await call(path, { method: 'POST', body: JSON.stringify(body) })).text()
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
}

it('shares a file and makes a ticket of it', async () => {
  const path = join(folder, 'banjo.ogg')
  await writeFile(path, 'plink')
  const done = (await lines('/v1/shares', { path })).at(-1)
  expect(done).toMatchObject({
    event: 'done',
    files: 1,
    bytes: 5,
    more: 0,
    ticket: expect.stringMatching(/^servent1/)
  })
  const [id] = done!.ids as string[]
  expect(await (await call(`/v1/files/${id!.slice(0, 20)}/ticket`)).json()).toMatchObject({ id })
})

it('answers as it describes itself, with something in every list', async () => {
  await lines('/v1/searches', { text: 'banjo', timeoutMs: 50 })
  await call('/v1/values', { method: 'POST', body: JSON.stringify({ key: 'greeting', value: 'hello' }) })
  await lines('/v1/downloads', { what: (await node.library()).files[0]!.id })
  await call('/v1/hotlist', { method: 'POST', body: JSON.stringify({ nick: 'miles' }) })
  const wanted = await call('/v1/wishes', { method: 'POST', body: JSON.stringify({ text: 'banjo' }) })
  const wish = String(((await wanted.json()) as { wish: number }).wish)
  const { paths } = (await (await call('/openapi.json')).json()) as {
    paths: Record<
      string,
      { get?: { responses: Record<string, { content?: Record<string, { schema: TSchema }> }> } }
    >
  }
  const asked: string[] = []
  for (const [path, { get }] of Object.entries(paths)) {
    const schema = get?.responses['200']?.content?.['application/json']?.schema
    if (schema === undefined || path.includes('{id}') || path === '/metrics') continue
    const real = path
      .replace('{name}', 'chord')
      .replace('{wish}', wish)
      .replace('/values', '/values?key=greeting')
      .replace('/whois', '/whois?nick=miles')
    const response = await call(real)
    const answer = await response.json()
    expect(response.status, path).toBe(200)
    expect([...Errors(schema, answer)], `${path} ${JSON.stringify(answer)}`).toEqual([])
    expect(Check(schema, answer)).toBe(true)
    asked.push(path)
  }
  expect(asked.length).toBeGreaterThanOrEqual(13)
})

it('counts for Prometheus', async () => {
  const text = await (await call('/metrics')).text()
  expect(text).toMatch(/^# TYPE \S+ (counter|gauge)$/m)
  expect(text).toMatch(/^[a-z_]+(\{[^}]*\})? \d/m)
})

it.each([
  ['a path that is not there', '/v1/shares', { path: '/no/such/path' }, 'not-found'],
  ['a row that there is not', '/v1/downloads', { what: '77' }, 'not-found'],
  ['a damaged ticket', '/v1/downloads', { what: 'servent1abc' }, 'usage'],
  ['an id of nothing here', '/v1/downloads', { what: 'bafkreiaaaaaaaaaaaa' }, 'not-found'],
  ['a beginning that is too short', '/v1/downloads', { what: 'bafkrei' }, 'usage'],
  ['its own secrets', '/v1/shares', { path: '/' }, 'usage'],
  ['a value that is too long', '/v1/values', { key: 'k', value: 'v'.repeat(8193) }, 'too-large'],
  ['a key that is too long', '/v1/values', { key: 'k'.repeat(257), value: 'v' }, 'too-large'],
  ['what somebody shares who is not there', '/v1/browses', { user: 'nobody' }, 'not-found'],
  ['a nick that is none', '/v1/hotlist', { nick: 'two words' }, 'usage'],
  ['a key that nobody can judge', '/v1/values', { key: '/nobody/k', value: 'v' }, 'failed']
])('refuses %s with a reason', async (_, path, body, code) => {
  const told = (await lines(path, body)).at(-1)!
  const problem = (told.error ?? told) as { code: string; message: string }
  expect(problem).toMatchObject({ code, message: expect.stringMatching(/^[A-Z/"].+[.)]$/s) })
})

it('knows no rows of a wish that is not there', async () => {
  for (const [path, init] of [
    ['rows', {}],
    ['look', { method: 'POST', body: JSON.stringify({ through: 1 }) }]
  ] as const) {
    const response = await call(`/v1/wishes/99/${path}`, init)
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ error: { code: 'not-found' } })
  }
})

it('does not end sharing what was not shared', async () => {
  const response = await call('/v1/shares?path=/nowhere', { method: 'DELETE' })
  expect(response.status).toBe(404)
})
