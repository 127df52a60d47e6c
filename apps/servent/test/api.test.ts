/** What the local API answers: shapes as its own document says, streams, refusals with reasons. */
import { setTimeout as wait } from 'node:timers/promises'
import { decodeTicket } from '@servent/overlay'
import type { TSchema } from 'typebox'
import { Check } from 'typebox/value'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FILE_ID } from './fake-node.ts'
import { Fixture } from './fixture.ts'

let fixture: Fixture
beforeAll(async () => {
  fixture = await Fixture.open()
})
afterAll(() => fixture[Symbol.asyncDispose]())
afterEach(() => fixture.reset())

function call(
  path: string,
  init: { method?: string; body?: unknown; signal?: AbortSignal } = {}
): Promise<Response> {
  return fetch(`${fixture.api.url}${path}`, {
    method: init.method ?? 'GET',
    headers: {
      authorization: `Bearer ${fixture.token}`,
      ...(init.body === undefined ? {} : { 'content-type': 'application/json' })
    },
    ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    ...(init.signal === undefined ? {} : { signal: init.signal })
  })
}

const post = (path: string, body: unknown, signal?: AbortSignal) =>
  call(path, { method: 'POST', body, ...(signal && { signal }) })

async function events(response: Response): Promise<Record<string, unknown>[]> {
  return (await response.text())
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
}

interface Document {
  readonly openapi: string
  readonly paths: Record<
    string,
    Record<
      string,
      { summary?: string; responses: Record<string, { content?: Record<string, { schema: TSchema }> }> }
    >
  >
}

const document = async () => (await (await call('/openapi.json')).json()) as Document

describe('/openapi.json', () => {
  it('describes every path that the command line uses', async () => {
    const { openapi, paths } = await document()
    expect(openapi).toMatch(/^3\./)
    expect(Object.keys(paths).sort()).toEqual([
      '/health',
      '/metrics',
      '/v1/browses',
      '/v1/daemon',
      '/v1/doctor',
      '/v1/downloads',
      '/v1/downloads/{id}',
      '/v1/downloads/{id}/files',
      '/v1/downloads/{id}/pause',
      '/v1/files/{id}/ticket',
      '/v1/hotlist',
      '/v1/library',
      '/v1/overlays',
      '/v1/overlays/{name}',
      '/v1/peers',
      '/v1/searches',
      '/v1/searches/last',
      '/v1/shares',
      '/v1/status',
      '/v1/stop',
      '/v1/tickets',
      '/v1/uploads',
      '/v1/values',
      '/v1/whois',
      '/v1/wishes',
      '/v1/wishes/{wish}',
      '/v1/wishes/{wish}/look',
      '/v1/wishes/{wish}/rows'
    ])
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, { summary }] of Object.entries(methods))
        expect(summary, `${method} ${path}`).toBeTruthy()
    }
  })

  it.each([
    '/health',
    '/v1/daemon',
    '/v1/doctor',
    '/v1/downloads',
    '/v1/downloads/{id}/files',
    '/v1/library',
    '/v1/overlays',
    '/v1/overlays/{name}',
    '/v1/peers',
    '/v1/searches/last',
    '/v1/status',
    '/v1/uploads',
    '/v1/values?key=greeting',
    '/v1/wishes',
    '/v1/wishes/{wish}/rows',
    '/v1/files/{id}/ticket'
  ])('tells the truth about %s', async path => {
    const { paths } = await document()
    const schema = paths[path.split('?')[0]!]!.get!.responses['200']!.content!['application/json']!.schema
    const response = await call(
      path.replace('{name}', 'gnutella').replace('{id}', FILE_ID).replace('{wish}', '2')
    )
    const answer = await response.json()
    expect(response.status).toBe(200)
    expect(Check(schema, answer), JSON.stringify(answer)).toBe(true)
    expect(Check(schema, { wrong: true })).toBe(false)
  })
})

describe('answers', () => {
  it('keep tables that only this overlay has', async () => {
    const snapshot = await (await call('/v1/overlays/gnutella')).json()
    expect(snapshot).toMatchObject({ hostCache: 12, queries: [{ queryId: 'ab12', from: null }] })
  })

  it('give Prometheus its text', async () => {
    const response = await call('/metrics')
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await response.text()).toContain('servent_uploads 1\n')
  })

  it('page the library', async () => {
    await call('/v1/library?after=7&limit=2')
    await call('/v1/library')
    expect(fixture.node.calls).toEqual([
      ['library', { after: 7, limit: 2 }],
      ['library', { limit: 100 }]
    ])
    expect((await call('/v1/library?limit=1000')).status).toBe(200)
    expect((await call('/v1/library?limit=1001')).status).toBe(400)
    expect((await call('/v1/library?limit=0')).status).toBe(400)
  })

  it('page the files of a folder', async () => {
    const path = `/v1/downloads/${FILE_ID}/files`
    expect(await (await call(`${path}?limit=1`)).json()).toMatchObject({ files: [{ isDone: true }], next: 1 })
    const rest = (await (await call(`${path}?after=1&limit=2`)).json()) as { next?: number }
    expect(rest).toMatchObject({ files: [{ isDone: false }] })
    expect(rest.next).toBeUndefined()
    expect((await call(`${path}?limit=1001`)).status).toBe(400)
  })

  it('save, show and take back wishes', async () => {
    const wanted = { text: 'banjo', type: 'audio', maxSize: 5, get: { filesADay: 2 } }
    expect(await (await post('/v1/wishes', wanted)).json()).toMatchObject({ wish: 4, newHits: 0, ...wanted })
    expect(await (await call('/v1/wishes/2/rows?all=true')).json()).toMatchObject({
      rows: [{ row: 4 }, { row: 5 }]
    })
    await post('/v1/wishes/2/look', { through: 5 })
    expect(await (await call('/v1/wishes/2', { method: 'DELETE' })).json()).toEqual({ wish: 2 })
    expect(fixture.node.calls).toEqual([
      ['wish', wanted],
      ['wishRows', 2, true],
      ['lookedAtWish', 2, 5],
      ['unwish', 2]
    ])
    expect((await call('/v1/wishes/9/rows')).status).toBe(404)
    for (const body of [{ text: '' }, { text: 'a', overlays: ['chord'] }, { text: 'a', ttl: 3 }])
      expect((await post('/v1/wishes', body)).status).toBe(400)
  })

  it('give a ticket of a path', async () => {
    const answer = (await (await post('/v1/tickets', { path: '/music' })).json()) as { ticket: string }
    expect(decodeTicket(answer.ticket).name).toBe('Music.servent-folder')
    expect(fixture.node.calls).toEqual([['ticketOfPath', '/music']])
    expect((await post('/v1/tickets', { path: 'music' })).status).toBe(400)
  })

  it('take the beginning of an id where it is unique', async () => {
    const { id } = (await (await call(`/v1/files/${FILE_ID.slice(0, 20)}/ticket`)).json()) as { id: string }
    expect(id).toBe(FILE_ID)
    expect((await call(`/v1/files/${FILE_ID.slice(0, 16)}aaaa/ticket`)).status).toBe(404)
  })

  it.each([
    ['an overlay that does not run', '/v1/overlays/chord', 404, /It runs: gnutella/],
    ['a path that is none', '/v2/status', 404, /There is no GET \/v2\/status/]
  ])('refuse %s', async (_, path, status, message) => {
    const response = await call(path)
    expect(response.status).toBe(status)
    expect(((await response.json()) as { error: { message: string } }).error.message).toMatch(message)
  })

  it.each([
    ['a relative path', '/v1/shares', { path: 'Music' }],
    ['an unknown field', '/v1/shares', { path: '/music', quickly: true }],
    ['a number for a text', '/v1/searches', { text: ['a'] }],
    ['a query of nothing but signs', '/v1/searches', { text: '!!!' }],
    ['an overlay that does not run', '/v1/searches', { text: 'banjo', overlays: ['chord'] }],
    ['more results than there may be', '/v1/searches', { text: 'banjo', limit: 1001 }],
    ['a relative output', '/v1/downloads', { what: '1', output: 'x' }],
    ['no body', '/v1/downloads', {}]
  ])('refuse %s before any work begins', async (_, path, body) => {
    const response = await post(path, body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { code: 'usage' } })
    expect(fixture.node.calls).toEqual([])
  })

  it('do not parse what is no JSON', async () => {
    const response = await fetch(`${fixture.api.url}/v1/searches`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fixture.token}`, 'content-type': 'application/json' },
      body: '{"text": '
    })
    expect(response.status).toBe(400)
  })
})

describe('values', () => {
  it('are put as texts, and as base64 where they are none', async () => {
    expect(await (await post('/v1/values', { key: 'k', value: 'hé' })).json()).toEqual({
      key: 'k',
      bytes: 3,
      overlays: [{ name: 'chord', copies: 3 }]
    })
    expect((await post('/v1/values', { key: 'k', value: '/wA=', encoding: 'base64' })).status).toBe(200)
    expect(fixture.node.calls).toEqual([
      ['put', 'k', new TextEncoder().encode('hé'), undefined],
      ['put', 'k', Uint8Array.of(255, 0), undefined]
    ])
  })

  it.each(['***', 'abc', 'ab=c'])('%s is no base64, and is not taken for some', async value => {
    const refused = await post('/v1/values', { key: 'k', value, encoding: 'base64' })
    expect(refused.status).toBe(400)
    expect(await refused.json()).toMatchObject({ error: { message: 'The value is no base64.' } })
    expect(fixture.node.calls).toEqual([])
  })

  it('come back as they are', async () => {
    expect(await (await call('/v1/values?key=a%20b&overlay=gnutella')).json()).toMatchObject({
      key: 'a b',
      value: 'hello',
      encoding: 'utf8',
      bytes: 5,
      holders: 3
    })
    expect(fixture.node.calls).toEqual([['value', 'a b', ['gnutella']]])
    fixture.node.valueBytes = Uint8Array.of(255, 0)
    expect(await (await call('/v1/values?key=k')).json()).toMatchObject({
      value: '/wA=',
      encoding: 'base64',
      bytes: 2
    })
    fixture.node.valueBytes = new TextEncoder().encode('hello')
  })

  it('have keys of 1 to 1024 characters', async () => {
    for (const [length, status] of [
      [0, 400],
      [1, 200],
      [1024, 200],
      [1025, 400]
    ] as const) {
      expect((await call(`/v1/values?key=${'k'.repeat(length)}`)).status, `${length}`).toBe(status)
      expect((await post('/v1/values', { key: 'k'.repeat(length), value: 'v' })).status).toBe(status)
    }
  })

  it('are asked of overlays that run', async () => {
    for (const refused of [
      await call('/v1/values?key=k&overlay=pastry'),
      await call('/v1/values?key=k&overlay=gnutella&overlay=pastry'),
      await post('/v1/values', { key: 'k', value: 'v', overlays: ['pastry'] })
    ]) {
      expect(refused.status).toBe(400)
      expect(await refused.json()).toMatchObject({
        error: { message: 'This node does not run an overlay "pastry".', why: 'it runs: gnutella' }
      })
    }
  })
})

describe('people', () => {
  it('are listed, added and removed, and asked about', async () => {
    expect(await (await call('/v1/hotlist')).json()).toEqual({ nicks: fixture.node.hotlistViews })
    expect(await (await post('/v1/hotlist', { nick: 'a&b+c' })).json()).toEqual({
      nick: 'a&b+c',
      state: 'offline'
    })
    const removed = await call('/v1/hotlist?nick=a%26b%2Bc', { method: 'DELETE' })
    expect(await removed.json()).toEqual({ nick: 'a&b+c' })
    expect(await (await call('/v1/whois?nick=a%26b')).json()).toEqual(fixture.node.whoisView)
    expect(fixture.node.calls).toEqual([
      ['hotlist add', 'a&b+c'],
      ['hotlist remove', 'a&b+c'],
      ['whois', 'a&b']
    ])
    const told = await events(await post('/v1/browses', { user: 'miles' }))
    expect(told.map(({ event }) => event)).toEqual(['hit', 'hit', 'done'])
  })

  it('have names of 1 to 128 characters', async () => {
    for (const [length, status] of [
      [0, 400],
      [1, 200],
      [128, 200],
      [129, 400]
    ] as const) {
      const name = 'n'.repeat(length)
      expect((await post('/v1/browses', { user: name })).status, `${length}`).toBe(status)
      expect((await post('/v1/hotlist', { nick: name })).status, `${length}`).toBe(status)
      expect((await call(`/v1/whois?nick=${name}`)).status, `${length}`).toBe(status)
    }
  })

  it.each([
    ['NobodyError', 404, 'not-found'],
    ['NickError', 400, 'usage'],
    ['ServerError', 503, 'partial']
  ])('%s is %i', async (name, status, code) => {
    fixture.node.failure = Object.assign(new Error('No.'), { name })
    for (const response of [
      await call('/v1/whois?nick=miles'),
      await post('/v1/hotlist', { nick: 'miles' }),
      await call('/v1/hotlist?nick=miles', { method: 'DELETE' })
    ]) {
      expect(response.status).toBe(status)
      expect(await response.json()).toMatchObject({
        error: { code, message: 'No.', try: expect.stringMatching(/servent/) }
      })
    }
  })
})

describe('work that takes time', () => {
  it('comes as one JSON object a line', async () => {
    const response = await post('/v1/searches', { text: 'banjo', ttl: 4, rounds: 8, minSize: 10 })
    expect(response.headers.get('content-type')).toBe('application/x-ndjson')
    expect((await events(response)).map(({ event }) => event)).toEqual(['hit', 'hit', 'done'])
    expect(fixture.node.calls).toEqual([['search', { text: 'banjo', ttl: 4, rounds: 8, minSize: 10 }]])
  })

  it('takes the link speeds that Napster has, and no others', async () => {
    const ask = (minLinkSpeed: unknown) => post('/v1/searches', { text: 'banjo', minLinkSpeed })
    for (const speed of [1, 10]) expect((await ask(speed)).status).toBe(200)
    for (const speed of [0, 11, 1.5, 'T3']) expect((await ask(speed)).status).toBe(400)
    expect(fixture.node.calls).toEqual(
      [1, 10].map(minLinkSpeed => ['search', { text: 'banjo', minLinkSpeed }])
    )
  })

  it('begins a download with what is known of the file', async () => {
    const told = await events(await post('/v1/downloads', { what: '1', output: '/tmp/x' }))
    expect(told[0]).toEqual({ event: 'begin', id: FILE_ID, name: 'Big Country.flac', size: 1_000_000 })
    expect(told.at(-1)).toMatchObject({ event: 'done', sources: 1 })
    expect(fixture.node.calls.at(-1)).toEqual(['get', '1', '/tmp/x'])
  })

  it('says in its last line why it failed', async () => {
    fixture.node.failure = Object.assign(new Error('Block 3 does not hash to its id.'), {
      name: 'VerificationError'
    })
    const told = await events(await post('/v1/downloads', { what: FILE_ID }))
    expect(told.at(-1)).toEqual({
      event: 'error',
      code: 'verification-failed',
      message: 'Block 3 does not hash to its id.',
      try: 'servent search again: another peer may have the right bytes'
    })
  })

  it.each([
    ['/v1/searches', { text: 'banjo' }],
    ['/v1/shares', { path: '/music' }],
    ['/v1/downloads', { what: FILE_ID }]
  ])('stops when the client of %s goes', async (path, body) => {
    fixture.node.waits = true
    const client = new AbortController()
    const response = await post(path, body, client.signal)
    await response.body!.getReader().read()
    const [signal] = fixture.node.signals
    expect(signal!.aborted).toBe(false)
    client.abort()
    const deadlineMs = performance.now() + 2000
    while (!signal!.aborted && performance.now() < deadlineMs) await wait(5)
    expect(signal!.aborted).toBe(true)
  })

  it('answers a stop before it stops', async () => {
    const response = await call('/v1/stop', { method: 'POST' })
    expect(response.status).toBe(202)
    expect(await response.json()).toEqual({ pid: process.pid })
    expect(fixture.stops).toBe(1)
  })
})
