/** What servers do for each other, rule by rule, and their bounds at the limit and one past. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  ANSWER_BYTES_MAX,
  HEARSAY_FAILURES_MAX,
  HELD_BYTES_MAX,
  KEEP_ALIVE_MS,
  MESH_DEADLINE_MS,
  MESH_JOBS_AT_A_TIME_MAX,
  MESH_JOBS_WAITING_MAX,
  MESH_JUNK_MAX,
  MESH_LINKS_MAX,
  MESH_MARGIN_MS,
  MESH_QUERIES_BURST,
  MESH_RELAYS_BURST,
  MESH_RESULTS_PER_SERVER_MAX,
  MESH_STRANGERS_MAX,
  MESH_TTL_MAX,
  MESH_UNENDED_MAX,
  SERVERS_NAMED_MAX
} from '../src/constants.ts'
import { entryBytes, entryOf } from '../src/entries.ts'
import type { Found, MeshFindMessage, NapsterMessage, RelayMessage } from '../src/messages.ts'
import { Desk, helloOf } from './desk.ts'
import { peerIdOf, recordOf, wantedOf } from './peer.ts'

const idOf = (number: number) => testContact(number).id
const queryId = (number: number) => new Uint8Array(16).fill(number & 0xff, 0, 15).fill(number >> 8, 15)
const meshFind = (number: number, fields: Partial<MeshFindMessage> = {}): MeshFindMessage => ({
  type: 'mesh-find',
  id: queryId(number),
  ttl: 1,
  waitMs: MESH_DEADLINE_MS - MESH_MARGIN_MS,
  asked: [],
  wanted: wantedOf('song'),
  ...fields
})
const foundOf = (peer: number, index = 1, more = ''): Found => ({
  nick: `n${peer}`,
  link: 1,
  firewalled: false,
  contact: testContact(peer),
  entry: entryBytes({
    index,
    name: `song ${index}${more}`,
    size: 1,
    md5: '0',
    bitrate: 0,
    frequency: 0,
    seconds: 0,
    record: recordOf(peerIdOf(peer), { index, name: `song ${index}${more}`, size: 1 })
  })
})
const relay = (to: number, token: number, fields: Partial<RelayMessage> = {}): RelayMessage => ({
  type: 'relay',
  kind: 'ping',
  ttl: 1,
  to: idOf(to),
  from: testContact(99),
  token: queryId(token),
  index: 0,
  ...fields
})
const only = <Type extends NapsterMessage['type']>(messages: readonly NapsterMessage[], type: Type) =>
  messages.filter((message): message is NapsterMessage & { type: Type } => message.type === type)

describe('links between servers', () => {
  it('are opened to those that the operator named, again and again, and to those that others tell of', () => {
    const desk = new Desk({ server: {} })
    desk.command({ type: 'servers', contacts: [testContact(50)] })
    expect(desk.opened()).toBe(1)
    desk.handle({ type: 'unreachable', peer: desk.effects.peers.intern(testContact(50)), reason: 'x' })
    desk.pass(20_000)
    expect(desk.opened()).toBeGreaterThan(1)
    const link = desk.link(50, false)
    expect(only(desk.sent(link), 'hello')).toMatchObject([{ server: true, servers: [] }])
    desk.from(link, {
      ...helloOf(50, true),
      servers: [testContact(51), { id: new Uint8Array(3), addresses: [] }]
    })
    const before = desk.opened()
    desk.pass(5_000)
    expect(desk.opened()).toBe(before + 1)
    expect(desk.tables.neighbours).toMatchObject([{ peerId: peerIdOf(50), role: 'mesh' }])
  })

  it('are MESH_LINKS_MAX, and of strangers MESH_STRANGERS_MAX', () => {
    const desk = new Desk({ server: {} })
    for (let peer = 100; peer < 100 + MESH_STRANGERS_MAX; peer += 1) desk.mesh(peer)
    const stranger = desk.mesh(200)
    expect(desk.closed()).toEqual([stranger])
    const named = Array.from({ length: MESH_LINKS_MAX }, (_, at) => testContact(300 + at))
    desk.command({ type: 'servers', contacts: named })
    for (let peer = 300; peer < 300 + MESH_LINKS_MAX - MESH_STRANGERS_MAX; peer += 1) desk.mesh(peer)
    expect(desk.tables.neighbours).toHaveLength(MESH_LINKS_MAX)
    const late = desk.mesh(315)
    expect(desk.closed()).toEqual([stranger, late])
    expect(desk.counter('meshRefused')).toBe(2)
  })

  it('are not opened to whom a user, or a server without a place, tells of, nor for ever', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    const tells = (peer: number, of: number) => ({ ...helloOf(peer, true), servers: [testContact(of)] })
    desk.from(user, tells(1, 60))
    for (let peer = 100; peer < 100 + MESH_STRANGERS_MAX; peer += 1) desk.mesh(peer)
    desk.from(desk.link(200), tells(200, 61))
    desk.pass(5_000)
    expect(desk.opened()).toBe(0)
    desk.from(2, tells(100, 62))
    for (let round = 0; round < 20; round += 1) {
      desk.pass(60_000)
      for (let link = 1; link < 10; link += 1) desk.from(link, { type: 'ping-server' })
      desk.handle({ type: 'unreachable', peer: desk.effects.peers.intern(testContact(62)), reason: 'x' })
    }
    expect(desk.opened()).toBe(HEARSAY_FAILURES_MAX)
  })

  it('end where nothing comes over them, or the other side is no server', () => {
    const desk = new Desk({ server: {} })
    const [there, here] = [desk.link(50, false), desk.mesh(51)]
    desk.from(there, helloOf(50, true))
    desk.settle().sent()
    desk.pass(KEEP_ALIVE_MS + 5_000)
    // Who opened the link asks, and the other answers.
    expect(desk.sent(there)).toContainEqual({ type: 'ping-server' })
    expect(desk.sent(here)).toEqual([])
    desk.from(here, { type: 'ping-server' })
    expect(desk.sent(here)).toEqual([{ type: 'ping-server' }])
    desk.pass(3 * KEEP_ALIVE_MS + 10_000)
    expect(desk.closed().sort()).toEqual([there, here].sort())
    const client = desk.link(52, false)
    desk.from(client, helloOf(52))
    expect(desk.closed()).toContain(client)
  })

  it('are told to users, so that they can move', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    desk.mesh(50)
    desk.pass(5_000)
    expect(only(desk.sent(user), 'hello')).toMatchObject([{ servers: [{ id: idOf(50) }] }])
  })
})

describe('queries between servers', () => {
  it('go to all linked ones with who has them already, and end when all have', () => {
    const desk = new Desk({ server: {} })
    const [one, two] = [desk.mesh(50), desk.mesh(51)]
    const user = desk.user(1)
    desk.from(user, { type: 'find', query: 7, wanted: wantedOf('song') })
    desk.settle()
    const [asked] = only(desk.sent(one), 'mesh-find')
    expect(asked).toMatchObject({
      ttl: MESH_TTL_MAX - 1,
      waitMs: MESH_DEADLINE_MS - MESH_MARGIN_MS,
      asked: [idOf(0), idOf(50), idOf(51)]
    })
    const { id } = asked!
    desk.from(
      one,
      { type: 'mesh-found', id, hops: 0, found: foundOf(60) },
      { type: 'mesh-end', id, unanswered: [] }
    )
    // The same file once, whichever way it comes.
    desk.from(
      two,
      { type: 'mesh-found', id, hops: 1, found: foundOf(60) },
      { type: 'mesh-found', id, hops: 1, found: foundOf(61) }
    )
    expect(only(desk.sent(user), 'found').map(({ found, hops }) => [found.nick, hops])).toEqual([
      ['n60', 1],
      ['n61', 2]
    ])
    desk.from(two, { type: 'mesh-end', id, unanswered: [idOf(52)] })
    expect(desk.sent(user)).toEqual([{ type: 'found-end', query: 7, unanswered: [idOf(52)], reason: '' }])
    desk.from(
      two,
      { type: 'mesh-found', id, hops: 0, found: foundOf(62) },
      { type: 'mesh-end', id, unanswered: [] }
    )
    expect(desk.sent(user)).toEqual([])
    expect(desk.counter('meshResultsUnasked')).toBe(1)
  })

  it('name who was late, who went away, and whom there is no link to', () => {
    const desk = new Desk({ server: {} })
    desk.command({ type: 'servers', contacts: [testContact(55)] })
    const [late, gone] = [desk.mesh(50), desk.mesh(51)]
    const user = desk.user(1)
    desk.from(user, { type: 'find', query: 7, wanted: wantedOf('song') })
    desk.settle().down(gone)
    desk.pass(MESH_DEADLINE_MS)
    const [end] = only(desk.sent(user), 'found-end')
    expect(end!.unanswered).toEqual([idOf(51), idOf(50), idOf(55)])
    expect(desk.counter('meshUnanswered')).toBe(2)
    desk.sent(late)
  })

  it('are taken once, and answered at once where they come again', () => {
    const desk = new Desk({ server: {} })
    const [one, two] = [desk.mesh(50), desk.mesh(51)]
    const sharer = desk.user(1, 'lefty')
    desk.share(sharer, 1, 'song.mp3')
    desk.from(one, meshFind(1, { ttl: 0 }))
    desk.from(two, meshFind(1, { ttl: 0 }))
    expect(desk.sent(two)).toEqual([{ type: 'mesh-end', id: queryId(1), unanswered: [] }])
    expect(desk.settle().sent(one)).toMatchObject([
      { type: 'mesh-found', hops: 0, found: { nick: 'lefty', contact: { id: idOf(1) } } },
      { type: 'mesh-end', unanswered: [] }
    ])
  })

  it('are handed on one link, to those that were not asked, with less time', () => {
    const desk = new Desk({ server: {} })
    const [one, two, three] = [desk.mesh(50), desk.mesh(51), desk.mesh(52)]
    desk.from(one, meshFind(1, { ttl: 200, asked: [idOf(50), idOf(51)], waitMs: 60_000 }))
    desk.settle()
    const [onward] = only(desk.sent(three), 'mesh-find')
    expect(onward).toMatchObject({ ttl: MESH_TTL_MAX - 2, waitMs: MESH_DEADLINE_MS - 2 * MESH_MARGIN_MS })
    expect(desk.sent(two)).toEqual([])
    desk.pass(MESH_DEADLINE_MS)
    expect(desk.sent(one)).toEqual([{ type: 'mesh-end', id: queryId(1), unanswered: [idOf(52)] }])
    desk.from(one, meshFind(2, { ttl: 0 }), meshFind(3, { waitMs: MESH_MARGIN_MS }))
    expect(desk.settle().sent(three)).toEqual([])
    expect(only(desk.sent(one), 'mesh-end')).toHaveLength(2)
  })

  it('say themselves where their index is away, or they come too often', () => {
    const desk = new Desk({ server: {} })
    const one = desk.mesh(50)
    desk.index.isAway = true
    desk.from(one, meshFind(1, { ttl: 0 }))
    expect(desk.settle().sent(one)).toEqual([{ type: 'mesh-end', id: queryId(1), unanswered: [idOf(0)] }])
    desk.index.isAway = false
    for (let number = 2; number <= MESH_QUERIES_BURST + 1; number += 1) {
      desk.from(one, meshFind(number, { ttl: 0 }))
      desk.settle()
    }
    const ends = only(desk.sent(one), 'mesh-end')
    expect(ends.filter(({ unanswered }) => unanswered.length === 0)).toHaveLength(MESH_QUERIES_BURST - 1)
    expect(ends.at(-1)!.unanswered).toEqual([idOf(0)])
    expect(desk.counter('meshQueriesOverRate')).toBe(1)
  })

  it('bring MESH_RESULTS_PER_SERVER_MAX results of one server, and SERVERS_NAMED_MAX names', () => {
    const desk = new Desk({ server: {} })
    const one = desk.mesh(50)
    const user = desk.user(1)
    desk.from(user, { type: 'find', query: 7, wanted: wantedOf('song', { limit: 1_000 }) })
    desk.settle()
    const { id } = only(desk.sent(one), 'mesh-find')[0]!
    for (let index = 0; index <= MESH_RESULTS_PER_SERVER_MAX; index += 1)
      desk.from(one, { type: 'mesh-found', id, hops: 0, found: foundOf(60, index) })
    expect(only(desk.sent(user), 'found')).toHaveLength(MESH_RESULTS_PER_SERVER_MAX)
    desk.from(one, { type: 'mesh-found', id, hops: 0, found: { ...foundOf(61), entry: new Uint8Array(3) } })
    const many = Array.from({ length: SERVERS_NAMED_MAX + 4 }, (_, at) => idOf(400 + at))
    desk.from(one, { type: 'mesh-end', id, unanswered: many })
    expect(only(desk.sent(user), 'found-end')[0]!.unanswered).toHaveLength(SERVERS_NAMED_MAX)
  })

  it('share what may be given: no server takes the room of the others, or of the own index', () => {
    const desk = new Desk({ server: {} })
    const [loud, quiet] = [desk.mesh(50), desk.mesh(51)]
    const user = desk.user(1)
    const sharer = desk.user(2, 'own')
    desk.share(sharer, 2, 'song.mp3')
    desk.from(user, { type: 'find', query: 7, wanted: wantedOf('song', { limit: 9 }) })
    const { id } = only(desk.sent(loud), 'mesh-find')[0]!
    for (let index = 0; index < 50; index += 1)
      desk.from(loud, { type: 'mesh-found', id, hops: 0, found: foundOf(60, index) })
    desk.settle()
    for (let index = 0; index < 50; index += 1)
      desk.from(quiet, { type: 'mesh-found', id, hops: 0, found: foundOf(61, index) })
    const nicks = only(desk.sent(user), 'found').map(({ found }) => found.nick)
    // The own index had one, and what it left is shared by the others at once.
    expect(nicks).toEqual([...Array(3).fill('n60'), 'own', 'n60', ...Array(4).fill('n61')])
    expect(desk.counter('meshResultsOverShare')).toBe(93)
  })

  it('lose nothing that one server said early, when the others turn out to have little', () => {
    const desk = new Desk({ server: {} })
    const [all, none] = [desk.mesh(50), desk.mesh(51), desk.mesh(52)]
    const user = desk.user(1)
    desk.from(user, { type: 'find', query: 7, wanted: wantedOf('song', { limit: 50 }) })
    const { id } = only(desk.sent(all), 'mesh-find')[0]!
    for (let index = 0; index < 50; index += 1)
      desk.from(all, { type: 'mesh-found', id, hops: 0, found: foundOf(60, index) })
    desk.from(all, { type: 'mesh-end', id, unanswered: [] })
    desk.settle()
    desk.from(none, { type: 'mesh-end', id, unanswered: [] })
    expect(only(desk.sent(user), 'found').length).toBeLessThan(50)
    // The last one says nothing until the time is over.
    desk.pass(MESH_DEADLINE_MS + 1)
    const sent = desk.sent(user)
    expect(only(sent, 'found-end')).toMatchObject([{ reason: '', unanswered: [idOf(52)] }])
    const indices = only(sent, 'found').map(({ found }) => entryOf(found.entry)!.index)
    expect(indices.at(-1)).toBe(49)
  })

  it('hold back HELD_BYTES_MAX bytes for all searches together, and say where more was left out', () => {
    const desk = new Desk({ server: {} })
    const [loud, other] = [desk.mesh(50), desk.mesh(51)]
    const found = foundOf(60, 0, 'x'.repeat(180))
    const cost = found.entry.length + 128
    const held = () => desk.machine.sizes().resultBytesHeld!
    // As much as fits into an answer: half of it is held.
    const answer = Array.from({ length: Math.floor(ANSWER_BYTES_MAX / cost) }, (_, index) =>
      foundOf(60, index, 'x'.repeat(180))
    )
    const ids: Uint8Array[] = []
    for (let at = 0; desk.counter('resultsLeftOut') === 0 && at < 256; at += 1) {
      const user = desk.user(100 + at)
      desk.from(user, { type: 'find', query: 1, wanted: wantedOf('song', { limit: 1_000 }) })
      desk.settle()
      const { id } = only(desk.sent(loud), 'mesh-find')[0]!
      ids.push(id)
      for (const one of answer) desk.from(loud, { type: 'mesh-found', id, hops: 0, found: one })
    }
    expect(desk.counter('resultsLeftOut')).toBeGreaterThan(0)
    expect(held()).toBeLessThanOrEqual(HELD_BYTES_MAX)
    expect(held()).toBeGreaterThan(HELD_BYTES_MAX - 2 * cost)
    desk.sent()
    for (const id of ids) desk.from(other, { type: 'mesh-end', id, unanswered: [] })
    expect(held()).toBe(0)
    for (const id of ids) desk.from(loud, { type: 'mesh-end', id, unanswered: [] })
    const reasons = only(desk.sent(), 'found-end').map(({ reason }) => reason)
    expect(reasons.slice(0, -1).every(reason => reason === '')).toBe(true)
    expect(reasons.at(-1)).toBe('There is more than could be sent at once.')
  }, 60_000)

  it('take nothing that has not the words, and end the link after MESH_JUNK_MAX of it', () => {
    const desk = new Desk({ server: {} })
    const one = desk.mesh(50)
    const user = desk.user(1)
    desk.from(user, { type: 'find', query: 7, wanted: wantedOf('other', { limit: 200 }) })
    desk.settle()
    const { id } = only(desk.sent(one), 'mesh-find')[0]!
    for (let index = 0; index < MESH_JUNK_MAX; index += 1)
      desk.from(one, { type: 'mesh-found', id, hops: 0, found: foundOf(60, index) })
    expect(only(desk.sent(user), 'found')).toEqual([])
    expect(desk.closed()).toEqual([])
    const tagged = { index: 1, name: 'song', size: 1, tags: { artist: 'Other' } }
    const entry = { ...tagged, md5: '0', bitrate: 0, frequency: 0, seconds: 0 }
    const found = {
      ...foundOf(61),
      entry: entryBytes({ ...entry, record: recordOf(peerIdOf(61), tagged) })
    }
    desk.from(one, { type: 'mesh-found', id, hops: 0, found })
    expect(only(desk.sent(user), 'found')).toHaveLength(1)
    desk.from(one, { type: 'mesh-found', id, hops: 0, found: foundOf(60, 999) })
    expect(desk.closed()).toEqual([one])
  })

  it('that a server never ends are MESH_UNENDED_MAX in turn', () => {
    const desk = new Desk({ server: {} })
    const one = desk.mesh(50)
    const user = desk.user(1)
    const search = (query: number) => {
      desk.from(user, { type: 'find', query, wanted: wantedOf('song') })
      const { id } = only(desk.settle().sent(one), 'mesh-find')[0]!
      return id
    }
    const late = (query: number) => {
      search(query)
      desk.pass(MESH_DEADLINE_MS)
      desk.from(one, { type: 'ping-server' })
      desk.from(user, { type: 'ping-server' })
    }
    for (let query = 0; query < MESH_UNENDED_MAX; query += 1) late(query)
    desk.from(one, { type: 'mesh-end', id: search(100), unanswered: [] })
    for (let query = 0; query < MESH_UNENDED_MAX; query += 1) late(query)
    expect(desk.closed()).toEqual([])
    late(200)
    expect(desk.closed()).toEqual([one])
  })

  it('of one server are MESH_JOBS_AT_A_TIME_MAX under way, and MESH_JOBS_WAITING_MAX wait', () => {
    const desk = new Desk({ server: {} })
    const one = desk.mesh(50)
    const most = MESH_JOBS_AT_A_TIME_MAX + MESH_JOBS_WAITING_MAX
    for (let number = 0; number < most; number += 1) desk.from(one, meshFind(number, { ttl: 0 }))
    expect(desk.machine.sizes()).toMatchObject({
      questionsUnderWay: MESH_JOBS_AT_A_TIME_MAX,
      questionsWaiting: MESH_JOBS_WAITING_MAX
    })
    expect(desk.sent(one)).toEqual([])
    desk.from(one, meshFind(most, { ttl: 0 }))
    expect(desk.sent(one)).toEqual([{ type: 'mesh-end', id: queryId(most), unanswered: [idOf(0)] }])
    // A user has a place beside them.
    desk.from(desk.user(1), { type: 'find', query: 1, wanted: wantedOf('song') })
    expect(desk.machine.sizes().questionsUnderWay).toBe(MESH_JOBS_AT_A_TIME_MAX + 1)
  })

  it('of a server that went are forgotten', () => {
    const desk = new Desk({ server: {} })
    const one = desk.mesh(50)
    desk.from(one, meshFind(1, { ttl: 0 }))
    desk.down(one)
    desk.settle()
    expect(desk.machine.sizes()).toMatchObject({ searches: 0, questionsUnderWay: 0 })
  })
})

describe('what users send each other over servers', () => {
  it('bears who sent it, as Noise has proven, and goes MESH_TTL_MAX links', () => {
    const desk = new Desk({ server: {} })
    const [one, two] = [desk.mesh(50), desk.mesh(51)]
    const user = desk.user(1)
    desk.from(user, relay(60, 1, { ttl: 200, from: testContact(99) }))
    for (const link of [one, two])
      expect(only(desk.sent(link), 'relay')).toMatchObject([{ ttl: MESH_TTL_MAX - 1, from: { id: idOf(1) } }])
    // Not back, not twice, and no further than its TTL.
    desk.from(one, relay(61, 2, { ttl: 200 }), relay(61, 2), relay(61, 3, { ttl: 0 }))
    expect(only(desk.sent(two), 'relay')).toMatchObject([{ ttl: 0 }])
    expect(desk.sent(one)).toEqual([])
    desk.from(one, relay(1, 4), relay(1, 4, { kind: 'pong' }))
    expect(only(desk.sent(user), 'relay')).toMatchObject([{ kind: 'ping', ttl: 0 }, { kind: 'pong' }])
  })

  it('comes at a rate from each server', () => {
    const desk = new Desk({ server: {} })
    const [one, two] = [desk.mesh(50), desk.mesh(51)]
    for (let number = 0; number <= MESH_RELAYS_BURST; number += 1) desk.from(one, relay(61, number))
    expect(only(desk.sent(two), 'relay')).toHaveLength(MESH_RELAYS_BURST)
    expect(desk.counter('relaysDropped')).toBe(1)
  })

  it('is out of place where it is of users alone', () => {
    const desk = new Desk({ server: {} })
    const one = desk.mesh(50)
    desk.from(one, { type: 'find', query: 1, wanted: wantedOf('song') }, { type: 'unshare-all' })
    expect(desk.sent(one)).toEqual([])
    expect(desk.counter('messagesOutOfPlace')).toBe(2)
  })
})
