import type { NapsterSearchOptions } from '@servent/napster'
import { NobodyToAskError, type Overlay, type OverlayName } from '@servent/overlay'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { LINK_SPEED_MAX } from '../src/config-parts.ts'
import { ROW_PROVIDERS_MAX, Searches } from '../src/search.ts'
import type { SearchEvent, SearchRow } from '../src/types.ts'
import { fakeOverlay, hit, PEER_A, PEER_B } from './support/hits.ts'

function searches(overlays: readonly Overlay[], down: readonly OverlayName[] = []) {
  const kept: (readonly SearchRow[])[] = []
  const here = new Map<OverlayName, Overlay | undefined>(overlays.map(overlay => [overlay.name, overlay]))
  for (const name of down) here.set(name, undefined)
  return {
    kept,
    searches: new Searches({
      overlays: () => here,
      load: () => [],
      keep: rows => kept.push(structuredClone(rows)),
      logger: pino({ level: 'silent' })
    })
  }
}

async function all(events: AsyncIterable<SearchEvent>): Promise<SearchEvent[]> {
  const found: SearchEvent[] = []
  for await (const event of events) found.push(event)
  return found
}

const hits = (events: readonly SearchEvent[]) =>
  events.flatMap(event =>
    event.event === 'hit' ? [[event.row, event.name, event.provider, event.overlay]] : []
  )

test('hits of one content share a row, numbered as they came; every overlay is summed up', async () => {
  const gnutella = fakeOverlay('gnutella', [hit(1, PEER_A), hit(2, PEER_A), hit(1, PEER_B)])
  const chord = fakeOverlay('chord', [hit(2, PEER_A, 'chord', { elapsedMs: 30 })])
  const { searches: them, kept } = searches([gnutella, chord])
  const events = await all(them.run({ text: 'file', ttl: 3 }))
  expect(hits(events).filter(([, , , overlay]) => overlay === 'gnutella')).toEqual([
    [1, 'file 1.txt', PEER_A, 'gnutella'],
    [expect.any(Number), 'file 2.txt', PEER_A, 'gnutella'],
    [1, 'file 1.txt', PEER_B, 'gnutella']
  ])
  expect(events.at(-1)).toEqual({
    event: 'done',
    hits: 4,
    files: 2,
    overlays: [
      { name: 'gnutella', hits: 3, firstHitMs: 10, messages: 3, bytes: 150 },
      { name: 'chord', hits: 1, firstHitMs: 30, messages: 1, bytes: 50 }
    ]
  })
  expect(gnutella.asked).toMatchObject([{ text: 'file', ttl: 3 }])
  const rows = them.last()
  expect(rows.map(({ row }) => row)).toEqual([1, 2])
  const second = rows.find(({ name }) => name === 'file 2.txt')!
  expect([...second.overlays].sort()).toEqual(['chord', 'gnutella'])
  expect(second.providers.map(({ overlay }) => overlay).sort()).toEqual(['chord', 'gnutella'])
  expect(kept).toEqual([rows])
})

test('an overlay that repeats itself is heard once', async () => {
  const { searches: them } = searches([fakeOverlay('gnutella', [hit(1, PEER_A), hit(1, PEER_A)])])
  const events = await all(them.run({ text: 'file' }))
  expect(hits(events)).toHaveLength(1)
  expect(events.at(-1)).toMatchObject({ hits: 1, files: 1 })
})

test('the limit ends it, and tells the overlays', async () => {
  const overlay = fakeOverlay('gnutella', [hit(1, PEER_A), hit(2, PEER_A), hit(3, PEER_A), 'wait'])
  const { searches: them } = searches([overlay])
  const events = await all(them.run({ text: 'file', limit: 2 }))
  expect(hits(events).map(([row]) => row)).toEqual([1, 2])
  expect(events.at(-1)).toMatchObject({ event: 'done', hits: 2, files: 2 })
  expect(overlay.asked[0]!.signal!.aborted).toBe(true)
})

test('one that leaves early ends the search, and the rows it saw are kept', async () => {
  const overlay = fakeOverlay('gnutella', [hit(1, PEER_A), 'wait'])
  const { searches: them, kept } = searches([overlay])
  for await (const event of them.run({ text: 'file' })) {
    expect(event.event).toBe('hit')
    break
  }
  expect(overlay.asked[0]!.signal!.aborted).toBe(true)
  expect(kept).toMatchObject([[{ row: 1, name: 'file 1.txt' }]])
})

test('an aborted signal ends it with what was found', async () => {
  const { searches: them } = searches([fakeOverlay('gnutella', [hit(1, PEER_A), 'wait'])])
  const user = new AbortController()
  const events: SearchEvent[] = []
  for await (const event of them.run({ text: 'file' }, user.signal)) {
    events.push(event)
    user.abort()
  }
  expect(events.map(({ event }) => event)).toEqual(['hit', 'done'])
})

test('the rows of a search that was begun later are those that count', async () => {
  const { searches: them, kept } = searches([fakeOverlay('gnutella', [hit(1, PEER_A)])])
  const first = them.run({ text: 'first' })
  await first.next()
  const second = them.run({ text: 'second' })
  await second.next()
  const rows = them.last()
  await first.return()
  expect(kept).toEqual([])
  await second.return()
  expect(kept).toEqual([rows])
})

test('what an overlay says of how much there is stands in its sum, beside the reason why it came to no end', async () => {
  const capped = fakeOverlay('chord', [hit(1, PEER_A, 'chord')], [], { more: true })
  const whole = fakeOverlay('kademlia', [], [], { more: false, total: 0 })
  const { searches: them } = searches([fakeOverlay('gnutella', []), capped, whole])
  const done = (await all(them.run({ text: 'file' }))).at(-1)
  expect(done?.event === 'done' && done.overlays).toEqual([
    { name: 'gnutella', hits: 0, firstHitMs: null, messages: 0, bytes: 0 },
    { name: 'chord', hits: 1, firstHitMs: 10, messages: 1, bytes: 50, more: true },
    { name: 'kademlia', hits: 0, firstHitMs: null, messages: 0, bytes: 0, more: false, total: 0 }
  ])
  const broken = fakeOverlay('chord', [hit(1, PEER_A, 'chord'), new Error('the home is gone')], [], {
    more: true,
    total: 9
  })
  const events = await all(searches([broken]).searches.run({ text: 'file' }))
  expect(events.map(({ event }) => event)).toEqual(['hit', 'done'])
  expect(events.at(-1)).toMatchObject({
    overlays: [{ name: 'chord', hits: 1, total: 9, more: true, reason: 'the home is gone' }]
  })
})

test('servers that did not answer stand in the sum of their overlay', async () => {
  const ends = (unanswered: string[], reason: string) => ({
    ...fakeOverlay('napster', []),
    async *search(_query: unknown, options?: NapsterSearchOptions) {
      yield hit(1, PEER_A, 'napster')
      options?.onEnd?.({ unanswered, reason })
    }
  })
  const done = async (...given: Parameters<typeof ends>) => {
    const last = (await all(searches([ends(...given)]).searches.run({ text: 'file' }))).at(-1)
    return last?.event === 'done' ? last.overlays[0] : undefined
  }
  expect(await done([PEER_B], 'There is more.')).toMatchObject({
    hits: 1,
    unanswered: [PEER_B],
    reason: 'There is more.'
  })
  const whole = await done([], '')
  expect(whole).not.toHaveProperty('unanswered')
  expect(whole).not.toHaveProperty('reason')
})

test('an overlay that fails does not end the others; when all fail, the search does', async () => {
  const broken = fakeOverlay('chord', [new Error('no ring')])
  const both = searches([fakeOverlay('gnutella', [hit(1, PEER_A)]), broken])
  expect((await all(both.searches.run({ text: 'file' }))).at(-1)).toMatchObject({
    hits: 1,
    overlays: [
      { name: 'gnutella', hits: 1 },
      { name: 'chord', hits: 0, reason: 'no ring' }
    ]
  })
  await expect(all(searches([broken]).searches.run({ text: 'file' }))).rejects.toThrow('no ring')
})

test('an overlay that has nobody to ask is no failure, and says so', async () => {
  const nobody = new NobodyToAskError('There is no server to ask.')
  const done = async (...overlays: Overlay[]) => {
    const last = (await all(searches(overlays).searches.run({ text: 'file' }))).at(-1)
    return last?.event === 'done' ? last.overlays : undefined
  }
  const silent = { hits: 0, firstHitMs: null, messages: 0, bytes: 0, status: 'nobody' }
  // One says it, of the other it shows: it has no neighbour, and sent nothing.
  expect(
    await done(fakeOverlay('napster', [nobody]), fakeOverlay('gnutella', [], [], undefined, true))
  ).toEqual([
    { name: 'napster', ...silent, reason: 'There is no server to ask.' },
    { name: 'gnutella', ...silent }
  ])
  const others = await done(fakeOverlay('napster', [nobody]), fakeOverlay('gnutella', [hit(1, PEER_A)]))
  expect(others).toMatchObject([{ status: 'nobody' }, { hits: 1 }])
  expect(others![1]).not.toHaveProperty('status')
  // One that routes by key waits for others, and says so by itself where nothing else was asked.
  const late = Object.assign(new Error('It has met nobody.'), { name: 'NotReadyError' })
  const ring = (alone: boolean) => fakeOverlay('chord', [late], [], undefined, alone)
  expect((await done(ring(true), fakeOverlay('gnutella', [])))![0]).toMatchObject({ status: 'nobody' })
  expect((await done(ring(false), fakeOverlay('gnutella', [])))![0]).not.toHaveProperty('status')
  await expect(done(ring(true))).rejects.toThrow('It has met nobody.')
  // Whoever does not see it is told so that they can be shown why.
  const { searches: alone } = searches([fakeOverlay('napster', [nobody])])
  await expect(alone.find({ text: 'file' }, new AbortController().signal)).rejects.toThrow(
    'This node has nobody to ask yet. There is no server to ask.'
  )
  // Who answers out of what they keep themselves has nobody beside them, and is not nobody.
  const own = fakeOverlay('chord', [], [], { more: false, total: 0 }, true)
  expect((await done(own))![0]).not.toHaveProperty('status')
  await expect(
    done(fakeOverlay('napster', [nobody]), fakeOverlay('chord', [new Error('no ring')]))
  ).rejects.toThrow('no ring')
})

test('overlays by name; one that is not there, or does not run, is refused', async () => {
  const gnutella = fakeOverlay('gnutella', [hit(1, PEER_A)])
  const chord = fakeOverlay('chord', [hit(1, PEER_A, 'chord')])
  const { searches: them } = searches([gnutella, chord], ['pastry'])
  expect(hits(await all(them.run({ text: 'file', overlays: ['chord'] })))).toEqual([
    [1, 'file 1.txt', PEER_A, 'chord']
  ])
  expect(gnutella.asked).toEqual([])
  await expect(all(them.run({ text: 'file', overlays: ['kelips'] }))).rejects.toThrow(
    'This node does not run overlay kelips. It runs: gnutella, chord, pastry.'
  )
  await expect(all(them.run({ text: 'file', overlays: ['pastry'] }))).rejects.toThrow(
    'No overlay that was asked for is running'
  )
})

test('a link speed is asked of Napster alone, the only one that knows it', async () => {
  const overlays = [
    fakeOverlay('gnutella', [hit(1, PEER_A)]),
    fakeOverlay('napster', [hit(2, PEER_B, 'napster')])
  ]
  const { searches: them } = searches(overlays)
  const ask = (minLinkSpeed: number, ...names: OverlayName[]) =>
    all(them.run({ text: 'file', minLinkSpeed, ...(names.length > 0 && { overlays: names }) }))
  for (const speed of [1, LINK_SPEED_MAX])
    expect(hits(await ask(speed))).toEqual([[1, 'file 2.txt', PEER_B, 'napster']])
  expect(overlays.map(({ asked }) => asked)).toMatchObject([
    [],
    [{ minLinkSpeed: 1 }, { minLinkSpeed: LINK_SPEED_MAX }]
  ])
  expect(hits(await ask(7, 'napster'))).toHaveLength(1)
  const refused = (message: string) => ({ name: 'QueryError', message: expect.stringContaining(message) })
  for (const speed of [0, LINK_SPEED_MAX + 1, 1.5])
    await expect(ask(speed)).rejects.toMatchObject(refused(`from 1 to 10, not ${speed}`))
  await expect(ask(7, 'napster', 'gnutella')).rejects.toMatchObject(refused('do not ask gnutella for it'))
  const { searches: others } = searches([fakeOverlay('gnutella', [])])
  await expect(all(others.run({ text: 'file', minLinkSpeed: 7 }))).rejects.toMatchObject({
    name: 'NotFoundError'
  })
})

test('what is no query is refused before anything is asked', async () => {
  const overlay = fakeOverlay('gnutella', [])
  const { searches: them } = searches([overlay])
  await expect(all(them.run({ text: '  ' }))).rejects.toMatchObject({ name: 'QueryError' })
  expect(overlay.asked).toEqual([])
})

test('a row names a bounded number of providers', async () => {
  const many = Array.from({ length: ROW_PROVIDERS_MAX + 1 }, (_, index) => hit(1, `peer ${index}`))
  const { searches: them } = searches([fakeOverlay('gnutella', many)])
  const events = await all(them.run({ text: 'file' }))
  expect(events.at(-1)).toMatchObject({ hits: ROW_PROVIDERS_MAX, files: 1 })
  expect(them.last()[0]!.providers).toHaveLength(ROW_PROVIDERS_MAX)
})
