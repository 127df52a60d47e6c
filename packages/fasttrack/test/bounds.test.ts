/** What a remote peer controls, at its limit and one past it. */
import { FILE_WORDS_MAX, WORD_BYTES_MAX } from '@servent/keyword-index'
import { AgingMap, ContentId, type FileRecord, QUERY_WORDS_MAX, tokens } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { Admission } from '../src/admission.ts'
import {
  CHANGES_WAITING_MAX,
  CONTACT_RETRY_MS_MAX,
  CONTACTS_MAX,
  GUESTS_MAX,
  HAND_OVER_USERS_MAX,
  INDEX_BYTES_MAX,
  INDEX_SEARCHES_MAX,
  INDEX_SEARCHES_WAITING_MAX,
  INDEX_SEARCHES_WAITING_PER_LINK_MAX,
  LEVEL_MAX,
  MOVE_MS_MAX,
  ORDINARIES_PER_SUPERNODE_MAX,
  PROMOTION_DELAY_MS_MAX,
  QUERIES_BURST,
  RECORD_WORD_BYTES_MAX,
  RECORD_WORDS_MAX,
  RETRIES_MAX,
  RETRY_MS_MAX,
  ROUNDS_MAX,
  SAVED_BYTES_MAX,
  SEARCHES_MAX,
  SEEN_QUERIES_MAX,
  SEEN_RETRIES_MAX,
  STEP_DOWN_MS_MAX,
  SUPERNODES_MAX,
  SUPERNODES_OF_COMERS_MAX,
  SUPERNODES_PER_TELLER_MAX,
  SUPERNODES_PER_USER_MAX,
  TTL_MAX,
  UPLOADS_BURST,
  USER_BYTES_MAX,
  USER_FILES_MAX,
  USER_WORDS_MAX
} from '../src/constants.ts'
import { indexedFile, indexQuery, wordsOf } from '../src/index-entry.ts'
import type { SupernodesMessage } from '../src/messages.ts'
import { decodeSaved, encodeSaved } from '../src/saved.ts'
import { FastTrackState } from '../src/state.ts'
import { SupernodeList } from '../src/supernode-list.ts'
import { Upload } from '../src/upload.ts'
import { hello, query, TestPeer, WANTED, welcome } from './peer.ts'

const record = (fields: Partial<FileRecord> = {}): FileRecord => ({
  id: ContentId.fromRoot(new Uint8Array(32).fill(5), 1000),
  size: 1000,
  name: 'So What.flac',
  type: 'audio/flac',
  tags: {},
  provider: '',
  sequence: 1,
  expiresMs: 4e12,
  ...fields
})

const list = (from: number, count: number): SupernodesMessage => ({
  type: 'supernodes',
  entries: Array.from({ length: count }, (_, place) => ({
    contact: testContact(from + place),
    users: 1,
    seenS: 1
  })),
  heirs: []
})

/** An upload of so many files of so many bytes each, and what was refused of it. */
function upload(
  peer: TestPeer,
  link: number,
  from: number,
  sizes: readonly number[],
  name = 'a'
): readonly number[] {
  peer.take()
  const files = sizes.map((size, place) => ({ index: from + place, record: new Uint8Array(size) }))
  peer.from(link, { type: 'share', batch: 1, files })
  peer.answerLast('verify', { type: 'verified', records: files.map(() => record({ name })) })
  const added = peer.asked().findLast(({ question }) => question.type === 'index-add')
  if (added !== undefined) peer.answer(added.id, { type: 'index-added', files: 0 })
  const shared = peer.sent(link).findLast(({ type }) => type === 'shared')
  return shared?.type === 'shared' ? shared.refused : []
}

/** Why it was refused. */
const whyTo = (peer: TestPeer, link: number) => {
  const shared = peer.sent(link).findLast(({ type }) => type === 'shared')
  return shared?.type === 'shared' ? shared.reasons : undefined
}

/** Lets the bucket of uploads fill up, while the user shows that it lives. */
const rest = (peer: TestPeer, link: number) => {
  peer.pass(15_000)
  peer.from(link, { type: 'ping' })
}

describe('a user may have', () => {
  it('USER_FILES_MAX files', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.bond(1, 'session')
    for (let from = 0; from < USER_FILES_MAX; from += 200) {
      expect(upload(peer, user, from, Array(200).fill(1))).toEqual([])
      rest(peer, user)
    }
    expect(peer.machine.snapshot().indexedFiles).toBe(USER_FILES_MAX)
    expect(upload(peer, user, USER_FILES_MAX, [1])).toEqual([USER_FILES_MAX])
    expect(whyTo(peer, user)).toEqual(['files'])
    // One that is there already makes room for itself.
    expect(upload(peer, user, 7, [2])).toEqual([])
    peer.from(user, { type: 'unshare', batch: 2, indices: [7] })
    expect(upload(peer, user, USER_FILES_MAX, [1])).toEqual([])
    expect(peer.machine.snapshot().indexedFiles).toBe(USER_FILES_MAX)
  })

  it('USER_BYTES_MAX bytes of records', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.bond(1, 'session')
    const half = USER_BYTES_MAX / 2
    expect(upload(peer, user, 0, [half, half])).toEqual([])
    expect(upload(peer, user, 2, [1])).toEqual([2])
    expect(whyTo(peer, user)).toEqual(['bytes'])
    expect(upload(peer, user, 1, [half - 1])).toEqual([])
    expect(upload(peer, user, 2, [1, 1])).toEqual([3])
  })

  it('with all others INDEX_BYTES_MAX bytes; beyond it files are refused, and who comes is sent on', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const whole = Math.floor(INDEX_BYTES_MAX / USER_BYTES_MAX)
    const users = Array.from({ length: whole + 2 }, (_, place) => peer.bond(place + 1, 'session'))
    for (const user of users.slice(0, whole)) expect(upload(peer, user, 0, [USER_BYTES_MAX])).toEqual([])
    const last = users[whole]!
    const left = INDEX_BYTES_MAX - whole * USER_BYTES_MAX
    expect(upload(peer, last, 0, [left + 1])).toEqual([0])
    expect(whyTo(peer, last)).toEqual(['index'])
    expect(upload(peer, last, 0, [left])).toEqual([])
    expect(upload(peer, users.at(-1)!, 0, [1])).toEqual([0])
    expect(peer.counter('filesWithoutRoom')).toBe(2)
    peer.bond(200, 'session')
    expect(peer.bondOf(200)).toBe('guest')
    // What one takes back others may have.
    peer.from(last, { type: 'unshare', batch: 2, indices: [0] })
    peer.down(users[0]!)
    expect(upload(peer, users.at(-1)!, 0, [1])).toEqual([])
    peer.bond(201, 'session')
    expect(peer.bondOf(201)).toBe('user')
  })

  it('USER_WORDS_MAX words, each counted with each file', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.bond(1, 'session')
    const name = Array.from({ length: 100 }, (_, place) =>
      String.fromCodePoint(97 + (place % 26), 97 + Math.floor(place / 26))
    ).join(' ')
    const words = wordsOf(record({ name })).length
    const fitting = Math.floor(USER_WORDS_MAX / words)
    let from = 0
    for (; from + 200 <= fitting; from += 200) {
      expect(upload(peer, user, from, Array(200).fill(1), name)).toEqual([])
      rest(peer, user)
    }
    const left = Array(fitting - from + 1).fill(1)
    expect(upload(peer, user, from, left, name)).toEqual([fitting])
    expect(whyTo(peer, user)).toEqual(['words'])
  })

  it('UPLOADS_BURST uploads at once; one more ends the link', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.bond(1, 'session')
    for (let batch = 0; batch < UPLOADS_BURST; batch += 1)
      peer.from(user, { type: 'unshare', batch, indices: [] })
    expect(peer.closed()).toEqual([])
    peer.from(user, { type: 'share', batch: 1, files: [] })
    expect(peer.closed()).toEqual([user])
    expect(peer.counter('offences')).toBe(1)
  })

  it('QUERIES_BURST queries at once; the next ones are ended unanswered', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.bond(1, 'session')
    for (let asked = 0; asked <= QUERIES_BURST; asked += 1) peer.from(user, query())
    expect(peer.counter('queriesOverRate')).toBe(1)
    expect(peer.typesTo(user)).toEqual(['query-end'])
  })
})

describe('a file is found by', () => {
  it('RECORD_WORDS_MAX words as the index takes them, its plain ones first', () => {
    expect([RECORD_WORDS_MAX, RECORD_WORD_BYTES_MAX]).toEqual([FILE_WORDS_MAX, WORD_BYTES_MAX])
    const many = Array.from({ length: 70 }, (_, place) => `w${place}`).join(' ')
    const words = wordsOf(record({ name: many, tags: { artist: 'Miles Davis', comment: many } }))
    expect(words).toHaveLength(RECORD_WORDS_MAX)
    expect(words.slice(0, 72)).toEqual([...tokens(many), 'miles', 'davis'])
    expect(words[72]).toBe('artist=miles')
  })

  it('words of RECORD_WORD_BYTES_MAX bytes; a longer one of a tag is left out', () => {
    // Four bytes of UTF-8 each, 64 at most in one token.
    const long = '𐐷'.repeat(64)
    const words = wordsOf(record({ name: 'x', tags: { a: long, b: long.slice(0, 60) } }))
    expect(words.some(word => word.startsWith('a='))).toBe(false)
    expect(words.some(word => word.startsWith('b='))).toBe(true)
  })

  it('nothing but its content while it is fetched', () => {
    expect(indexedFile(2 ** 31, record(), new Uint8Array(1)).words).toEqual([])
    expect(indexedFile(2 ** 31 - 1, record(), new Uint8Array(1)).words).toEqual(['so', 'what', 'flac'])
  })

  it('queries of QUERY_WORDS_MAX words; what is left out whoever searches looks at', () => {
    const words = Array.from({ length: QUERY_WORDS_MAX }, (_, place) => `w${place}`)
    const terms = [{ compare: 'near', tag: 'artist', value: 'miles' }] as const
    expect(indexQuery({ ...WANTED, words, terms }, 5)!.words).toEqual(words)
    expect(indexQuery({ ...WANTED, words: words.slice(1), terms }, 5)!.words.at(-1)).toBe('artist=miles')
  })
})

describe('the list of supernodes', () => {
  it('has SUPERNODES_PER_TELLER_MAX of one that tells, and SUPERNODES_PER_USER_MAX of a user', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const other = peer.bond(500, 'peering')
    for (let from = 0; from < 100; from += 25) peer.from(other, list(1000 + from, 25))
    expect(peer.machine.snapshot().knownSupernodes).toBe(SUPERNODES_PER_TELLER_MAX + 1)
    const user = peer.bond(1, 'session')
    peer.from(user, list(2000, SUPERNODES_PER_USER_MAX + 3))
    peer.from(user, list(2100, 3))
    expect(peer.machine.snapshot().knownSupernodes).toBe(
      SUPERNODES_PER_TELLER_MAX + 1 + SUPERNODES_PER_USER_MAX
    )
  })

  it('tells nobody of what a user said before it was seen, and believes no stranger', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.bond(1, 'session')
    peer.from(user, list(2000, 2))
    const guest = peer.bond(2, 'probe')
    peer.from(guest, list(3000, 5))
    expect(peer.machine.snapshot().knownSupernodes).toBe(2)
    const asking = peer.link(3)
    peer.from(asking, hello('probe'))
    expect(peer.sent(asking)[0]).toEqual({ type: 'supernodes', entries: [], heirs: [] })
  })

  it('has SUPERNODES_OF_COMERS_MAX that say it of themselves, and tells nobody of them', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const said = Array.from({ length: 5 }, (_, place) => ({
      contact: testContact(2000 + place),
      users: 1,
      seenS: 1
    }))
    const home = peer.link(500, false)
    peer.from(home, welcome('peering'), hello('peering'))
    peer.from(home, { type: 'supernodes', entries: said, heirs: [] })
    const before = peer.machine.snapshot().knownSupernodes
    for (let number = 1; number <= SUPERNODES_OF_COMERS_MAX + 1; number += 1)
      peer.down(peer.bond(number, 'probe', { isSupernode: true }))
    expect(peer.machine.snapshot().knownSupernodes).toBe(before + SUPERNODES_OF_COMERS_MAX)
    const asking = peer.link(300)
    peer.from(asking, hello('probe'))
    const told = peer.sent(asking).flatMap(message => (message.type === 'supernodes' ? message.entries : []))
    expect(told).toHaveLength(before)
  })

  it('tells of a supernode that came by itself once a dial back has reached it', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const tellsOf = (asker: number) => {
      const asking = peer.link(asker)
      peer.from(asking, hello('probe'))
      const [first] = peer.sent(asking)
      return first?.type === 'supernodes' ? first.entries.map(({ contact }) => contact.id) : []
    }
    const other = peer.link(500)
    peer.from(other, hello('peering'))
    const { id } = peer.asked().find(({ question }) => question.type === 'dial-back')!
    expect(tellsOf(1)).toEqual([])
    peer.answer(id, { type: 'dialled', isReachable: true })
    expect(tellsOf(2)).toEqual([testContact(500).id])
  })

  it('holds SUPERNODES_MAX, and loses first what fails, then hearsay, then what is old', () => {
    const known = new SupernodeList()
    const told = (peer: number, teller: number) =>
      known.told({ peer, teller, users: 1, seenMs: peer, isHint: false, most: 1000 }, 10_000)
    known.seen(1, 5, 1)
    known.seen(2, 5, 2)
    for (let peer = 3; peer <= SUPERNODES_MAX; peer += 1) told(peer, 900)
    known.failed(2, 10_000)
    told(1001, 901)
    expect(known.size).toBe(SUPERNODES_MAX)
    expect([known.get(1) !== undefined, known.get(2), known.get(3) !== undefined]).toEqual([
      true,
      undefined,
      true
    ])
    told(1002, 901)
    expect([known.get(1) !== undefined, known.get(3)]).toEqual([true, undefined])
    expect(known.size).toBe(SUPERNODES_MAX)
  })

  it('forgets hearsay after RETRIES_MAX failures, what it has seen after SEEN_RETRIES_MAX, and waits RETRY_MS_MAX at most', () => {
    const known = new SupernodeList()
    known.told({ peer: 3, teller: 4, users: 1, seenMs: 0, isHint: false, most: 9 }, 0)
    for (let failure = 1; failure < RETRIES_MAX; failure += 1) known.failed(3, 0)
    expect(known.get(3)).toBeDefined()
    known.failed(3, 0)
    expect(known.get(3)).toBeUndefined()
    known.seen(5, 1, 0)
    for (let failure = 1; failure < SEEN_RETRIES_MAX; failure += 1) known.failed(5, 1_000_000)
    expect(known.get(5)!.retryMs).toBe(1_000_000 + RETRY_MS_MAX)
    known.failed(5, 1_000_000)
    expect(known.get(5)).toBeUndefined()
  })

  it('is kept across runs in SAVED_BYTES_MAX bytes; what is longer or broken is as nothing', () => {
    const entries = Array.from({ length: SUPERNODES_MAX + 1 }, (_, place) => ({
      contact: testContact(place + 1),
      users: place,
      seenS: 0
    }))
    const bytes = encodeSaved({ uptimeMs: 5_000, entries })
    expect(bytes.length).toBeLessThan(SAVED_BYTES_MAX)
    expect(decodeSaved(bytes)).toEqual({ uptimeMs: 5_000, entries: entries.slice(0, SUPERNODES_MAX) })
    expect(decodeSaved(bytes.subarray(0, bytes.length - 1))).toBeUndefined()
    expect(decodeSaved(new Uint8Array(SAVED_BYTES_MAX + 1))).toBeUndefined()
    expect(decodeSaved(new Uint8Array(0))).toBeUndefined()
    const unknown = Uint8Array.of(...bytes, 9 << 3, 1)
    expect(decodeSaved(unknown)?.entries).toHaveLength(SUPERNODES_MAX)
  })
})

describe('contacts', () => {
  it('are CONTACTS_MAX, of which the oldest makes room', () => {
    const peer = new TestPeer({ role: 'ordinary' })
    for (let number = 1; number <= CONTACTS_MAX + 5; number += 1)
      peer.handle({ type: 'contact', peer: peer.peer(number) })
    expect(peer.machine.sizes().contacts).toBe(CONTACTS_MAX)
  })

  it('are tried again after CONTACT_RETRY_MS_MAX at most', () => {
    const peer = new TestPeer({ role: 'ordinary' })
    peer.handle({ type: 'contact', peer: peer.peer(1) })
    for (let tries = 0; tries < 12; tries += 1) {
      peer.handle({ type: 'unreachable', peer: peer.peer(1), reason: 'a test' })
      peer.take()
      peer.pass(CONTACT_RETRY_MS_MAX + 1_000)
      expect(peer.opened().length).toBeGreaterThan(0)
    }
  })

  it('that only knock have GUESTS_MAX links', () => {
    const peer = new TestPeer({ role: 'supernode' })
    for (let number = 1; number <= GUESTS_MAX; number += 1) peer.link(number)
    expect(peer.closed()).toEqual([])
    // The first that said no hello makes room; where all have said it, there is none.
    const one = peer.link(GUESTS_MAX + 1)
    expect(peer.closed()).toEqual([1])
    peer.link(GUESTS_MAX + 2)
    expect(peer.closed()).toEqual([1, 2])
    peer.from(one, hello('session'))
    expect(peer.bondOf(GUESTS_MAX + 1)).toBe('user')
    expect(peer.bondOf(GUESTS_MAX + 2)).toBe('new')
  })

  it('that all have said hello are GUESTS_MAX, and one more is turned away', () => {
    const peer = new TestPeer({ role: 'supernode' })
    for (let number = 1; number <= GUESTS_MAX; number += 1) peer.bond(number, 'probe')
    const one = peer.link(GUESTS_MAX + 1)
    expect(peer.closed()).toEqual([one])
  })
})

describe('searches of the index', () => {
  it('run INDEX_SEARCHES_MAX at a time, higher levels first, then in their order', () => {
    const admission = new Admission()
    const begun: string[] = []
    for (let running = 0; running < INDEX_SEARCHES_MAX; running += 1) admission.put(1, 0, () => {})
    admission.put(1, 0, () => begun.push('low'))
    admission.put(2, LEVEL_MAX, () => begun.push('high'))
    admission.put(3, LEVEL_MAX, () => begun.push('high, later'))
    expect(begun).toEqual([])
    for (let ended = 0; ended < 4; ended += 1) admission.done()
    expect(begun).toEqual(['high', 'high, later', 'low'])
  })

  it('wait INDEX_SEARCHES_WAITING_PER_LINK_MAX of one link, and INDEX_SEARCHES_WAITING_MAX of all', () => {
    const admission = new Admission()
    for (let running = 0; running < INDEX_SEARCHES_MAX; running += 1) admission.put(1, 0, () => {})
    for (let own = 0; own < INDEX_SEARCHES_WAITING_PER_LINK_MAX; own += 1)
      expect(admission.put(1, 0, () => {})).toBe(true)
    expect(admission.put(1, 0, () => {})).toBe(false)
    for (let link = 2; admission.waiting < INDEX_SEARCHES_WAITING_MAX; link += 1)
      expect(admission.put(link, 0, () => {})).toBe(true)
    expect(admission.put(5000, 0, () => {})).toBe(false)
  })

  it('know a level from 0 to LEVEL_MAX, whatever is told', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const low = peer.bond(1, 'session')
    const high = peer.bond(2, 'session')
    peer.command({ type: 'level', peerId: peer.nameOf(2), level: LEVEL_MAX + 500 })
    peer.command({ type: 'level', peerId: peer.nameOf(1), level: Number.NaN })
    for (let running = 0; running < INDEX_SEARCHES_MAX; running += 1) peer.from(low, query())
    peer.from(low, query({ wanted: { ...WANTED, words: ['low'] } }))
    peer.from(high, query({ wanted: { ...WANTED, words: ['high'] } }))
    const [first] = peer.asked().filter(({ question }) => question.type === 'index-search')
    peer.take()
    peer.answer(first!.id, { type: 'index-hits', hits: [], isCapped: false })
    expect(peer.asked().map(({ question }) => question)).toMatchObject([{ query: { words: ['high'] } }])
  })
})

describe('own searches', () => {
  it('are SEARCHES_MAX at a time', () => {
    const peer = new TestPeer({ role: 'ordinary' })
    for (let count = 0; count < SEARCHES_MAX; count += 1) peer.command({ type: 'search', wanted: WANTED })
    expect(peer.effects.notices()).toEqual([])
    const refused = peer.command({ type: 'search', wanted: WANTED })
    expect(peer.effects.notices()).toMatchObject([{ type: 'search-refused', search: refused }])
  })

  it('have ROUNDS_MAX rounds, and go TTL_MAX links between supernodes', () => {
    const peer = new TestPeer({ role: 'supernode', ttl: TTL_MAX + 5 })
    for (let place = 0; place < 12; place += 1) peer.bond(500 + place, 'peering')
    const search = peer.command({ type: 'search', wanted: WANTED })
    const answer = () => peer.answerLast('index-search', { type: 'index-hits', hits: [], isCapped: false })
    answer()
    expect(
      peer.effects.log.find(effect => effect.type === 'send' && effect.message.type === 'query')
    ).toMatchObject({
      message: { ttl: TTL_MAX - 1 }
    })
    for (let round = 1; round < ROUNDS_MAX; round += 1) {
      peer.take()
      peer.command({ type: 'more', search })
      answer()
    }
    peer.take()
    peer.command({ type: 'more', search })
    expect(peer.effects.notices()).toEqual([{ type: 'searched', search, isMore: false }])
    expect(peer.asked()).toEqual([])
  })
})

describe('moving', () => {
  it('a supernode hands HAND_OVER_USERS_MAX users over at a time, and stops after STEP_DOWN_MS_MAX', () => {
    const peer = new TestPeer({ role: 'auto', ordinariesPerSupernode: 200 })
    peer.pass(20_000)
    expect(peer.machine.snapshot().role).toBe('supernode')
    const other = peer.link(900)
    peer.from(other, hello('peering'))
    peer.answerLast('dial-back', { type: 'dialled', isReachable: true })
    peer.from(other, { type: 'pong', users: 90, usersMax: 300 })
    const users = Array.from({ length: HAND_OVER_USERS_MAX + 5 }, (_, place) =>
      peer.bond(place + 1, 'session')
    )
    const alive = (ms: number) => {
      for (let passed = 0; passed < ms; passed += 5_000) {
        peer.pass(5_000)
        for (const user of users) peer.from(user, { type: 'ping' })
        peer.from(other, { type: 'pong', users: 90, usersMax: 300 })
      }
    }
    alive(115_000)
    expect(peer.machine.snapshot().steppingDown).toBe(false)
    peer.take()
    for (let looks = 0; looks < 60 && !peer.machine.snapshot().steppingDown; looks += 1) {
      peer.take()
      alive(5_000)
    }
    expect(peer.machine.snapshot().steppingDown).toBe(true)
    peer.take()
    peer.pass(1_000)
    const told = peer.effects.log.filter(
      effect => effect.type === 'send' && effect.message.type === 'hand-over'
    )
    expect(told.length).toBeLessThanOrEqual(HAND_OVER_USERS_MAX)
    expect(peer.machine.snapshot().users).toBe(HAND_OVER_USERS_MAX + 5)
    alive(STEP_DOWN_MS_MAX)
    expect(peer.machine.snapshot().role).toBe('ordinary')
    expect(peer.counter('usersCutOff')).toBe(HAND_OVER_USERS_MAX + 5)
  })

  it('an ordinary node gives up its former supernode after MOVE_MS_MAX', () => {
    const peer = new TestPeer({ role: 'ordinary' })
    const home = homeOf(peer, 1)
    peer.from(home, { type: 'hand-over', to: [testContact(2)] })
    const next = peer.link(2, false)
    peer.from(next, welcome('session'))
    expect([peer.bondOf(1), peer.bondOf(2)]).toEqual(['former', 'supernode'])
    // Its records never come to their end.
    for (let passed = 0; passed < MOVE_MS_MAX - 10_000; passed += 10_000) {
      peer.pass(10_000)
      peer.from(next, { type: 'pong', users: 1, usersMax: 9 })
    }
    expect(peer.bondOf(1)).toBe('former')
    peer.take()
    peer.pass(15_000)
    expect(peer.closed()).toContain(home)
  })
})

/** An ordinary node with a supernode. */
function homeOf(peer: TestPeer, number: number): number {
  peer.handle({ type: 'contact', peer: peer.peer(number) })
  const link = peer.link(number, false)
  peer.from(link, welcome('probe'))
  peer.pass(5_000)
  peer.from(link, welcome('session'))
  return link
}

describe('the rest', () => {
  it('the target of ordinary nodes is at most ORDINARIES_PER_SUPERNODE_MAX', () => {
    const settings = (ordinariesPerSupernode: number) =>
      new FastTrackState({ ordinariesPerSupernode }).settings.ordinariesPerSupernode
    expect(settings(ORDINARIES_PER_SUPERNODE_MAX)).toBe(ORDINARIES_PER_SUPERNODE_MAX)
    expect(settings(ORDINARIES_PER_SUPERNODE_MAX + 1)).toBe(ORDINARIES_PER_SUPERNODE_MAX)
    expect([settings(0), settings(Number.NaN)]).toEqual([2, 2])
  })

  it('a promotion is put off for PROMOTION_DELAY_MS_MAX at most', () => {
    const settings = (promotionDelayMs: number) => new FastTrackState({ promotionDelayMs }).settings
    expect(settings(PROMOTION_DELAY_MS_MAX).promotionDelayMs).toBe(PROMOTION_DELAY_MS_MAX)
    expect(settings(PROMOTION_DELAY_MS_MAX + 1).promotionDelayMs).toBe(PROMOTION_DELAY_MS_MAX)
  })

  it('CHANGES_WAITING_MAX changes wait; with one more all is uploaded again', () => {
    const upload = new Upload(1000)
    upload.restart(1, false)
    upload.isRead = true
    const indices = (count: number) => Array.from({ length: count }, (_, index) => index)
    expect(upload.change([], indices(CHANGES_WAITING_MAX))).toBe(true)
    expect(upload.change([], [1])).toBe(false)
  })

  it('SEEN_QUERIES_MAX ids are remembered', () => {
    const seen = new AgingMap<true>(SEEN_QUERIES_MAX, 1000)
    for (let id = 0; id < 2 * SEEN_QUERIES_MAX; id += 1) seen.set(`${id}`, true, 0)
    expect(seen.size).toBeLessThanOrEqual(SEEN_QUERIES_MAX)
    expect(seen.get(`${2 * SEEN_QUERIES_MAX - 1}`)).toBe(true)
    seen.set('young', true, 1_500)
    seen.age(10_000)
    expect(seen.get('young')).toBeUndefined()
  })
})
