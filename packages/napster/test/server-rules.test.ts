/** What a server does for its users, rule by rule, and its bounds at the limit and one past. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  ANSWER_BYTES_MAX,
  BATCH_FILES_MAX,
  BODIES_BYTES_MAX,
  BROWSE_FILES_MAX,
  DOWNLOAD_ASKED_MS,
  DOWNLOADS_ASKED_MAX,
  FILE_NAME_BYTES_MAX,
  FILES_MAX,
  HOTLIST_MAX,
  INDEX_RESULTS_MAX,
  JOBS_AT_A_TIME_MAX,
  JOBS_PER_USER_MAX,
  JOBS_WAITING_MAX,
  KEEP_ALIVE_MS,
  LINK_SPEED_MAX,
  MESH_DEADLINE_MS,
  MOTD_LINES_MAX,
  NICKS_MAX,
  NICKS_PER_PEER_MAX,
  NICKS_SAVE_MS,
  OFFENCES_PER_MINUTE_MAX,
  PLAIN_WAITING_MAX,
  QUESTIONS_BURST,
  RELAYED_BURST,
  RELAYS_BURST,
  REMOVAL_RETRY_MS,
  REMOVALS_MAX,
  SEARCHES_MAX,
  SEARCHES_PER_USER_MAX,
  SEEN_MAX,
  SENDS_PER_MESSAGE_MAX,
  SHARE_JOBS_AT_A_TIME_MAX,
  SHARED_MAX,
  SHARES_BURST,
  STATS_MS,
  TEXT_BYTES_MAX,
  TRANSFERS_COUNTED_MAX,
  USER_BYTES_MAX,
  USER_WORDS_MAX,
  USERS_MAX,
  WATCHERS_MAX
} from '../src/constants.ts'
import type { NapsterMessage } from '../src/messages.ts'
import { Nicks } from '../src/nicks.ts'
import { Remote, User } from '../src/remotes.ts'
import { SeenIds } from '../src/seen-ids.ts'
import { withinQuota } from '../src/server-sharing.ts'
import { cut, NapsterState, ServerState } from '../src/state.ts'
import { WorkQueue } from '../src/work-queue.ts'
import { Desk, helloOf } from './desk.ts'
import { contentOf, peerIdOf, recordOf, wantedOf } from './peer.ts'

const login = (nick: string, link = 3): NapsterMessage => ({
  type: 'login',
  nick,
  password: '-',
  port: 1,
  client: 'Test',
  link
})
const find = (query: number, text: string, limit = 100): NapsterMessage => ({
  type: 'find',
  query,
  wanted: wantedOf(text, { limit })
})
const namesOf = (messages: readonly NapsterMessage[]) =>
  messages.flatMap(message => (message.type === 'found' ? [message.found.nick] : []))
const record = (peer: number, index: number, name = `song ${index}.mp3`) => ({
  index,
  record: recordOf(peerIdOf(peer), { index, name, size: 1_000 })
})

describe('logging in', () => {
  it('is for so many users, and the next is told that the server is full', () => {
    const desk = new Desk({ server: { usersMax: 3 } })
    desk.user(1)
    desk.user(2)
    const third = desk.link(3)
    desk.from(third, login('third'))
    expect(desk.sent(third)).toEqual([{ type: 'login-error', text: 'This server is full: it has 3 users.' }])
    expect(desk.closed()).toEqual([third])
    expect(new ServerState({ usersMax: USERS_MAX + 1 }).settings.usersMax).toBe(USERS_MAX)
    expect(new ServerState({ sharedMax: SHARED_MAX + 1 }).settings.sharedMax).toBe(SHARED_MAX)
    const motd = Array(MOTD_LINES_MAX + 1).fill('x'.repeat(TEXT_BYTES_MAX + 1))
    expect(new ServerState({ motd }).settings.motd).toEqual(
      Array(MOTD_LINES_MAX).fill('x'.repeat(TEXT_BYTES_MAX))
    )
  })

  it('comes before everything else, and links that break the rules end', () => {
    const desk = new Desk({ server: {} })
    const link = desk.link(1)
    desk.from(link, find(1, 'song'))
    expect(desk.sent(link)).toEqual([{ type: 'login-error', text: 'Log in first.' }])
    for (let count = 1; count < OFFENCES_PER_MINUTE_MAX; count += 1) desk.from(link, find(1, 'song'))
    expect(desk.closed()).toEqual([])
    desk.from(link, find(1, 'song'))
    expect(desk.closed()).toEqual([link])
    desk.sent()
    desk.from(link, login('late'))
    expect(desk.sent()).toEqual([])
  })

  it('forgives what is a minute old', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    const bad: NapsterMessage = { type: 'malformed', code: 200, reason: 'it is none', body: new Uint8Array() }
    for (let minute = 0; minute < 3; minute += 1) {
      for (let count = 0; count < OFFENCES_PER_MINUTE_MAX; count += 1) desk.from(user, bad)
      desk.pass(60_001)
    }
    expect(desk.closed()).toEqual([])
    expect(desk.sent(user)[0]).toEqual({
      type: 'error',
      text: 'A message of type 200 breaks the rules: it is none.'
    })
  })

  it('binds a nick to a PeerId, over the end of the session and of the server', () => {
    const desk = new Desk({ server: {} })
    desk.down(desk.user(1, 'foo'))
    desk.settle().pass(NICKS_SAVE_MS + 6_000)
    const saved = desk.log.findLast(effect => effect.type === 'save')
    const bytes = saved?.type === 'save' ? saved.bytes! : new Uint8Array()
    const again = new Desk({ server: {} }, new Map([['nicks', bytes]]))
    const thief = again.link(2)
    again.from(thief, login('foo'))
    expect(again.sent(thief)).toEqual([{ type: 'nick-taken' }])
    again.user(1, 'foo')
    expect(again.tables.users).toBe(2)
    const broken = new Desk({ server: {} }, new Map([['nicks', Buffer.from('a\nb c\n"x" y 1\nfoo z NaN')]]))
    expect(broken.tables.nicks).toBe(1)
  })

  it('keeps NICKS_MAX names, those used last', () => {
    const nicks = new Nicks()
    for (let number = 0; number < NICKS_MAX; number += 1) nicks.bind(`n${number}`, `p${number}`, 0)
    nicks.bind('n0', 'p0', 1)
    nicks.bind('last', 'one', 1)
    expect(nicks.size).toBe(NICKS_MAX)
    expect(nicks.get('n0', 1)).toBeDefined()
    expect(nicks.get('n1', 1)).toBeUndefined()
  })

  it('keeps NICKS_PER_PEER_MAX names of one peer, and takes none that is in use', () => {
    const nicks = new Nicks()
    for (let number = 0; number <= NICKS_PER_PEER_MAX; number += 1) nicks.bind(`Own${number}`, 'one', 0)
    nicks.bind('theirs', 'two', 0)
    expect(nicks.size).toBe(NICKS_PER_PEER_MAX + 1)
    expect(nicks.get('own0', 0)).toBeUndefined()
    expect(nicks.get('own1', 0)).toMatchObject({ nick: 'Own1' })
    expect(nicks.bind('more', 'one', 0, nick => nick === 'own1')).toBe(true)
    expect(nicks.get('own1', 0)).toBeDefined()
    expect(nicks.get('own2', 0)).toBeUndefined()
    expect(nicks.bind('again', 'one', 0, () => true)).toBe(false)
    const saved = new Nicks()
    saved.load(nicks.save(), 0)
    expect(saved.size).toBe(nicks.size)
  })

  it('lets in whom it refused nothing but the nick', () => {
    const desk = new Desk({ server: {} })
    const link = desk.link(1)
    desk.from(link, login('-bad'), login('x'.repeat(20)), login('good'))
    expect(desk.sent(link).map(({ type }) => type)).toEqual(['nick-bad', 'nick-bad', 'login-ack', 'stats'])
  })

  it('waits where the index is behind', () => {
    const desk = new Desk({ server: {} })
    desk.index.isAway = true
    for (let peer = 1; peer <= REMOVALS_MAX; peer += 1) {
      const link = desk.link(peer)
      desk.from(link, login(`u${peer}`))
      desk.down(link)
    }
    desk.settle()
    expect(desk.machine.sizes().removals).toBe(REMOVALS_MAX)
    const late = desk.link(REMOVALS_MAX + 1)
    desk.sent()
    desk.from(late, login('late'))
    expect(desk.sent(late)).toEqual([expect.objectContaining({ type: 'login-error' })])
    desk.index.isAway = false
    desk.pass(REMOVAL_RETRY_MS + 6_000).settle()
    expect(desk.machine.sizes().removals).toBe(0)
  })
})

describe('sharing', () => {
  it('is acknowledged when the index has it, by one batch after another', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    desk.from(user, { type: 'share-records', batch: 7, files: [record(1, 1)] })
    expect(desk.sent(user)).toEqual([])
    expect(desk.settle().sent(user)).toEqual([{ type: 'share-ack', batch: 7, outcome: 'done', accepted: 1 }])
    expect(desk.tables).toMatchObject({ files: 1, bytes: 1_000 })
    desk.from(user, { type: 'unshare-records', batch: 8, indexes: [1, 2] })
    expect(desk.settle().sent(user)).toEqual([{ type: 'share-ack', batch: 8, outcome: 'done', accepted: 2 }])
    expect(desk.tables).toMatchObject({ files: 0, bytes: 0 })
  })

  it('has a quota, which files that are announced again do not count towards', () => {
    const desk = new Desk({ server: { sharedMax: 3 } })
    const user = desk.user(1)
    const share = (...indexes: number[]) => {
      desk.from(user, { type: 'share-records', batch: 1, files: indexes.map(index => record(1, index)) })
      return desk.settle().sent(user)[0]
    }
    expect(share(1, 2)).toMatchObject({ outcome: 'done', accepted: 2 })
    expect(share(2, 3, 4)).toMatchObject({ outcome: 'full', accepted: 2 })
    expect(share(5)).toMatchObject({ outcome: 'full', accepted: 0 })
    expect(share(1, 2, 3)).toMatchObject({ outcome: 'done', accepted: 3 })
    expect(desk.tables).toMatchObject({ files: 3, bytes: 3_000 })
    expect(desk.index.totals().files).toBe(3)
    expect(FILES_MAX).toBeGreaterThan(SHARED_MAX)
  })

  it('has a quota of bytes and of words, of one user and of all, up to the last of them', () => {
    const file = (key: string, bytes: number, words: number) => ({
      key,
      words: Array<string>(words).fill('w'),
      size: 1,
      type: '',
      numbers: {},
      body: new Uint8Array(bytes)
    })
    const server = new ServerState({})
    const state = new NapsterState({ server: {} })
    const user = new User(
      new Remote(1, 1, testContact(1).id, true, 0),
      { owner: 'o', nick: 'n', client: '', linkSpeed: 0, port: 0 },
      0
    )
    const keys = (...files: ReturnType<typeof file>[]) =>
      withinQuota(state, server, user, files).map(({ key }) => key)
    expect(keys(file('a', USER_BYTES_MAX, 1), file('b', 1, 1))).toEqual(['a'])
    expect(keys(file('a', USER_BYTES_MAX + 1, 1), file('b', 1, 1))).toEqual(['b'])
    expect(keys(file('a', 1, USER_WORDS_MAX), file('b', 1, 1))).toEqual(['a'])
    expect(keys(file('a', 1, USER_WORDS_MAX + 1))).toEqual([])
    // What replaces another counts by what it has more.
    user.files.set('a', { size: 1, bodyBytes: USER_BYTES_MAX - 10, words: 1, md5: '' })
    user.bodyBytes = USER_BYTES_MAX - 10
    expect(keys(file('a', USER_BYTES_MAX, 1))).toEqual(['a'])
    expect(keys(file('a', USER_BYTES_MAX + 1, 1), file('b', 11, 1))).toEqual([])
    server.bodyBytes = BODIES_BYTES_MAX - 4
    expect(keys(file('b', 4, 1), file('c', 1, 1))).toEqual(['b'])
    expect(keys(file('b', 5, 1))).toEqual([])
  })

  it('counts what the index keeps, until it is taken back or its user goes', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    const kept = () => desk.machine.sizes().bodyBytes!
    desk.share(user, 1, 'one.mp3')
    const one = kept()
    expect(one).toBeGreaterThan(0)
    desk.share(user, 1, 'one.mp3', 'two.mp3')
    expect(kept()).toBe(2 * one)
    desk.from(user, { type: 'unshare-records', batch: 8, indexes: [2] })
    desk.settle()
    expect(kept()).toBe(one)
    desk.down(user)
    expect(kept()).toBe(0)
  })

  it('has a rate, and says later', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    const batch = Array.from({ length: BATCH_FILES_MAX }, (_, at) => record(1, at))
    let taken = 0
    for (let count = 0; count <= SHARES_BURST / BATCH_FILES_MAX; count += 1) {
      desk.from(user, { type: 'share-records', batch: count, files: batch })
      const [ack] = desk.settle().sent(user)
      if (ack?.type === 'share-ack' && ack.outcome === 'done') taken += ack.accepted
      else expect(ack).toMatchObject({ outcome: 'later', accepted: 0 })
    }
    expect(taken).toBe(Math.floor(SHARES_BURST / BATCH_FILES_MAX) * BATCH_FILES_MAX)
  })

  it('acknowledges nothing while the index is away, and everything when it is back', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    desk.index.isAway = true
    expect(desk.share(user, 1, 'song.mp3')).toEqual([
      { type: 'share-ack', batch: 1, outcome: 'later', accepted: 0 }
    ])
    expect(desk.tables).toMatchObject({ files: 0, indexReachable: false })
    desk.index.isAway = false
    expect(desk.share(user, 1, 'song.mp3')).toMatchObject([{ outcome: 'done' }])
    expect(desk.tables).toMatchObject({ files: 1, indexReachable: true })
  })

  it('of an owner waits until what they had before is out of the index', () => {
    const desk = new Desk({ server: {} })
    const first = desk.user(1)
    desk.share(first, 1, 'old.mp3')
    desk.index.isAway = true
    desk.down(first)
    desk.settle()
    const second = desk.user(1)
    desk.index.isAway = false
    expect(desk.share(second, 1, 'new.mp3')).toMatchObject([{ outcome: 'later' }])
    desk
      .pass(REMOVAL_RETRY_MS + 6_000)
      .settle()
      .sent()
    expect(desk.share(second, 1, 'new.mp3')).toMatchObject([{ outcome: 'done' }])
    expect(desk.index.totals().files).toBe(1)
  })

  it('of a new session outlives the removals of the sessions before, in whatever order they are answered', () => {
    const desk = new Desk({ server: {} })
    desk.settle()
    desk.down(desk.user(1))
    desk.down(desk.user(1))
    const [first, second] = desk.open.splice(0)
    const third = desk.user(1)
    desk.answer(first!)
    // The second is under way still, and would take what is shared now.
    expect(desk.share(third, 1, 'new.mp3')).toMatchObject([{ outcome: 'later' }])
    desk.handle({ type: 'answer', id: second!.id, error: 'The index is away.' })
    expect(desk.share(third, 1, 'new.mp3')).toMatchObject([{ outcome: 'later' }])
    desk
      .pass(REMOVAL_RETRY_MS + 6_000)
      .settle()
      .sent()
    expect(desk.share(third, 1, 'new.mp3')).toMatchObject([{ outcome: 'done' }])
    desk.pass(2 * REMOVAL_RETRY_MS + 6_000).settle()
    expect(desk.index.totals().files).toBe(1)
  })

  it('that was under way when its user went leaves nothing behind', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    desk.from(user, { type: 'share-records', batch: 1, files: [record(1, 1)] })
    // Verified, and given to the index, which has not answered.
    desk.answer(desk.open.shift()!)
    desk.down(user)
    desk.settle()
    expect(desk.index.totals().files).toBe(0)
    expect(desk.tables).toMatchObject({ files: 0, bytes: 0 })
    expect(desk.machine.sizes()).toMatchObject({ sharingsUnderWay: 0, sharingsWaiting: 0, removals: 0 })
  })

  it('of other makers’ programs that waits when its user goes never reaches the index', () => {
    const desk = new Desk({ server: {} })
    const user = desk.settle().plainUser(1)
    for (let number = 0; number <= BATCH_FILES_MAX; number += 1)
      desk.from(user, {
        type: 'share',
        name: `song ${number}.mp3`,
        md5: '0',
        size: 1,
        bitrate: 1,
        frequency: 1,
        seconds: 1
      })
    // The first went alone; a batch of the rest is with the index.
    desk.answer(desk.open.shift()!)
    desk.down(user)
    const [added, removed] = desk.open.splice(0)
    desk.answer(added!)
    desk.answer(removed!)
    expect(desk.open).toEqual([])
    expect(desk.settle().index.totals().files).toBe(0)

    // The same where the index answers the removal first.
    const again = desk.plainUser(1)
    for (const name of ['one.mp3', 'two.mp3'])
      desk.from(again, { type: 'share', name, md5: '0', size: 1, bitrate: 1, frequency: 1, seconds: 1 })
    desk.down(again)
    const [first, last] = desk.open.splice(0)
    desk.answer(last!)
    desk.answer(first!)
    expect(desk.open).toEqual([])
    expect(desk.machine.sizes()).toMatchObject({ sharingsUnderWay: 0, sharingsWaiting: 0 })
  })

  it('of other makers’ programs goes to the index together, within bounds', () => {
    const desk = new Desk({ server: { sharedMax: 80 } })
    const user = desk.plainUser(1)
    const line = (name: string): NapsterMessage => ({
      type: 'share',
      name,
      md5: '0',
      size: 1,
      bitrate: 1,
      frequency: 1,
      seconds: 1
    })
    for (let number = 0; number < 70; number += 1) desk.from(user, line(`song ${number}.mp3`))
    const calls = desk.index.calls
    desk.settle()
    expect(desk.index.calls - calls).toBe(3)
    expect(desk.tables.files).toBe(70)
    for (let number = 70; number < 90; number += 1) desk.from(user, line(`song ${number}.mp3`))
    expect(desk.settle().sent(user)).toContainEqual({ type: 'error', text: 'You may share 80 files here.' })
    expect(desk.tables.files).toBe(80)
    desk.from(user, line('---'), line(`${'x'.repeat(FILE_NAME_BYTES_MAX)}y`))
    expect(desk.sent(user)).toEqual(
      Array(2).fill({
        type: 'error',
        text: 'A file needs a name with words in it, and a size that files have.'
      })
    )
    desk.index.isAway = true
    desk.from(user, line('song 1.mp3'), { type: 'unshare', name: 'song 2.mp3' }, { type: 'unshare-all' })
    expect(desk.settle().sent(user)).toHaveLength(3)
    expect(PLAIN_WAITING_MAX).toBeLessThanOrEqual(SHARES_BURST)
  })

  it('is said to all again where the index lost it', () => {
    const desk = new Desk({ server: {} })
    const [ours, theirs] = [desk.user(1), desk.plainUser(2)]
    desk.command({ type: 'index-lost' })
    expect(desk.sent(ours)).toEqual([{ type: 'announce-again' }])
    expect(desk.sent(theirs)).toEqual([])
  })
})

describe('searching', () => {
  it('finds by words, by content, and nobody’s own', () => {
    const desk = new Desk({ server: {} })
    const [one, two] = [desk.user(1, 'one'), desk.user(2, 'two')]
    desk.share(one, 1, 'song.mp3')
    desk.share(two, 2, 'song.mp3')
    desk.from(one, find(5, 'song'))
    expect(desk.settle().sent(one)).toMatchObject([
      { type: 'found', query: 5, hops: 0, found: { nick: 'two', firewalled: false } },
      { type: 'found-end', query: 5, unanswered: [], reason: '' }
    ])
    const content = contentOf('song.mp3').digest
    desk.from(one, { type: 'find', query: 6, wanted: { ...wantedOf('x'), words: [], content } })
    expect(namesOf(desk.settle().sent(one)).sort()).toEqual(['one', 'two'])
  })

  it('has a rate, and says so', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    for (let query = 0; query < QUESTIONS_BURST; query += 1) {
      desk.from(user, find(query, 'song'))
      expect(desk.settle().sent(user)).toMatchObject([{ type: 'found-end', reason: '' }])
    }
    desk.from(user, find(99, 'song'))
    expect(desk.sent(user)).toMatchObject([
      { type: 'found-end', query: 99, reason: expect.stringContaining('too often') }
    ])
    desk.pass(200)
    desk.from(user, find(100, 'song'))
    expect(desk.settle().sent(user)).toMatchObject([{ reason: '' }])
  })

  it('is under way SEARCHES_PER_USER_MAX times of one user', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    for (let query = 0; query < SEARCHES_PER_USER_MAX; query += 1) desk.from(user, find(query, 'song'))
    expect(desk.sent(user)).toEqual([])
    desk.from(user, find(99, 'song'))
    expect(desk.sent(user)).toMatchObject([
      { type: 'found-end', query: 99, reason: expect.stringContaining('busy') }
    ])
    expect(desk.settle().sent(user)).toHaveLength(SEARCHES_PER_USER_MAX)
    expect(SEARCHES_MAX).toBeGreaterThan(SEARCHES_PER_USER_MAX)
  })

  it('says that the index is away, or late', () => {
    const desk = new Desk({ server: {} })
    const [user, plain] = [desk.user(1), desk.plainUser(2)]
    desk.index.isAway = true
    desk.from(user, find(1, 'song'))
    desk.from(plain, { type: 'search', contains: ['song'] })
    expect(desk.settle().sent(user)).toMatchObject([{ reason: expect.stringContaining('cannot be reached') }])
    expect(desk.sent(plain)).toMatchObject([{ type: 'error' }, { type: 'search-end' }])
    desk.from(user, find(2, 'song'))
    desk.pass(MESH_DEADLINE_MS)
    expect(desk.sent(user)).toMatchObject([{ query: 2, reason: expect.stringContaining('in time') }])
    desk.settle()
    expect(desk.machine.sizes().searches).toBe(0)
    desk.from(plain, { type: 'search', contains: ['---'] })
    expect(desk.sent(plain)).toMatchObject([{ type: 'error' }, { type: 'search-end' }])
  })

  it('takes INDEX_RESULTS_MAX files from the index, and no more bytes than a queue has room for', () => {
    const desk = new Desk({ server: {} })
    const [sharer, seeker] = [desk.user(1), desk.user(2)]
    for (let from = 0; from < INDEX_RESULTS_MAX + BATCH_FILES_MAX; from += BATCH_FILES_MAX) {
      const files = Array.from({ length: BATCH_FILES_MAX }, (_, at) => record(1, from + at))
      desk.from(sharer, { type: 'share-records', batch: from, files })
      desk.settle().pass(1_000).sent()
    }
    desk.from(seeker, find(1, 'song', 1_000))
    expect(namesOf(desk.settle().sent(seeker))).toHaveLength(INDEX_RESULTS_MAX)
    const long = { tags: { comment: 'x'.repeat(200), more: 'y'.repeat(200) } }
    for (let from = 0; from < INDEX_RESULTS_MAX; from += BATCH_FILES_MAX) {
      const files = Array.from({ length: BATCH_FILES_MAX }, (_, at) => {
        const file = { index: from + at, name: `tune ${'z'.repeat(200)} ${from + at}`, size: 1_000, ...long }
        return { index: file.index, record: recordOf(peerIdOf(1), file) }
      })
      desk.from(sharer, { type: 'share-records', batch: from, files })
      desk.settle().pass(1_000).sent()
    }
    desk.from(seeker, find(2, 'tune', 1_000))
    const answered = desk.settle().sent(seeker)
    const bytes = answered.reduce(
      (sum, message) => sum + (message.type === 'found' ? message.found.entry.length : 0),
      0
    )
    expect(bytes).toBeLessThanOrEqual(ANSWER_BYTES_MAX)
    expect(bytes).toBeGreaterThan(ANSWER_BYTES_MAX / 2)
    expect(answered.at(-1)).toMatchObject({ reason: 'There is more than could be sent at once.' })
  })

  it('gives nothing to whoever does not take it', () => {
    const desk = new Desk({ server: {} })
    const [sharer, seeker] = [desk.user(1), desk.user(2)]
    desk.share(sharer, 1, 'song.mp3')
    desk.handle({ type: 'pressure', link: seeker, level: 'high' })
    desk.from(seeker, find(1, 'song'))
    expect(desk.settle().sent(seeker)).toMatchObject([{ type: 'found-end' }])
    expect(desk.counter('resultsLeftOut')).toBe(1)
    desk.handle({ type: 'pressure', link: seeker, level: 'low' })
    desk.from(seeker, find(2, 'song'))
    expect(desk.settle().sent(seeker)).toHaveLength(2)
  })

  it('gives nothing after its end, where the index answers too late', () => {
    const desk = new Desk({ server: {} })
    const [sharer, seeker] = [desk.user(1), desk.user(2)]
    desk.share(sharer, 1, 'song.mp3')
    desk.sent()
    desk.from(seeker, find(1, 'song'))
    desk.pass(MESH_DEADLINE_MS)
    expect(desk.sent(seeker)).toMatchObject([{ type: 'found-end' }])
    expect(desk.settle().sent(seeker)).toEqual([])
    expect(desk.machine.sizes()).toMatchObject({ searches: 0, questionsUnderWay: 0 })
  })

  it('passes over what a store kept that is no entry', () => {
    const desk = new Desk({ server: {} })
    const [seeker, plain] = [desk.user(2), desk.plainUser(3)]
    desk.user(1, 'one')
    const file = { key: 'x', words: ['song'], size: 1, type: 'audio/mpeg', body: Uint8Array.of(1, 2) }
    desk.index.add(`${peerIdOf(0)}/${peerIdOf(1)}`, [file])
    desk.from(seeker, find(1, 'song'))
    desk.from(plain, { type: 'browse', nick: 'one' })
    expect(desk.settle().sent(seeker)).toMatchObject([{ type: 'found-end' }])
    expect(desk.sent(plain)).toEqual([{ type: 'browse-end', nick: 'one' }])
  })

  it('forgets whom a store has from an earlier run, and leaves other servers’ users alone', () => {
    const desk = new Desk({ server: {} })
    const seeker = desk.user(2)
    const file = { key: 'x', words: ['song'], size: 1, type: 'audio/mpeg', body: new Uint8Array() }
    desk.index.add(`${peerIdOf(0)}/${peerIdOf(9)}`, [file])
    desk.index.add(`${peerIdOf(50)}/${peerIdOf(9)}`, [file])
    desk.from(seeker, find(1, 'song'))
    expect(namesOf(desk.settle().sent(seeker))).toEqual([])
    expect(desk.index.totals().owners).toBe(1)
    expect(desk.counter('staleOwners')).toBe(1)
  })
})

describe('people', () => {
  it('browse page by page, by nick and by PeerId', () => {
    const desk = new Desk({ server: {} })
    const [sharer, seeker] = [desk.user(1, 'one'), desk.user(2)]
    for (let from = 0; from < BROWSE_FILES_MAX + 12; from += BATCH_FILES_MAX) {
      const files = Array.from({ length: BATCH_FILES_MAX }, (_, at) => record(1, from + at))
      desk.from(sharer, { type: 'share-records', batch: from, files })
      desk.settle().pass(1_000).sent()
    }
    desk.from(seeker, { type: 'browse-page', query: 1, user: 'ONE', after: '' })
    const first = desk.settle().sent(seeker)
    expect(namesOf(first)).toHaveLength(BROWSE_FILES_MAX)
    const end = first.at(-1)
    expect(end).toMatchObject({ type: 'browse-page-end', next: '#0000000499', reason: '' })
    desk.from(seeker, { type: 'browse-page', query: 2, user: peerIdOf(1), after: '#0000000499' })
    const second = desk.settle().sent(seeker)
    expect(namesOf(second)).toHaveLength(12)
    expect(second.at(-1)).toMatchObject({ next: '' })
    desk.from(seeker, { type: 'browse-page', query: 3, user: 'nobody', after: '' })
    expect(desk.sent(seeker)).toMatchObject([
      { query: 3, next: '', reason: 'User nobody is not currently online.' }
    ])
  })

  it('who do not take the pages that they asked for are sent no more of them', () => {
    const desk = new Desk({ server: {} })
    const [sharer, seeker] = [desk.user(1, 'lefty'), desk.user(2)]
    desk.share(sharer, 1, 'one.mp3', 'two.mp3')
    desk.sent()
    const page = (after: string): NapsterMessage => ({ type: 'browse-page', query: 1, user: 'lefty', after })
    desk.from(seeker, page('#0000000001'), { type: 'browse', nick: 'lefty' })
    desk.handle({ type: 'pressure', link: seeker, level: 'high' })
    expect(desk.settle().sent(seeker)).toEqual([
      { type: 'browse-page-end', query: 1, next: '#0000000001', reason: expect.stringContaining('busy') },
      { type: 'error', text: expect.stringContaining('busy') },
      { type: 'browse-end', nick: 'lefty' }
    ])
    desk.handle({ type: 'pressure', link: seeker, level: 'low' })
    desk.from(seeker, page('#0000000001'))
    expect(desk.settle().sent(seeker)).toMatchObject([{ type: 'found' }, { next: '', reason: '' }])
  })

  it('who went while they were browsed share nothing any more', () => {
    const desk = new Desk({ server: {} })
    const [sharer, seeker, plain] = [desk.user(1, 'one'), desk.user(2), desk.plainUser(3)]
    desk.share(sharer, 1, 'song.mp3')
    desk.from(seeker, { type: 'browse-page', query: 1, user: 'one', after: '' })
    desk.from(plain, { type: 'browse', nick: 'one' })
    const asked = desk.open.splice(0)
    desk.down(sharer)
    for (const question of asked) desk.answer(question)
    expect(desk.sent(seeker)).toEqual([{ type: 'browse-page-end', query: 1, next: '', reason: '' }])
    expect(desk.sent(plain)).toEqual([{ type: 'browse-end', nick: 'one' }])
  })

  it('ask at a rate, whatever they ask for', () => {
    const desk = new Desk({ server: { motd: ['x'] } })
    const user = desk.user(1)
    for (let count = 0; count < QUESTIONS_BURST; count += 1) desk.from(user, { type: 'whois', nick: 'user1' })
    expect(desk.sent(user).filter(({ type }) => type === 'whois-reply')).toHaveLength(QUESTIONS_BURST)
    desk.from(
      user,
      { type: 'whois', nick: 'user1' },
      { type: 'browse', nick: 'user1' },
      { type: 'motd-request' }
    )
    desk.from(user, { type: 'browse-page', query: 1, user: 'user1', after: '' })
    expect(desk.sent(user).map(({ type }) => type)).toEqual(['error', 'error', 'browse-page-end'])
  })

  it('have HOTLIST_MAX nicks on their list, and WATCHERS_MAX wait for one', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    for (let number = 0; number < HOTLIST_MAX; number += 1)
      desk.from(user, { type: 'hotlist-add', nick: `n${number}` })
    expect(desk.sent(user).every(({ type }) => type === 'hotlist-ack')).toBe(true)
    desk.from(
      user,
      { type: 'hotlist-add', nick: 'n0' },
      { type: 'hotlist-add', nick: 'more' },
      { type: 'hotlist-add', nick: 'no"nick' }
    )
    expect(desk.sent(user).map(({ type }) => type)).toEqual(['hotlist-ack', 'hotlist-error', 'hotlist-error'])
    for (let peer = 2; peer < WATCHERS_MAX + 2; peer += 1)
      desk.from(desk.user(peer), { type: 'hotlist-add', nick: 'star' })
    const late = desk.user(WATCHERS_MAX + 2)
    desk.sent()
    desk.from(late, { type: 'hotlist-add', nick: 'star' })
    expect(desk.sent(late)).toEqual([{ type: 'hotlist-error', nick: 'star' }])
    const star = desk.link(5_000)
    desk.from(star, login('star'))
    const sent = desk.sent()
    expect(sent.filter(({ type }) => type === 'sign-on')).toHaveLength(WATCHERS_MAX)
    expect(sent.length).toBeLessThanOrEqual(SENDS_PER_MESSAGE_MAX)
    desk.down(user)
    expect(desk.machine.sizes().watched).toBe(1)
  })

  it('hand each other messages at a rate, and are handed them at a rate', () => {
    const desk = new Desk({ server: {} })
    const [one, two, ...others] = [desk.user(1), desk.user(2), desk.user(3), desk.user(4), desk.user(5)]
    for (let count = 0; count <= RELAYS_BURST; count += 1) desk.from(one, { type: 'ping', nick: 'user2' })
    expect(desk.sent(two)).toHaveLength(RELAYS_BURST)
    for (const link of others)
      for (let count = 0; count < RELAYS_BURST; count += 1) desk.from(link, { type: 'ping', nick: 'user2' })
    expect(desk.sent(two)).toHaveLength(RELAYED_BURST - RELAYS_BURST)
  })

  it('are asked for DOWNLOADS_ASKED_MAX files that they have not answered, and count to TRANSFERS_COUNTED_MAX', () => {
    const desk = new Desk({ server: {} })
    const [one, two] = [desk.plainUser(1, 'one'), desk.plainUser(2, 'two')]
    for (let number = 0; number <= DOWNLOADS_ASKED_MAX; number += 1)
      desk.from(one, {
        type: 'share',
        name: `s${number}`,
        md5: '0',
        size: 1,
        bitrate: 1,
        frequency: 1,
        seconds: 1
      })
    desk.settle().sent()
    for (let number = 0; number <= DOWNLOADS_ASKED_MAX; number += 1)
      desk.from(two, { type: 'download', nick: 'one', name: `s${number}` })
    expect(desk.sent(one)).toHaveLength(DOWNLOADS_ASKED_MAX)
    expect(desk.sent(two)).toEqual([{ type: 'download-error', nick: 'one', name: `s${DOWNLOADS_ASKED_MAX}` }])
    for (let count = 0; count <= TRANSFERS_COUNTED_MAX; count += 1) desk.from(two, { type: 'uploading' })
    desk.from(two, { type: 'downloaded' }, { type: 'whois', nick: 'two' })
    expect(desk.sent(two)).toMatchObject([{ uploads: TRANSFERS_COUNTED_MAX, downloads: 0 }])
  })

  it('are asked again where they refused, where whoever asked went, and after a while', () => {
    const desk = new Desk({ server: {} })
    const one = desk.plainUser(1, 'one')
    const file = { md5: '0', size: 1, bitrate: 1, frequency: 1, seconds: 1 }
    desk.from(one, { type: 'share', name: 's.mp3', ...file })
    desk.settle().sent()
    const nick = (number: number) => `u${number}`
    const links = Array.from({ length: DOWNLOADS_ASKED_MAX }, (_, at) => desk.user(at + 2, nick(at)))
    const last = desk.user(99, 'last')
    const ask = (link: number) => {
      desk.from(link, { type: 'download', nick: 'one', name: 's.mp3' })
      return desk.sent(one).flatMap(({ type }) => (type === 'upload-request' ? [type] : []))
    }
    for (const link of links) expect(ask(link)).toEqual(['upload-request'])
    expect(ask(last)).toEqual([])
    desk.from(one, { type: 'upload-refuse', nick: nick(0), name: 's.mp3' })
    expect(ask(last)).toEqual(['upload-request'])
    expect(ask(links[0]!)).toEqual([])
    desk.down(links[1]!)
    expect(ask(links[0]!)).toEqual(['upload-request'])
    const another = desk.user(98, 'another')
    desk.pass(DOWNLOAD_ASKED_MS - 1)
    expect(ask(another)).toEqual([])
    desk.pass(1)
    desk.sent()
    expect(ask(another)).toEqual(['upload-request'])
  })

  it('are sent no text that nobody would take', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    // As it comes out of 2,000 bytes of Latin-1.
    desk.from(
      user,
      { type: 'hotlist-add', nick: 'é'.repeat(2_000) },
      { type: 'private-message', nick: 'user1', text: 'é'.repeat(2_000) }
    )
    expect(desk.sent(user)).toEqual([])
    expect(desk.counter('messagesTooLong')).toBe(2)
  })

  it('are told statistics now and then, and sent away when nothing comes of them', () => {
    const desk = new Desk({ server: {} })
    const [ours, theirs] = [desk.user(1), desk.plainUser(2)]
    desk.pass(STATS_MS + 6_000)
    expect(desk.sent(theirs)).toContainEqual({ type: 'stats', users: 3, files: 0, gigabytes: 0 })
    desk.pass(3 * KEEP_ALIVE_MS)
    expect(desk.closed()).toEqual([ours])
  })

  it('say who they are again when their addresses change', () => {
    const desk = new Desk({ server: {} })
    const [one, two] = [desk.user(1), desk.user(2)]
    desk.share(one, 1, 'song.mp3')
    desk.from(
      one,
      { ...helloOf(1), addresses: [Uint8Array.of(4, 1, 2, 3, 4)] },
      { type: 'link-change', link: LINK_SPEED_MAX + 1 }
    )
    desk.from(two, find(1, 'song'))
    const [found] = desk.settle().sent(two)
    expect(found).toMatchObject({
      found: { link: LINK_SPEED_MAX, contact: { addresses: [Uint8Array.of(4, 1, 2, 3, 4)] } }
    })
  })
})

describe('work', () => {
  it('is under way once for each source, in turns, within bounds', () => {
    const queue = new WorkQueue<string, null>({
      ofSource: () => ({ waitingMax: 2, atATimeMax: 1 }),
      atATimeMax: 2,
      waitingMax: 4
    })
    const begun: string[] = []
    const ends: ((fx: null) => void)[] = []
    const put = (source: string, name: string) =>
      queue.put(null, source, (_, done) => {
        begun.push(name)
        ends.push(done)
      })
    expect(['a1', 'a2', 'a3', 'a4'].map(name => put('a', name))).toEqual([true, true, true, false])
    expect(['b1', 'c1'].map(name => put(name[0]!, name))).toEqual([true, true])
    expect(begun).toEqual(['a1', 'b1'])
    expect(put('d', 'd1')).toBe(true)
    expect(put('e', 'e1')).toBe(false)
    ends[0]!(null)
    ends[0]!(null)
    expect(begun).toEqual(['a1', 'b1', 'a2'])
    queue.drop('c')
    ends[1]!(null)
    expect(begun).toEqual(['a1', 'b1', 'a2', 'd1'])
    expect([queue.underWay, queue.waiting]).toEqual([2, 1])
  })

  it('of a user waits JOBS_PER_USER_MAX deep, and of all JOBS_AT_A_TIME_MAX is under way', () => {
    const desk = new Desk({ server: {} })
    const user = desk.user(1)
    for (let batch = 0; batch <= JOBS_PER_USER_MAX; batch += 1)
      desk.from(user, { type: 'unshare-records', batch, indexes: [1] })
    expect(desk.sent(user)).toEqual([])
    desk.from(user, { type: 'unshare-records', batch: 99, indexes: [1] })
    desk.from(user, { type: 'share-records', batch: 98, files: [record(1, 1)] })
    expect(desk.sent(user)).toMatchObject([
      { batch: 99, outcome: 'later' },
      { batch: 98, outcome: 'later' }
    ])
    const asked = (type: string) => desk.open.filter(({ question }) => question.type === type).length
    for (let peer = 2; peer < SHARE_JOBS_AT_A_TIME_MAX + 5; peer += 1)
      desk.from(desk.user(peer), { type: 'unshare-records', batch: 1, indexes: [1] })
    expect(desk.machine.sizes().sharingsUnderWay).toBe(SHARE_JOBS_AT_A_TIME_MAX)
    expect(asked('index-remove')).toBe(SHARE_JOBS_AT_A_TIME_MAX)
    // However many share, searches have places of their own.
    const places = JOBS_AT_A_TIME_MAX - SHARE_JOBS_AT_A_TIME_MAX
    for (let peer = 2; peer < places + 5; peer += 1) desk.from(desk.user(peer + 100), find(1, 'song'))
    expect(desk.machine.sizes()).toMatchObject({ questionsUnderWay: places, questionsWaiting: 3 })
    expect(asked('index-search')).toBe(places)
    expect(JOBS_WAITING_MAX).toBeGreaterThan(JOBS_PER_USER_MAX)
  })

  it('ids are seen once, SEEN_MAX of them', () => {
    const seen = new SeenIds(SEEN_MAX, 1_000)
    expect(seen.add('a', 0)).toBe(true)
    expect(seen.add('a', 999)).toBe(false)
    expect(seen.add('a', 1_500)).toBe(false)
    expect(seen.add('a', 4_000)).toBe(true)
    for (let number = 0; number < 2 * SEEN_MAX; number += 1) seen.add(`${number}`, 4_000)
    expect(seen.size).toBeLessThanOrEqual(SEEN_MAX)
  })

  it('a text that is too long is cut between characters', () => {
    expect(cut('é'.repeat(200))).toBe('é'.repeat(127))
  })
})
