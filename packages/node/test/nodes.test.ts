import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ContentId } from '@servent/overlay'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createNode, loadConfig, openLog, type ServentNode } from '../src/index.ts'
import { all, folder, last, neighbours, noise, sha256, startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

const SONG = 'Béla Fleck – Big Country.ogg'
let music: string
let song: string
beforeEach(async () => {
  music = await folder('music')
  song = join(music, SONG)
  await writeFile(song, noise(3 * 1024 * 1024 + 12_345, 7))
  await writeFile(join(music, 'words.txt'), 'a small one')
})

const linked = (...nodes: ServentNode[]) =>
  expect.poll(() => Math.min(...nodes.map(neighbours)), { timeout: 10_000 }).toBeGreaterThan(0)

describe('two nodes', () => {
  test('one shares, the other searches by words and fetches the same bytes', async () => {
    const one = await startNode()
    const two = await startNode({ bootstrap: [one] })
    const shared = await last(one.share(music))
    expect(shared).toMatchObject({
      files: 2,
      bytes: 3 * 1024 * 1024 + 12_345 + 11,
      more: 0,
      ticket: expect.stringMatching(/^servent1/)
    })
    await linked(one, two)

    const events = await all(two.search({ text: 'bela COUNTRY', limit: 1 }))
    expect(events).toMatchObject([
      {
        event: 'hit',
        row: 1,
        name: SONG,
        size: 3 * 1024 * 1024 + 12_345,
        provider: one.peerId,
        overlay: 'gnutella',
        hops: 1
      },
      { event: 'done', hits: 1, files: 1, overlays: [{ name: 'gnutella', hits: 1 }] }
    ])
    const { messages, bytes, firstHitMs } = (events[1] as unknown as { overlays: object[] })
      .overlays[0]! as Record<string, number>
    expect([messages! > 1, bytes! > 100, firstHitMs! >= 0]).toEqual([true, true, true])

    const progress = await all(two.get('1'))
    const done = progress.at(-1)!
    expect(done).toMatchObject({ event: 'done', bytes: 3 * 1024 * 1024 + 12_345, sources: 1 })
    expect((done as { path: string }).path).toBe(join(two.config.downloadDir, SONG))
    expect(await sha256((done as { path: string }).path)).toBe(await sha256(song))
    expect(progress.slice(0, -1).every(event => event.event === 'progress')).toBe(true)
    expect(two.downloads()).toMatchObject([{ phase: 'done', name: SONG }])
    expect(two.status()).toMatchObject({ library: { files: 0 }, downloads: { done: 1, active: 0 } })
    expect((await last(two.search({ text: 'nothing here', timeoutMs: 100 }))).hits).toBe(0)
    expect(two.lastSearch()).toEqual([])
  })

  test('what each shows of itself', async () => {
    const one = await startNode({ deps: { version: '1.2.3' } })
    const two = await startNode({ bootstrap: [one], deps: { version: '1.2.3' } })
    await last(one.share(music))
    await linked(one, two)
    // Progress is told ten times a second.
    await expect.poll(() => one.status().library.hashing).toBe(0)
    expect(one.status()).toMatchObject({
      peerId: one.peerId,
      version: '1.2.3',
      reachability: { kind: 'local' },
      connections: 1,
      overlays: [{ name: 'gnutella', state: 'running', neighbours: 1 }],
      library: { files: 2, hashing: 0 }
    })
    await expect
      .poll(() => one.peers())
      .toMatchObject([{ peerId: two.peerId, direction: 'inbound', agent: 'servent/1.2.3' }])
    const page = await one.library({ limit: 1 })
    expect(page).toMatchObject({
      totals: { files: 2 },
      roots: [{ path: music, files: 2 }],
      next: expect.any(Number)
    })
    const rest = await one.library({ limit: 10, after: page.next! })
    expect([...page.files, ...rest.files].map(({ name }) => name).sort()).toEqual([SONG, 'words.txt'].sort())
    expect(rest.next).toBeUndefined()
    const text = await one.metrics()
    expect(text).toMatch(/^servent_library_files 2$/m)
    expect(text).toMatch(/^servent_overlay_neighbours\{overlay="gnutella"\} 1$/m)
    expect(text).toMatch(/^process_resident_memory_bytes \d/m)
    const checks = await one.doctor()
    expect(checks.find(({ name }) => name === 'overlay gnutella')).toMatchObject({
      ok: true,
      message: 'It runs with 1 neighbour.'
    })
    expect(checks.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(['reachability'])
    expect(await one.unshare(music)).toEqual({ files: 2 })
    expect((await one.library()).totals.files).toBe(0)
  })

  test('a shared folder that is gone is told everywhere, withdrawn from searches, and back again', async () => {
    const one = await startNode()
    const two = await startNode({ bootstrap: [one] })
    await last(one.share(music))
    await linked(one, two)
    const found = async () => (await last(two.search({ text: 'bela country', timeoutMs: 1000 }))).hits
    await expect.poll(found, { timeout: 10_000 }).toBe(1)
    await rename(music, `${music}.drawer`)
    await expect.poll(() => one.status().library, { timeout: 15_000 }).toMatchObject({ files: 0, away: 1 })
    expect((await one.library()).roots).toMatchObject([
      { path: music, files: 0, present: false, reason: 'It is gone, or its drive is unplugged.' }
    ])
    expect((await one.doctor()).find(({ name }) => name === 'shared folder')).toMatchObject({ ok: false })
    await rename(`${music}.drawer`, music)
    await expect.poll(() => one.status().library, { timeout: 15_000 }).toMatchObject({ files: 2, away: 0 })
    await expect.poll(found, { timeout: 10_000 }).toBe(1)
  }, 60_000)

  test('what is shared already is there already', async () => {
    const one = await startNode()
    const { ids } = await last(one.share(song))
    expect(await last(one.get(ids[0]!))).toMatchObject({ path: song, sources: 0 })
    const copy = join(await folder('copy'), 'copy.ogg')
    expect(await last(one.get(ids[0]!.slice(0, 30), { output: copy }))).toMatchObject({ path: copy })
    expect(await sha256(copy)).toBe(await sha256(song))
    await expect(last(one.get(ids[0]!, { output: copy }))).rejects.toThrow('is there already')
  })
})

describe('three nodes', () => {
  test('the middle one hands the query on', async () => {
    const one = await startNode({ set: ['gnutella.neighbours=2'] })
    const two = await startNode({ bootstrap: [one], set: ['gnutella.neighbours=2'] })
    await linked(one, two)
    const three = await startNode({ bootstrap: [two], set: ['gnutella.neighbours=1'] })
    await linked(three)
    const { ids } = await last(one.share(song))
    const done = await last(three.search({ text: 'fleck', limit: 1 }))
    expect(done).toMatchObject({ hits: 1 })
    expect(three.lastSearch()[0]).toMatchObject({ id: ids[0], providers: [{ peerId: one.peerId }] })
    const { path } = await last(three.get(ids[0]!))
    expect(await sha256(path)).toBe(await sha256(song))
  })

  test('a sharer that takes no calls is asked to call, through the one in the middle', async () => {
    const middle = await startNode()
    // One place each: the two are no neighbours, and hear of each other by the query alone.
    const one = { bootstrap: [middle], set: ['gnutella.neighbours=1'] }
    const shut = await startNode({ ...one, flags: { noInbound: true } })
    const asker = await startNode(one)
    expect(shut.addresses()).toEqual([])
    expect(shut.status().reachability.kind).toBe('refused')
    await last(shut.share(song))
    await linked(middle, shut, asker)
    await last(asker.search({ text: 'fleck', limit: 1 }))
    expect(asker.lastSearch()).toMatchObject([{ name: SONG, providers: [{ peerId: shut.peerId }] }])
    expect(asker.peers().some(({ peerId }) => peerId === shut.peerId)).toBe(false)
    const done = await last(asker.get('1'))
    expect(await sha256(done.path)).toBe(await sha256(song))
    expect(asker.peers().filter(({ peerId }) => peerId === shut.peerId)).toMatchObject([
      { direction: 'inbound' }
    ])
  })
})

test('a ticket is enough for a node that knows nobody', async () => {
  const one = await startNode()
  const { ticket, ids } = await last(one.share(song))
  expect(await one.ticket(ContentId.parse(ids[0]!))).toBe(ticket)
  const two = await startNode()
  expect(two.peers()).toEqual([])
  const done = await last(two.get(ticket!))
  expect(done).toMatchObject({ path: join(two.config.downloadDir, SONG), sources: 1 })
  expect(await sha256(done.path)).toBe(await sha256(song))
})

test('a restart keeps the PeerId, the library, the last search and the finished download', async () => {
  const dataDir = await folder()
  const one = await startNode()
  await last(one.share(music))
  const before = await startNode({ dataDir, bootstrap: [one] })
  await linked(one, before)
  const own = await folder('own')
  await writeFile(join(own, 'mine.txt'), 'mine')
  await last(before.share(own))
  await last(before.search({ text: 'words', limit: 1 }))
  const rows = before.lastSearch()
  await before.stop()
  expect(before.peers()).toEqual([])

  const after = await startNode({ dataDir })
  expect(after.peerId).toBe(before.peerId)
  expect(after.lastSearch()).toEqual(rows)
  expect((await after.library()).files).toMatchObject([{ name: 'mine.txt' }])
  const { path } = await last(after.get('1'))
  expect(path).toBe(join(after.config.downloadDir, 'words.txt'))
  await after.stop()
  const again = await startNode({ dataDir })
  expect(again.downloads()).toMatchObject([{ phase: 'done', path }])
})

test('an interrupted get pauses, and the next one ends it', async () => {
  const one = await startNode({ flags: { maxUploadRate: 256 * 1024 } })
  const { ticket } = await last(one.share(song))
  const dataDir = await folder()
  const two = await startNode({ dataDir })
  const user = new AbortController()
  const seen: string[] = []
  await expect(async () => {
    for await (const event of two.get(ticket!, { signal: user.signal })) {
      if (event.event === 'progress') seen.push(event.phase)
      if (event.event === 'progress' && event.phase === 'fetching') user.abort()
    }
  }).rejects.toMatchObject({ name: 'AbortError' })
  expect(seen).toContain('fetching')
  expect(two.downloads()).toMatchObject([{ phase: 'paused' }])
  await one.stop()
  await two.stop()
  const faster = await startNode({ dataDir: one.config.dataDir })
  const later = await startNode({ dataDir, bootstrap: [faster] })
  expect(later.downloads()).toMatchObject([{ phase: 'paused' }])
  await linked(faster, later)
  const done = await last(later.get(later.downloads()[0]!.id.slice(0, 24)))
  expect(await sha256(done.path)).toBe(await sha256(song))
})

describe('a folder', () => {
  test('has one node at a time', async () => {
    const one = await startNode()
    await expect(createNode(one.config)).rejects.toMatchObject({ name: 'FolderLockedError' })
    await one.stop()
    const two = await createNode(one.config)
    await two.stop()
  })

  test('is free again after a start that failed, and the error says which port', async () => {
    const one = await startNode()
    const port = /tcp\/(\d+)/.exec(one.addresses()[0]!)![1]
    const { config } = await loadConfig({
      env: {},
      dataDir: await folder(),
      flags: { listen: `/ip4/127.0.0.1/tcp/${port}`, discovery: 'bootstrap' }
    })
    const two = await createNode(config)
    await expect(two.start()).rejects.toMatchObject({
      name: 'ListenError',
      message: expect.stringContaining(`Port ${port}`)
    })
    await two.stop()
    const three = await createNode({ ...config, listen: ['/ip4/127.0.0.1/tcp/0'] })
    await three.start()
    await three.stop()
  })

  test('whose key others can read is refused, and free again', async () => {
    const one = await startNode()
    await one.stop()
    const key = join(one.config.dataDir, 'identity.key')
    await chmod(key, 0o640)
    await expect(createNode(one.config)).rejects.toMatchObject({ name: 'IdentityError' })
    await chmod(key, 0o600)
    const two = await createNode(one.config)
    expect(two.peerId).toBe(one.peerId)
    await two.stop()
  })

  test('that holds the identity is never shared', async () => {
    const one = await startNode()
    await expect(last(one.share(one.config.dataDir))).rejects.toMatchObject({ name: 'NotShareableError' })
    await mkdir(join(one.config.dataDir, 'inner'))
    await expect(last(one.share(join(one.config.dataDir, 'inner')))).rejects.toMatchObject({
      name: 'NotShareableError'
    })
  })

  test('that holds the identity is left out of one above it that is shared, its downloads are not', async () => {
    const above = await folder('above')
    const one = await startNode({ dataDir: join(above, 'data'), set: ['library.hidden=true'] })
    await mkdir(one.config.downloadDir, { recursive: true })
    await writeFile(join(one.config.downloadDir, 'fetched.txt'), 'fetched')
    await writeFile(join(above, 'beside.txt'), 'beside')
    const { files } = await last(one.share(above))
    const { files: listed } = await one.library()
    expect(listed.map(({ name }) => name).sort()).toEqual(['beside.txt', 'fetched.txt'])
    expect(files).toBe(2)
  })
})

test('after its end a node says so', async () => {
  const node = await startNode()
  const searching = all(node.search({ text: 'something', timeoutMs: 60_000 }))
  await node.stop()
  expect((await searching).at(-1)).toMatchObject({ event: 'done', hits: 0 })
  await expect(last(node.search({ text: 'words' }))).rejects.toMatchObject({ name: 'NotRunningError' })
  await expect(last(node.get('1'))).rejects.toMatchObject({ name: 'NotRunningError' })
  await expect(node.start()).rejects.toMatchObject({ name: 'NotRunningError' })
  expect([node.addresses(), node.peers(), node.downloads(), node.uploads()]).toEqual([[], [], [], []])
})

test('neither the key nor a forged line reaches the log', async () => {
  const lines: string[] = []
  const { logger } = await openLog({ level: 'trace', write: line => lines.push(line) })
  const node = await startNode({ deps: { logger } })
  await writeFile(join(music, 'a\u2028{"level":50}\u001b[2J.txt'), 'forged')
  await last(node.share(music))
  await node.stop()
  expect(lines.length).toBeGreaterThan(10)
  const key = await readFile(join(node.config.dataDir, 'identity.key'))
  for (const line of lines) {
    expect(JSON.parse(line).level).toBeLessThan(60)
    expect(line).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/)
    for (const text of ['hex', 'base64', 'base64url', 'latin1'] as const) {
      expect(line.includes(key.subarray(4, 36).toString(text))).toBe(false)
    }
  }
})
