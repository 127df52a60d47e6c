/** What a user's side does, rule by rule, and its bounds at the limit and one past. */
import { peerIdText } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { backOff, LOGIN_TIMER, nickOf } from '../src/client-session.ts'
import {
  ANNOUNCE_ANSWER_MS,
  ANNOUNCE_BYTES_BURST,
  ANNOUNCE_BYTES_PER_SECOND,
  ANNOUNCE_FULL_MS,
  ANNOUNCE_LATER_MS,
  ANSWER_MS,
  BATCH_FILES_MAX,
  CALLS_BURST,
  CHANGES_WAITING_MAX,
  HEARSAY_FAILURES_MAX,
  HOTLIST_MAX,
  KEEP_ALIVE_MS,
  LOGIN_ANSWER_MS,
  LOGIN_RETRY_MS_MAX,
  MESH_RETRY_MS_MAX,
  MOTD_LINES_MAX,
  NICK_TRIES_MAX,
  PING_MS,
  PINGS_MAX,
  QUESTIONS_MAX,
  SEARCH_MS,
  SERVERS_MAX,
  VERIFIES_MAX,
  VERIFIES_WAITING_MAX,
  VERIFY_RESULTS_MAX
} from '../src/constants.ts'
import { entryBytes } from '../src/entries.ts'
import { KnownServers } from '../src/known-servers.ts'
import type { FoundMessage, NapsterMessage, ShareRefusal } from '../src/messages.ts'
import { Desk, helloOf } from './desk.ts'
import { peerIdOf, recordOf, wantedOf } from './peer.ts'

/** A client whose server, peer 50, has taken its login. */
function atServer(desk = new Desk({ nick: 'me' })): { desk: Desk; link: number } {
  desk.command({ type: 'servers', contacts: [testContact(50)] })
  const link = desk.link(50, false)
  desk.from(link, { type: 'login-ack', email: 'x' }, helloOf(50, true))
  return { desk, link }
}

/** Of a batch of which the server refuses these places. */
const ack = (batch: number, refused: Record<number, ShareRefusal> = {}): NapsterMessage => ({
  type: 'share-ack',
  batch,
  refused: Object.entries(refused).map(([place, reason]) => ({ place: Number(place), reason }))
})

const found = (query: number, name = 'song.mp3', peer = 9): FoundMessage => ({
  type: 'found',
  query,
  hops: 0,
  found: {
    nick: 'n',
    link: 1,
    firewalled: false,
    contact: testContact(peer),
    entry: entryBytes({
      index: 1,
      name,
      size: 1,
      md5: '0',
      bitrate: 0,
      frequency: 0,
      seconds: 0,
      record: recordOf(peerIdOf(peer), { index: 1, name, size: 1 })
    })
  }
})

const batchesOf = (messages: readonly NapsterMessage[]) =>
  messages.flatMap(message =>
    message.type === 'share-records' || message.type === 'unshare-records' ? [message] : []
  )

describe('a session', () => {
  it('is sought with whoever is met that takes links of this protocol, once', () => {
    const desk = new Desk({ nick: 'me' })
    const meet = () => desk.handle({ type: 'contact', peer: desk.effects.peers.intern(testContact(50)) })
    meet()
    meet()
    expect(desk.opened()).toBe(1)
    expect(desk.tables.serversKnown).toBe(1)
  })

  it('begins with who this peer is, and its login', () => {
    const desk = new Desk({ nick: 'me', linkSpeed: 7, agent: 'Test' })
    desk.command({ type: 'sharing', files: 0, firewalled: true })
    desk.command({ type: 'servers', contacts: [testContact(50)] })
    expect(desk.opened()).toBe(1)
    const link = desk.link(50, false)
    expect(desk.sent(link)).toMatchObject([
      { type: 'hello', server: false, agent: 'Test', servers: [] },
      { type: 'login', nick: 'me', port: 0, client: 'Test', link: 7 }
    ])
    desk.from(link, { type: 'login-ack', email: 'x' })
    expect(desk.notices()).toContainEqual({ type: 'session', server: peerIdOf(50) })
    desk.command({ type: 'sharing', files: 0, firewalled: false })
    expect(desk.sent(link).map(({ type }) => type)).toEqual(['port-change', 'hello'])
  })

  it('takes a nick of the PeerId where its own is taken, NICK_TRIES_MAX times', () => {
    const desk = new Desk({ nick: 'taken' })
    desk.command({ type: 'servers', contacts: [testContact(50)] })
    const link = desk.link(50, false)
    for (let count = 0; count < NICK_TRIES_MAX; count += 1) desk.from(link, { type: 'nick-taken' })
    const nicks = desk.sent(link).flatMap(message => (message.type === 'login' ? [message.nick] : []))
    expect(new Set(nicks).size).toBe(NICK_TRIES_MAX + 1)
    expect(desk.closed()).toEqual([])
    desk.from(link, { type: 'nick-bad' })
    expect(desk.closed()).toEqual([link])
    expect(nickOf('12D3KooWabcdefghijklmnop', 0)).toBe('abcdefghijkl')
    expect(nickOf('Qmabcdefghijklmnop', 1)).toBe('bcdefghijklm')
  })

  it('is looked for at another server when one refuses, is silent, unreachable or lost', () => {
    const desk = new Desk({ nick: 'me' })
    desk.command({ type: 'servers', contacts: [testContact(50), testContact(51)] })
    const opened = () => desk.log.flatMap(effect => (effect.type === 'open' ? [effect.peer] : []))
    const first = opened()[0]!
    desk.handle({ type: 'unreachable', peer: first, reason: 'x' })
    desk.pass(3_000)
    expect(new Set(opened()).size).toBe(2)
    const numbers = [50, 51].map(number => desk.effects.peers.intern(testContact(number)))
    const refusing = desk.link(numbers.indexOf(opened()[1]!) + 50, false)
    desk.from(refusing, { type: 'login-error', text: 'This server is full.' })
    expect(desk.closed()).toEqual([refusing])
    desk.down(refusing, 'local')
    desk.pass(10_000)
    expect(opened().length).toBeGreaterThan(2)
    const silent = desk.link(numbers.indexOf(opened().at(-1)!) + 50, false)
    desk.pass(LOGIN_ANSWER_MS)
    expect(desk.closed()).toContain(silent)
    expect(desk.counter('loginsFailed')).toBeGreaterThanOrEqual(3)
  })

  it('is sought at servers that its user named before any that it was told of', () => {
    for (let round = 0; round < 8; round += 1) {
      const { desk, link } = atServer()
      // Eight others that never failed, and the named one failed once.
      desk.from(link, {
        ...helloOf(50, true),
        servers: Array.from({ length: 8 }, (_, at) => testContact(100 + round + at))
      })
      const named = desk.effects.peers.intern(testContact(50))
      desk.down(link)
      desk.effects.advance(LOGIN_RETRY_MS_MAX)
      desk.log.length = 0
      desk.handle({ type: 'timer', timer: LOGIN_TIMER })
      expect(desk.log.filter(({ type }) => type === 'open')).toMatchObject([{ peer: named }])
    }
  })

  it('waits longer and longer, never over LOGIN_RETRY_MS_MAX, with chance over it', () => {
    const { effects } = new Desk()
    for (let failures = 0; failures < 40; failures += 1) {
      const ms = backOff(effects, failures, 1_000, LOGIN_RETRY_MS_MAX)
      expect(ms).toBeLessThanOrEqual(LOGIN_RETRY_MS_MAX)
      expect(ms).toBeGreaterThanOrEqual(Math.min(LOGIN_RETRY_MS_MAX, 1_000 * 2 ** failures) / 2 - 1)
    }
    const times = new Set(Array.from({ length: 20 }, () => backOff(effects, 20, 1_000, MESH_RETRY_MS_MAX)))
    expect(times.size).toBeGreaterThan(10)
  })

  it('is given up where nothing comes from its server', () => {
    const { desk, link } = atServer()
    desk.settle().pass(KEEP_ALIVE_MS + 5_000)
    expect(desk.sent(link)).toContainEqual({ type: 'ping-server' })
    desk.pass(KEEP_ALIVE_MS + 5_000)
    expect(desk.closed()).toEqual([link])
    expect(desk.notices()).toContainEqual({ type: 'session', server: undefined })
  })

  it('learns of other servers, SERVERS_MAX of them, and keeps those that its user named', () => {
    const { desk, link } = atServer()
    for (let from = 100; from < 200; from += 16)
      desk.from(link, {
        ...helloOf(50, true),
        servers: Array.from({ length: 16 }, (_, at) => testContact(from + at))
      })
    expect(desk.tables.serversKnown).toBe(SERVERS_MAX)
    const known = new KnownServers()
    const server = (number: number, named: boolean) => ({
      peer: number,
      id: testContact(number).id,
      peerId: peerIdOf(number),
      named
    })
    for (let number = 1; number <= SERVERS_MAX; number += 1) known.add(server(number, false))
    expect(known.add(server(999, false))).toBeUndefined()
    expect(known.add(server(998, true))).toBeDefined()
    expect(known.size).toBe(SERVERS_MAX)
    expect(known.get(peerIdOf(1))).toBeUndefined()
    known.get(peerIdOf(7))!.failures = 1
    expect(known.add(server(997, false))).toBeDefined()
    expect(known.get(peerIdOf(7))).toBeUndefined()
    expect(known.add(server(2, true))).toMatchObject({ named: true })
  })

  it('forgets a server that it was told of when HEARSAY_FAILURES_MAX attempts failed, and no other', () => {
    const known = new KnownServers()
    const server = (number: number, named: boolean) =>
      known.add({ peer: number, id: testContact(number).id, peerId: peerIdOf(number), named })!
    const [hearsay, named, met] = [server(1, false), server(2, true), server(3, false)]
    known.succeeded(met)
    for (let count = 1; count < HEARSAY_FAILURES_MAX; count += 1) known.failed(hearsay)
    expect(known.get(peerIdOf(1))).toBe(hearsay)
    for (const one of [hearsay, ...Array(9).fill(named), ...Array(9).fill(met)]) known.failed(one)
    expect([...known.all]).toEqual([named, met])
  })

  it('shows what its server says', () => {
    const { desk, link } = atServer()
    for (let count = 0; count <= MOTD_LINES_MAX; count += 1)
      desk.from(link, { type: 'motd', text: `${count}` })
    desk.from(link, { type: 'stats', users: 1, files: 2, gigabytes: 3 }, { type: 'error', text: 'no' })
    expect(desk.tables).toMatchObject({
      server: peerIdOf(50),
      stats: { users: 1, files: 2, gigabytes: 3 },
      counters: { serverErrors: 1 }
    })
    expect(desk.tables.motd).toHaveLength(MOTD_LINES_MAX)
  })

  it('takes no links of others', () => {
    const { desk, link } = atServer()
    const other = desk.link(60)
    expect(desk.closed()).toEqual([other])
    desk.from(other, { type: 'login-ack', email: 'x' })
    desk.down(other)
    expect(desk.tables.server).toBe(peerIdOf(50))
    desk.from(link, { type: 'ping', nick: 'lefty' })
    expect(desk.sent(link)).toContainEqual({ type: 'pong', nick: 'lefty' })
  })
})

describe('announcing', () => {
  const withFiles = (count: number) => {
    const desk = new Desk({ nick: 'me' })
    desk.files = Array.from({ length: count }, (_, at) => ({ index: at + 1, name: `s${at}.mp3`, size: 1 }))
    desk.command({ type: 'sharing', files: count, firewalled: false })
    return atServer(desk)
  }

  it('goes batch by batch, each after the answer to the one before', () => {
    const { desk, link } = withFiles(BATCH_FILES_MAX + 10)
    const [first] = batchesOf(desk.settle().sent(link))
    expect(first).toMatchObject({ type: 'share-records', batch: 1 })
    expect(first!.type === 'share-records' && first!.files).toHaveLength(BATCH_FILES_MAX)
    expect(desk.tables.announced).toEqual({ files: 0, of: BATCH_FILES_MAX + 10 })
    desk.from(link, ack(1))
    expect(batchesOf(desk.sent(link))).toMatchObject([{ batch: 2 }])
    desk.from(link, ack(2), ack(2))
    expect(desk.tables.announced).toEqual({ files: BATCH_FILES_MAX + 10, of: BATCH_FILES_MAX + 10 })
  })

  it('counts what is acknowledged file by file, and tries again what is not', () => {
    const { desk, link } = withFiles(6)
    desk.settle().sent()
    desk.from(link, ack(1, { 1: 'unsound', 2: 'later', 4: 'later' }))
    expect(desk.tables.announced).toEqual({ files: 3, of: 6 })
    expect(desk.settle().sent(link)).toEqual([])
    desk.pass(ANNOUNCE_LATER_MS)
    expect(batchesOf(desk.sent(link))).toMatchObject([{ batch: 2, files: [{ index: 3 }, { index: 5 }] }])
    // One that is refused in the middle has no room; those around it are there.
    desk.from(link, ack(2, { 0: 'full' }))
    expect(desk.tables).toMatchObject({ announced: { files: 4 }, quotaReached: true })
    for (let ms = 0; ms < ANNOUNCE_FULL_MS; ms += KEEP_ALIVE_MS) {
      desk.pass(KEEP_ALIVE_MS)
      desk.from(link, { type: 'ping-server' })
    }
    expect(batchesOf(desk.settle().sent(link))).toMatchObject([{ files: [{ index: 2 }, { index: 3 }] }])
    // Places that no batch has are of nothing.
    desk.from(link, ack(3, { 7: 'later' }))
    expect(desk.tables.announced.files).toBe(6)
    expect(desk.counter('filesRefused')).toBe(2)
  })

  it('of a file that changed and is refused is of nothing that the server has', () => {
    const { desk, link } = withFiles(2)
    desk.settle().sent()
    desk.from(link, ack(1))
    desk.command({ type: 'changed', added: [1], removed: [] })
    desk.settle().sent()
    desk.from(link, ack(2, { 0: 'full' }))
    expect(desk.tables).toMatchObject({ announced: { files: 1 }, quotaReached: true })
  })

  it('takes back file by file, too', () => {
    const { desk, link } = withFiles(3)
    desk.settle().sent()
    desk.from(link, ack(1))
    desk.command({ type: 'changed', added: [], removed: [1, 2, 3] })
    desk.sent()
    desk.from(link, ack(2, { 1: 'later' }))
    expect(desk.tables.announced.files).toBe(1)
    desk.pass(ANNOUNCE_LATER_MS)
    expect(batchesOf(desk.sent(link))).toMatchObject([{ type: 'unshare-records', indexes: [2] }])
  })

  it('takes back what was refused after a while, for whatever reason it was', () => {
    const { desk, link } = withFiles(1)
    desk.settle().sent()
    desk.from(link, ack(1))
    desk.command({ type: 'changed', added: [], removed: [1] })
    desk.sent()
    for (const [batch, reason] of [
      [2, 'unsound'],
      [3, 'full'],
      [4, 'later']
    ] as const) {
      desk.from(link, ack(batch, { 0: reason }))
      desk.pass(ANNOUNCE_LATER_MS - 1)
      expect(batchesOf(desk.sent(link))).toEqual([])
      desk.pass(1)
      expect(batchesOf(desk.sent(link))).toMatchObject([{ type: 'unshare-records', indexes: [1] }])
    }
    desk.from(link, ack(5))
    expect(desk.tables.announced.files).toBe(0)
  })

  it('is made again after "later", and after no answer', () => {
    const { desk, link } = withFiles(1)
    expect(batchesOf(desk.settle().sent(link))).toHaveLength(1)
    desk.from(link, ack(1, { 0: 'later' }))
    desk.pass(ANNOUNCE_LATER_MS)
    expect(batchesOf(desk.sent(link))).toMatchObject([{ batch: 2 }])
    desk.pass(ANNOUNCE_ANSWER_MS)
    expect(batchesOf(desk.sent(link))).toMatchObject([{ batch: 3 }])
    // Too late: it is not known any more which of them it is of.
    desk.from(link, ack(2))
    expect(desk.tables.announced.files).toBe(0)
    desk.from(link, ack(3))
    expect(desk.tables.announced.files).toBe(1)
  })

  it('stops at the quota, and goes on where files were taken back, or after a while', () => {
    const { desk, link } = withFiles(3)
    desk.settle().sent()
    desk.from(link, ack(1, { 2: 'full' }))
    expect(desk.tables).toMatchObject({ announced: { files: 2, of: 3 }, quotaReached: true })
    expect(desk.settle().sent(link)).toEqual([])
    for (let ms = 0; ms < ANNOUNCE_FULL_MS; ms += KEEP_ALIVE_MS) {
      desk.pass(KEEP_ALIVE_MS)
      desk.from(link, { type: 'ping-server' })
    }
    expect(batchesOf(desk.settle().sent(link))).toMatchObject([{ files: [{ index: 3 }] }])
    desk.from(link, ack(2, { 0: 'full' }))
    desk.files = desk.files.slice(1)
    desk.command({ type: 'changed', added: [], removed: [1] })
    expect(batchesOf(desk.sent(link))).toMatchObject([{ type: 'unshare-records', indexes: [1] }])
    desk.from(link, ack(3))
    expect(batchesOf(desk.settle().sent(link))).toMatchObject([{ files: [{ index: 3 }] }])
    desk.from(link, ack(4))
    expect(desk.tables).toMatchObject({ announced: { files: 2, of: 3 }, quotaReached: false })
  })

  it('renews all that the server has, over its quota too, whatever the order of the files', () => {
    const { desk, link } = withFiles(3)
    desk.settle().sent()
    // Of the quota of two the server has the files 1 and 2.
    desk.from(link, ack(1, { 2: 'full' }))
    const renewed = (batch: number) => {
      const sent = batchesOf(desk.settle().sent(link))
      desk.from(link, ack(batch, { 2: 'full' }))
      return [...sent, ...batchesOf(desk.settle().sent(link))]
    }
    desk.command({ type: 'announce' })
    expect(renewed(2)).toMatchObject([{ files: [{ index: 1 }, { index: 2 }, { index: 3 }] }])
    expect(desk.tables).toMatchObject({ announced: { files: 2 }, quotaReached: true })
    desk.from(link, { type: 'announce-again' })
    expect(renewed(3)).toMatchObject([{ files: [{ index: 1 }, { index: 2 }, { index: 3 }] }])

    // One that it refuses stands before a whole batch that it has.
    const many = withFiles(0)
    const had = Array.from({ length: BATCH_FILES_MAX }, (_, at) => ({ index: at + 1, name: 'a', size: 1 }))
    many.desk.files = had
    many.desk.settle()
    many.desk.command({ type: 'announce' })
    many.desk.settle().sent()
    many.desk.from(many.link, ack(1))
    many.desk.files = [{ index: 999, name: 'new', size: 1 }, ...had]
    many.desk.command({ type: 'announce' })
    many.desk.settle().sent()
    many.desk.from(many.link, ack(2, { 0: 'full' }))
    expect(batchesOf(many.desk.settle().sent(many.link))).toMatchObject([
      { files: [{ index: BATCH_FILES_MAX }] }
    ])
    many.desk.from(many.link, ack(3))
    expect(many.desk.settle().tables.quotaReached).toBe(true)
  })

  it('keeps to its bytes a second', () => {
    const desk = new Desk({ nick: 'me' })
    const name = 'x'.repeat(200)
    desk.files = Array.from({ length: 6_000 }, (_, at) => ({ index: at + 1, name: `${name}${at}`, size: 1 }))
    const { link } = atServer(desk)
    const bytesOf = (messages: readonly NapsterMessage[]) =>
      batchesOf(messages).reduce(
        (sum, batch) =>
          sum +
          (batch.type === 'share-records'
            ? batch.files.reduce((own, file) => own + file.record.length, 0)
            : 0),
        0
      )
    const step = () => {
      const sent = desk.settle().sent(link)
      for (const { batch } of batchesOf(sent)) desk.from(link, ack(batch))
      return bytesOf(sent)
    }
    let atOnce = 0
    for (let bytes = step(); bytes > 0; bytes = step()) atOnce += bytes
    expect(atOnce).toBeLessThan(ANNOUNCE_BYTES_BURST + 32_768)
    let later = 0
    for (let second = 0; second < 4; second += 1) {
      desk.pass(1_000)
      for (let bytes = step(); bytes > 0; bytes = step()) later += bytes
    }
    expect(later).toBeLessThan(4 * ANNOUNCE_BYTES_PER_SECOND + 32_768)
    expect(later).toBeGreaterThan(2 * ANNOUNCE_BYTES_PER_SECOND)
  })

  it('begins anew in a new session, when records near their end, and when the index lost them', () => {
    const { desk, link } = withFiles(1)
    desk.settle().sent()
    desk.from(link, ack(1))
    desk.command({ type: 'announce' })
    expect(batchesOf(desk.settle().sent(link))).toMatchObject([{ batch: 2 }])
    desk.from(link, ack(2), { type: 'announce-again' })
    expect(batchesOf(desk.settle().sent(link))).toMatchObject([{ batch: 3 }])
    desk.down(link, 'reset')
    expect(desk.tables.announced.files).toBe(0)
    const again = desk.link(50, false)
    desk.from(again, { type: 'login-ack', email: 'x' }, helloOf(50, true))
    expect(batchesOf(desk.settle().sent(again))).toHaveLength(1)
    expect(desk.counter('serversMoved')).toBe(1)
  })

  it('of a file that changes while it is read is of what it is then', () => {
    const { desk, link } = withFiles(1)
    desk.files = [{ index: 1, name: 'new.mp3', size: 1 }]
    // The old one was asked for, and is gone before the answer.
    desk.command({ type: 'changed', added: [1], removed: [1] })
    const gone = batchesOf(desk.settle().sent(link))
    expect(gone).toMatchObject([{ type: 'unshare-records', indexes: [1] }])
    desk.from(link, ack(1))
    const [batch] = batchesOf(desk.settle().sent(link))
    expect(batch!.type === 'share-records' && Buffer.from(batch!.files[0]!.record).toString()).toContain(
      'new.mp3'
    )
  })

  it('has CHANGES_WAITING_MAX changes wait, and past it looks at everything again', () => {
    const { desk, link } = withFiles(0)
    desk.settle()
    const added = Array.from({ length: CHANGES_WAITING_MAX }, (_, at) => at + 1)
    desk.command({ type: 'changed', added, removed: [] })
    expect(desk.machine.sizes().changesWaiting).toBe(CHANGES_WAITING_MAX)
    desk.command({ type: 'changed', added: [CHANGES_WAITING_MAX + 1], removed: [] })
    expect(desk.machine.sizes().changesWaiting).toBe(0)
    desk.command({ type: 'changed', added: [], removed: added })
    desk.command({ type: 'changed', added: [], removed: [CHANGES_WAITING_MAX + 1] })
    expect(desk.machine.sizes().changesWaiting).toBeLessThanOrEqual(CHANGES_WAITING_MAX)
    desk.sent(link)
  })

  it('waits where the catalogue cannot be read', () => {
    const { desk, link } = withFiles(1)
    for (const { id } of desk.open.splice(0)) desk.handle({ type: 'answer', id, error: 'The disk is away.' })
    expect(batchesOf(desk.sent(link))).toEqual([])
    desk.pass(ANNOUNCE_LATER_MS)
    expect(batchesOf(desk.settle().sent(link))).toHaveLength(1)
  })
})

describe('searching', () => {
  it('gives what is verified, and ends when the server says so', () => {
    const { desk, link } = atServer()
    const search = desk.command({ type: 'search', wanted: wantedOf('song') })
    const [asked] = desk.sent(link).filter(({ type }) => type === 'find')
    expect(asked).toMatchObject({ query: 1 })
    desk.from(link, found(1), { type: 'found-end', query: 1, unanswered: [testContact(51).id], reason: '' })
    expect(desk.notices().some(({ type }) => type === 'search-ended')).toBe(false)
    desk.settle()
    const own = desk.notices().filter(notice => notice.type === 'found' || notice.type === 'search-ended')
    expect(own).toEqual([
      { type: 'found', search, files: [expect.objectContaining({ nick: 'n' })] },
      { type: 'search-ended', search, unanswered: [peerIdText(testContact(51).id)], reason: '' }
    ])
    desk.from(link, found(1))
    expect(desk.counter('resultsUnasked')).toBe(1)
  })

  it('never shows what does not verify', () => {
    const { desk, link } = atServer()
    desk.command({ type: 'search', wanted: wantedOf('song') })
    const forged = found(1)
    desk.from(link, { ...forged, found: { ...forged.found, contact: testContact(8) } })
    desk.settle()
    expect(desk.notices().some(({ type }) => type === 'found')).toBe(false)
    expect(desk.counter('resultsRefused')).toBe(1)
  })

  it('takes as many results as were wanted, verified VERIFIES_MAX at a time, VERIFIES_WAITING_MAX at most', () => {
    const { desk, link } = atServer()
    const searches = Array.from({ length: 6 }, () =>
      desk.command({ type: 'search', wanted: wantedOf('song', { limit: 1_000 }) })
    )
    for (let query = 1; query <= searches.length; query += 1)
      for (let count = 0; count < 1_010; count += 1) desk.from(link, found(query))
    const { verifying, verifiesWaiting } = desk.machine.sizes()
    expect(verifying).toBe(VERIFIES_MAX)
    expect(verifiesWaiting).toBe(VERIFIES_WAITING_MAX)
    const verifies = desk.open.flatMap(({ question }) =>
      question.type === 'verify-found' ? [question.claims.length] : []
    )
    expect(Math.max(...verifies)).toBeLessThanOrEqual(VERIFY_RESULTS_MAX)
    expect(desk.counter('resultsUnasked')).toBe(4 * 10)
    desk.settle()
    expect(desk.machine.sizes()).toMatchObject({ verifying: 0, verifiesWaiting: 0 })
  })

  it('is refused past QUESTIONS_MAX, and where no server is known', () => {
    const { desk } = atServer()
    for (let count = 0; count < QUESTIONS_MAX; count += 1)
      desk.command({ type: 'search', wanted: wantedOf('song') })
    const late = desk.command({ type: 'search', wanted: wantedOf('song') })
    const ends = () => desk.notices().filter(({ type }) => type === 'search-ended')
    expect(ends()).toMatchObject([{ search: late, reason: expect.stringContaining('At most') }])
    const alone = new Desk()
    alone.command({ type: 'search', wanted: wantedOf('song') })
    expect(alone.notices()).toMatchObject([{ reason: expect.stringContaining('No server is known') }])
  })

  it('ends by its time, and says whether there was a server', () => {
    const { desk, link } = atServer()
    desk.settle()
    const search = desk.command({ type: 'search', wanted: wantedOf('song') })
    desk.pass(SEARCH_MS)
    expect(desk.notices()).toContainEqual({
      type: 'search-ended',
      search,
      unanswered: [peerIdOf(50)],
      reason: 'The server did not answer in time.'
    })
    desk.down(link)
    const lost = desk.command({ type: 'search', wanted: wantedOf('song') })
    desk.pass(SEARCH_MS)
    expect(desk.notices()).toContainEqual(
      expect.objectContaining({ search: lost, reason: 'There is no server to ask.' })
    )
  })

  it('goes on at the next server', () => {
    const { desk, link } = atServer()
    desk.command({ type: 'search', wanted: wantedOf('song') })
    desk.down(link)
    const next = desk.link(50, false)
    desk.from(next, { type: 'login-ack', email: 'x' }, helloOf(50, true))
    expect(desk.sent(next).filter(({ type }) => type === 'find')).toMatchObject([{ query: 2 }])
    // What the old one would say is of nothing any more.
    desk.from(next, found(1), found(2))
    expect(desk.counter('resultsUnasked')).toBe(1)
    expect(desk.counter('searchesAgain')).toBe(1)
  })

  it('is forgotten when its user leaves', () => {
    const { desk, link } = atServer()
    const search = desk.command({ type: 'search', wanted: wantedOf('song') })
    desk.from(link, found(1))
    desk.command({ type: 'end-search', search })
    desk.settle()
    expect(desk.notices().some(({ type }) => type === 'found' || type === 'search-ended')).toBe(false)
    expect(desk.machine.sizes()).toMatchObject({ ownSearches: 0, verifying: 0, verifiesWaiting: 0 })
  })
})

describe('people', () => {
  it('are asked for by nick, and there is an answer in any case', () => {
    const { desk, link } = atServer()
    const first = desk.command({ type: 'whois', nick: 'Lefty' })
    const second = desk.command({ type: 'whois', nick: 'lefty' })
    desk.from(link, { type: 'whowas', nick: 'lefty', level: 'User', seenAt: 5 })
    const reply = { nick: 'lefty', online: false, seenAt: 5 }
    expect(desk.notices()).toEqual(
      expect.arrayContaining([
        { type: 'whois', whois: first, reply },
        { type: 'whois', whois: second, reply }
      ])
    )
    const [none, late, bad] = ['nobody', 'late', 'no nick'].map(nick => desk.command({ type: 'whois', nick }))
    desk.from(link, { type: 'error', text: 'User nobody is not currently online.' })
    desk.pass(ANSWER_MS)
    for (const whois of [none, late, bad])
      expect(desk.notices()).toContainEqual({ type: 'whois', whois, reply: undefined })
    for (let count = 0; count <= QUESTIONS_MAX; count += 1) desk.command({ type: 'whois', nick: `n${count}` })
    expect(desk.machine.sizes().whois).toBe(QUESTIONS_MAX)
    desk.down(link)
    expect(desk.machine.sizes().whois).toBe(0)
  })

  it('are on a hotlist, here and at each server', () => {
    const { desk, link } = atServer()
    desk.settle().sent()
    for (let count = 0; count < HOTLIST_MAX; count += 1)
      desk.command({ type: 'hotlist', action: 'add', nick: `n${count}` })
    desk.command({ type: 'hotlist', action: 'add', nick: 'more' })
    expect(desk.notices()).toContainEqual({ type: 'hotlist', event: 'refused', nick: 'more', linkSpeed: 0 })
    desk.command({ type: 'hotlist', action: 'remove', nick: 'N0' })
    desk.command({ type: 'hotlist', action: 'remove', nick: 'N0' })
    expect(desk.sent(link).filter(({ type }) => type === 'hotlist-remove')).toHaveLength(1)
    desk.from(
      link,
      { type: 'sign-on', nick: 'n1', link: 3 },
      { type: 'sign-off', nick: 'n1' },
      { type: 'sign-on', nick: 'other', link: 3 }
    )
    desk.from(link, { type: 'hotlist-error', nick: 'n2' })
    const events = desk
      .notices()
      .flatMap(notice => (notice.type === 'hotlist' ? [`${notice.nick} ${notice.event}`] : []))
    expect(events).toEqual(['more refused', 'n1 on', 'n1 off', 'n2 refused'])
    desk.down(link)
    const next = desk.link(50, false)
    desk.from(next, { type: 'login-ack', email: 'x' })
    expect(desk.sent(next).filter(({ type }) => type === 'hotlist')).toHaveLength(HOTLIST_MAX - 2)
  })

  it('are pinged, PINGS_MAX at a time, and only their own pong counts', () => {
    const { desk, link } = atServer()
    desk.settle().sent()
    const peers = Array.from({ length: PINGS_MAX + 1 }, (_, at) => testContact(70 + at).id)
    const ping = desk.command({ type: 'ping', peers })
    const relays = desk.sent(link).flatMap(message => (message.type === 'relay' ? [message] : []))
    expect(relays).toHaveLength(PINGS_MAX)
    const pings = () => desk.notices().filter(({ type }) => type === 'pinged')
    expect(pings()).toEqual([{ type: 'pinged', ping, peerId: peerIdOf(70 + PINGS_MAX), rttMs: undefined }])
    desk.effects.advance(30)
    const pong = { ...relays[0]!, kind: 'pong' as const, from: testContact(71) }
    desk.from(link, pong, { ...pong, from: testContact(70) })
    expect(pings()[1]).toEqual({ type: 'pinged', ping, peerId: peerIdOf(70), rttMs: 30 })
    desk.pass(PING_MS)
    expect(pings()).toHaveLength(PINGS_MAX + 1)
    desk.from(link, { ...relays[0]!, kind: 'ping', from: testContact(80) })
    expect(desk.sent(link)).toMatchObject([
      { type: 'relay', kind: 'pong', to: testContact(80).id, token: relays[0]!.token }
    ])
  })

  it('ask this peer to call, CALLS_BURST at once', () => {
    const { desk, link } = atServer()
    const call: NapsterMessage = {
      type: 'relay',
      kind: 'call',
      ttl: 0,
      to: testContact(0).id,
      from: testContact(80),
      token: new Uint8Array(16),
      index: 4
    }
    for (let count = 0; count <= CALLS_BURST; count += 1) desk.from(link, call)
    expect(desk.notices().filter(({ type }) => type === 'call-asked')).toHaveLength(CALLS_BURST)
    expect(desk.counter('callsOverRate')).toBe(1)
    const alone = new Desk()
    const asked = alone.command({ type: 'call', to: testContact(5).id, index: 1, nonce: new Uint8Array(16) })
    expect(alone.notices()).toMatchObject([{ type: 'call-refused', call: asked }])
  })

  it('are told of transfers', () => {
    const { desk, link } = atServer()
    desk.settle().sent()
    for (const direction of ['down', 'up'] as const)
      for (const begun of [true, false]) desk.command({ type: 'transfer', direction, begun })
    expect(desk.sent(link).map(({ type }) => type)).toEqual([
      'downloading',
      'downloaded',
      'uploading',
      'uploaded'
    ])
  })
})
