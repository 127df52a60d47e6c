/** Roles, hand-overs and pushes, one machine at a time. */
import { ContentId, type FileRecord, SELF } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  BALANCE_MS,
  HAND_OVERS_BURST,
  HEIRS_REFRESH_MS,
  NEXT_PLACE_MS,
  STRAYS_BURST,
  SUPERNODES_PER_MESSAGE_MAX,
  SUPERNODES_PER_TELLER_MAX,
  SUPERNODES_REFRESH_MS,
  SUPERNODES_SAMPLE,
  TTL_MAX,
  USER_SILENT_MS
} from '../src/constants.ts'
import type { Result, SupernodesMessage, Wanted } from '../src/messages.ts'
import { refusalText } from '../src/refusals.ts'
import { hello, query, result, TestPeer, WANTED, welcome } from './peer.ts'

const record = (name: string, provider: string): FileRecord => ({
  id: ContentId.fromRoot(new Uint8Array(32).fill(1), 10),
  size: 10,
  name,
  type: 'audio/flac',
  tags: {},
  provider,
  sequence: 1,
  expiresMs: 4e12
})

/** An ordinary node with a supernode (peer 1) and a spare (peer 2), and nothing to upload. */
function ordinary(role: 'auto' | 'ordinary' = 'auto') {
  const peer = new TestPeer({ role })
  peer.handle({ type: 'contact', peer: peer.peer(1) })
  const home = peer.link(1, false)
  peer.from(home, welcome('probe'), {
    type: 'supernodes',
    entries: [{ contact: testContact(2), users: 1, seenS: 0 }],
    heirs: []
  })
  const spare = peer.link(2, false)
  peer.from(spare, welcome('probe', { users: 100 }))
  peer.pass(3_000)
  peer.from(home, welcome('session'))
  peer.from(spare, welcome('spare'))
  peer.answerLast('records', { type: 'records', files: [], isLast: true })
  peer.take()
  return { peer, home, spare }
}

/** An ordinary node whose supernode has died, and had named these; of the spare, and of others, nobody is there either. */
function bereft(...heirs: number[]): TestPeer {
  const { peer, home, spare } = ordinary()
  peer.from(home, { type: 'supernodes', entries: [], heirs: heirs.map(testContact) })
  peer.down(spare)
  peer.handle({ type: 'unreachable', peer: peer.peer(2), reason: 'a test' })
  peer.take()
  peer.down(home, 'reset')
  return peer
}

const roleOf = (peer: TestPeer) => peer.machine.snapshot().role

describe('an ordinary node', () => {
  it('shows its supernode that it lives, also while that speaks to it', () => {
    const { peer, home } = ordinary()
    const pings: number[] = []
    for (let second = 1; second <= 180; second += 1) {
      peer.take()
      peer.pass(1_000)
      // Lists, results, answers: all but a question whether it lives.
      peer.from(home, { type: 'supernodes', entries: [], heirs: [] })
      if (peer.sent(home).some(({ type }) => type === 'ping')) pings.push(second)
    }
    expect(pings.length).toBeOneOf([2, 3])
    // Whom a supernode does not hear for so long, it gives up.
    for (const [at, second] of pings.entries())
      expect(second - (pings[at - 1] ?? 0)).toBeLessThan(USER_SILENT_MS / 1000)
  })

  it('goes to its spare at once when its supernode goes, and uploads everything again', () => {
    const { peer, home, spare } = ordinary()
    peer.down(home, 'reset')
    expect(peer.sent(spare)).toMatchObject([{ type: 'hello', wants: 'session' }])
    peer.from(spare, welcome('session'))
    expect(peer.bondOf(2)).toBe('supernode')
    peer.answerLast('records', {
      type: 'records',
      files: [{ index: 4, record: Uint8Array.of(1) }],
      isLast: true
    })
    const share = peer.sent(spare).find(message => message.type === 'share')
    expect(share).toMatchObject({ files: [{ index: 4 }] })
    expect(peer.machine.snapshot().announced).toEqual({
      files: 0,
      refused: 0,
      reasons: {},
      isComplete: false
    })
    peer.from(spare, { type: 'shared', batch: (share as { batch: number }).batch, refused: [], reasons: [] })
    expect(peer.machine.snapshot().announced).toEqual({ files: 1, refused: 0, reasons: {}, isComplete: true })
  })

  it('knows what its supernode refused, and why; a reason that was left out is `other`', () => {
    const { peer, home } = ordinary()
    const added = [1, 2, 3, 4].map(index => ({ index, record: Uint8Array.of(1) }))
    peer.command({ type: 'changed', added, removed: [] })
    const share = peer.sent(home).find(message => message.type === 'share') as { batch: number }
    peer.from(home, {
      type: 'shared',
      batch: share.batch,
      refused: [2, 3, 4],
      reasons: ['words', 'words']
    })
    const { announced } = peer.machine.snapshot()
    expect(announced).toEqual({ files: 1, refused: 3, reasons: { words: 2, other: 1 }, isComplete: true })
    expect(refusalText(announced.reasons)).toBe(
      '1: the supernode did not say why; 2: a supernode takes 200,000 words of one peer'
    )
    expect(refusalText({ bytes: 7 })).toBe('a supernode takes 6 MiB of records of one peer')
  })

  it('stays with its supernode until the next one has all its records, and lets it go then', () => {
    const { peer, home } = ordinary()
    peer.from(home, { type: 'hand-over', to: [testContact(3)] })
    const next = peer.link(3, false)
    peer.from(next, welcome('session'))
    expect([peer.bondOf(1), peer.bondOf(3)]).toEqual(['former', 'supernode'])
    peer.answerLast('records', {
      type: 'records',
      files: [{ index: 1, record: Uint8Array.of(1) }],
      isLast: true
    })
    expect(peer.closed()).toEqual([])
    const share = peer.sent(next).find(message => message.type === 'share') as { batch: number }
    peer.from(next, { type: 'shared', batch: share.batch, refused: [], reasons: [] })
    expect(peer.closed()).toEqual([home])
  })

  it('takes the next target where one has no place, and stays where none has', () => {
    const { peer, home } = ordinary()
    peer.from(home, { type: 'hand-over', to: [testContact(3), testContact(4)] })
    expect(peer.opened()).toEqual([peer.peer(3)])
    peer.handle({ type: 'unreachable', peer: peer.peer(3), reason: 'a test' })
    const other = peer.link(4, false)
    peer.from(other, welcome('session', { isAccepted: false }))
    expect(peer.bondOf(1)).toBe('supernode')
    expect(peer.closed()).toContain(other)
  })

  it('is told to move HAND_OVERS_BURST times at once, and later once in half a minute', () => {
    const { peer, home } = ordinary()
    const handOver = (to: number) => {
      peer.take()
      peer.from(home, { type: 'hand-over', to: [testContact(to)] })
      const opened = peer.opened().includes(peer.peer(to))
      if (opened) peer.handle({ type: 'unreachable', peer: peer.peer(to), reason: 'a test' })
      return opened
    }
    for (let told = 0; told < HAND_OVERS_BURST; told += 1) expect(handOver(30 + told)).toBe(true)
    expect(handOver(40)).toBe(false)
    expect(peer.counter('offences')).toBe(1)
    peer.pass(31_000)
    expect(handOver(41)).toBe(true)
    expect(handOver(42)).toBe(false)
  })

  it('is told to move by nobody but its supernode', () => {
    const { peer, spare } = ordinary()
    peer.from(spare, { type: 'hand-over', to: [testContact(3)] }, { type: 'promote' })
    expect(peer.opened()).toEqual([])
    expect(roleOf(peer)).toBe('ordinary')
  })

  it('gives up a supernode that acknowledges nothing', () => {
    const { peer, home } = ordinary()
    peer.command({ type: 'changed', added: [{ index: 9, record: Uint8Array.of(1) }], removed: [] })
    expect(peer.typesTo(home)).toEqual(['share'])
    for (let passed = 0; passed < 40_000; passed += 5_000) {
      peer.pass(5_000)
      peer.from(home, { type: 'pong', users: 1, usersMax: 9 })
    }
    expect(peer.closed()).toContain(home)
  })

  it('closes a supernode that is silent', () => {
    const { peer, home } = ordinary()
    peer.pass(90_000)
    expect(peer.closed()).toContain(home)
  })
})

describe('a promotion', () => {
  it('is taken by who can be reached: its own index first, and only then its supernode is one among others', () => {
    const { peer, home, spare } = ordinary()
    peer.from(home, { type: 'promote' })
    expect(roleOf(peer)).toBe('supernode')
    expect(peer.sent(spare)).toMatchObject([{ type: 'hello', wants: 'peering', isSupernode: true }])
    expect(peer.sent(home)).toEqual([])
    peer.answerLast('records', { type: 'records', files: [], isLast: true })
    expect(peer.sent(home)).toMatchObject([{ type: 'hello', wants: 'peering', isSupernode: true }])
    peer.from(home, welcome('peering'))
    expect(peer.bondOf(1)).toBe('peering')
  })

  it.each([
    ['who cannot be reached', { type: 'circumstances', isReachable: false, uploadKbps: 0 } as const],
    ['who is slow', { type: 'circumstances', isReachable: true, uploadKbps: 100 } as const]
  ])('is declined by %s', (_, circumstances) => {
    const { peer, home } = ordinary()
    peer.command(circumstances)
    peer.from(home, { type: 'promote' })
    expect(peer.sent(home)).toEqual([{ type: 'decline' }])
    expect(roleOf(peer)).toBe('ordinary')
  })

  it('is declined by who is told to be ordinary', () => {
    const { peer, home } = ordinary('ordinary')
    peer.from(home, { type: 'promote' })
    expect(peer.sent(home)).toEqual([{ type: 'decline' }])
  })

  it('is offered by merit that was seen: the longest session among those that a dial back reaches', () => {
    const peer = new TestPeer({ role: 'supernode', ordinariesPerSupernode: 2 })
    // Whoever says most of itself has not been there for long.
    const links = [1, 2, 3].map(number => {
      const link = peer.bond(number, 'session', {
        isReachable: number !== 2,
        uptimeS: number === 3 ? 2 ** 30 : 0
      })
      peer.pass(30_000)
      return link
    })
    for (let passed = 0; passed < 20_000; passed += 2_000) {
      peer.pass(2_000)
      for (const link of links) peer.from(link, { type: 'ping' })
    }
    const dialled = peer.asked().filter(({ question }) => question.type === 'dial-back')
    expect(dialled.map(({ question }) => question)).toMatchObject([
      { contact: { id: testContact(1).id } },
      { contact: { id: testContact(3).id } }
    ])
    peer.answer(dialled[0]!.id, { type: 'dialled', isReachable: false })
    expect(peer.typesTo(links[0]!)).not.toContain('promote')
    peer.answer(dialled[1]!.id, { type: 'dialled', isReachable: true })
    expect(peer.typesTo(links[2]!)).toContain('promote')
    expect(peer.counter('promotionsAsked')).toBe(1)
    peer.take()
    peer.from(links[2]!, hello('peering'))
    expect(peer.bondOf(3)).toBe('peering')
    const moved = [links[0]!, links[1]!].filter(link => peer.typesTo(link).includes('hand-over'))
    expect(moved).toHaveLength(1)
  })
})

describe('a promotion that is declined', () => {
  it('passes to the next best once, however often the user declines', () => {
    const peer = new TestPeer({ role: 'supernode', ordinariesPerSupernode: 2 })
    const links = [1, 2, 3, 4, 5].map(number => peer.bond(number, 'session'))
    const promoted: number[] = []
    const look = () => {
      for (const { id, question } of peer.asked())
        if (question.type === 'dial-back') peer.answer(id, { type: 'dialled', isReachable: true })
      promoted.push(...links.filter(link => peer.typesTo(link).includes('promote')))
      peer.take()
    }
    for (let passed = 0; promoted.length === 0 && passed < 60_000; passed += 2_000) {
      peer.pass(2_000)
      for (const link of links) peer.from(link, { type: 'ping' })
      look()
    }
    expect(promoted).toHaveLength(1)
    for (let said = 0; said < 4; said += 1) peer.from(promoted[0]!, { type: 'decline' })
    look()
    expect(promoted).toHaveLength(2)
    expect(peer.counter('promotionsDeclined')).toBe(1)
  })
})

describe('a peer without a supernode', () => {
  it('that knows nobody becomes one, where it can be reached', () => {
    const alone = new TestPeer()
    alone.pass(20_000)
    expect(roleOf(alone)).toBe('supernode')
    const firewalled = new TestPeer()
    firewalled.command({ type: 'circumstances', isReachable: false, uploadKbps: 0 })
    firewalled.pass(600_000)
    expect(roleOf(firewalled)).toBe('ordinary')
  })

  it('that is an heir takes the users of a supernode that died, once it has missed it, too', () => {
    const { peer, home, spare } = ordinary()
    peer.down(spare)
    const other = peer.link(7)
    peer.from(other, hello('session'))
    expect(peer.sent(other).at(-1)).toMatchObject({ type: 'welcome', isAccepted: false, isSupernode: false })
    peer.down(home, 'reset')
    peer.from(other, hello('session'))
    expect(roleOf(peer)).toBe('supernode')
    expect(peer.sent(other).at(-1)).toMatchObject({ type: 'welcome', isAccepted: true, isSupernode: true })
  })

  it('turns to the heirs that its supernode named, in their order', () => {
    const peer = bereft(5, 6)
    expect(peer.opened()).toContain(peer.peer(5))
  })

  it('waits NEXT_PLACE_MS for an heir to come up before it opens the next one, too, and is the user of one', () => {
    const peer = bereft(5, 6)
    peer.pass(NEXT_PLACE_MS - 100)
    expect(peer.opened()).not.toContain(peer.peer(6))
    peer.pass(1_000)
    expect(peer.opened()).toContain(peer.peer(6))
    const heir = peer.linkOf(peer.peer(6))
    peer.from(heir, welcome('session'))
    peer.take()
    const late = peer.linkOf(peer.peer(5))
    expect(peer.sent(late)).toMatchObject([{ type: 'hello', wants: 'probe' }])
    peer.from(late, welcome('probe', { isAccepted: false, isSupernode: false }))
    expect(peer.closed()).toEqual([late])
    expect(peer.bondOf(6)).toBe('supernode')
  })

  it('asks one of two heirs that come up for a session at a time', () => {
    const peer = bereft(5, 6)
    peer.pass(NEXT_PLACE_MS + 1_000)
    peer.take()
    const wanted = [5, 6].map(number => {
      const link = peer.linkOf(peer.peer(number))
      return peer.sent(link).flatMap(message => (message.type === 'hello' ? [message.wants] : []))
    })
    expect(wanted).toEqual([['session'], ['probe']])
  })

  it('turns to an heir again that had not missed the supernode yet; those of who takes it replace the others', () => {
    const peer = bereft(5)
    const list = (...heirs: number[]): SupernodesMessage => ({
      type: 'supernodes',
      entries: [],
      heirs: heirs.map(testContact)
    })
    const early = peer.linkOf(peer.peer(5))
    peer.from(early, list(), welcome('session', { isAccepted: false, isSupernode: false }))
    expect(peer.closed()).toContain(early)
    peer.down(early, 'local')
    peer.take()
    peer.pass(3_000)
    expect(peer.opened()).toContain(peer.peer(5))
    const heir = peer.linkOf(peer.peer(5))
    peer.from(heir, list(6), welcome('session'))
    peer.take()
    peer.down(heir, 'reset')
    peer.pass(1_000)
    expect(peer.opened()).toContain(peer.peer(6))
  })
})

describe('what a supernode is shown', () => {
  it('words are cut from what the sharer signed; a record of somebody else is refused', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.bond(1, 'session')
    const files = [
      { index: 1, record: Uint8Array.of(1) },
      { index: 2, record: Uint8Array.of(2) }
    ]
    peer.from(user, { type: 'share', batch: 3, files })
    expect(peer.asked().at(-1)!.question).toEqual({
      type: 'verify',
      claims: files.map(({ record: sealed }) => ({ provider: testContact(1).id, record: sealed }))
    })
    peer.answerLast('verify', {
      type: 'verified',
      records: [record('Blue Train.flac', peer.nameOf(1)), undefined]
    })
    expect(peer.asked().at(-1)!.question).toMatchObject({
      type: 'index-add',
      owner: peer.nameOf(1),
      files: [{ key: '1', words: ['blue', 'train', 'flac'] }]
    })
    expect(peer.typesTo(user)).toEqual([])
    peer.answerLast('index-add', { type: 'index-added', files: 1 })
    expect(peer.sent(user)).toEqual([{ type: 'shared', batch: 3, refused: [2], reasons: ['unsound'] }])
  })

  it('an index that cannot be written acknowledges nothing: its users go elsewhere', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.bond(1, 'session')
    peer.from(user, { type: 'share', batch: 1, files: [{ index: 1, record: Uint8Array.of(1) }] })
    peer.answerLast('verify', { type: 'verified', records: [record('x', '')] })
    const { id } = peer.asked().at(-1)!
    peer.handle({ type: 'answer', id, error: 'no disk' })
    expect(peer.typesTo(user)).toEqual([])
    expect(peer.closed()).toEqual([user])
  })

  it('a file of a user that went while the index was asked is shown to nobody', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const asker = peer.bond(1, 'session')
    const sharer = peer.bond(2, 'session')
    const hit = (owner: number) => ({
      owner: peer.nameOf(owner),
      file: { key: '1', words: ['blue'], size: 1, type: 'a/b', body: Uint8Array.of(1) }
    })
    peer.bond(3, 'session')
    peer.from(asker, query())
    const { id } = peer.asked().at(-1)!
    peer.down(sharer, 'reset')
    peer.take()
    peer.answer(id, { type: 'index-hits', hits: [hit(2), hit(3), hit(1)], isCapped: false })
    const results = peer.sent(asker).flatMap(message => (message.type === 'results' ? message.results : []))
    expect(results.map(({ contact }) => contact.id)).toEqual([testContact(3).id])
  })

  it('a removal that failed is asked again', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.bond(1, 'session')
    peer.down(user)
    const removal = peer.asked().at(-1)!
    expect(removal.question).toEqual({ type: 'index-remove-owner', owner: peer.nameOf(1) })
    peer.take()
    peer.handle({ type: 'answer', id: removal.id, error: 'no disk' })
    peer.pass(2_000)
    expect(peer.asked().map(({ question }) => question)).toContainEqual(removal.question)
  })

  it('a removal that failed takes nothing of the session after it: that one uploads again', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.link(1)
    peer.from(user, hello('session'))
    const removal = peer.asked().at(-1)!
    peer.from(user, { type: 'share', batch: 1, files: [{ index: 1, record: Uint8Array.of(1) }] })
    peer.answerLast('verify', { type: 'verified', records: [record('x', '')] })
    peer.answerLast('index-add', { type: 'index-added', files: 1 })
    peer.take()
    peer.handle({ type: 'answer', id: removal.id, error: 'no disk' })
    peer.pass(2_000)
    expect(peer.asked()).toEqual([])
    expect(peer.closed()).toContain(user)
    peer.down(user, 'local')
    expect(peer.asked().at(-1)!.question).toEqual(removal.question)
  })

  it('a user that says again that it wants a session is told of once, and its files go before it brings them again', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.link(1)
    const again = () => {
      peer.take()
      peer.from(user, hello('session'))
      expect(peer.sent(user).at(-1)).toMatchObject({ type: 'welcome', isAccepted: true })
      return peer.effects.log.flatMap(effect => {
        if (effect.type === 'notify') return [effect.notice.type]
        return effect.type === 'ask' ? [effect.question.type] : []
      })
    }
    expect(again()).toEqual(['index-remove-owner', 'user'])
    peer.answerLast('index-remove-owner', { type: 'index-removed', files: 0 })
    expect(again()).toEqual([])
    peer.from(user, { type: 'share', batch: 1, files: [{ index: 1, record: Uint8Array.of(1) }] })
    peer.answerLast('verify', { type: 'verified', records: [record('x', '')] })
    peer.answerLast('index-add', { type: 'index-added', files: 1 })
    expect(peer.machine.snapshot().indexedFiles).toBe(1)
    expect(again()).toEqual(['index-remove-owner'])
    expect(peer.machine.snapshot().indexedFiles).toBe(0)
    expect(again()).toEqual([])
    expect(peer.counter('usersTaken')).toBe(1)
  })

  it('a removal of long ago that fails late is not asked again after one that went well', () => {
    const peer = new TestPeer({ role: 'supernode' })
    peer.down(peer.bond(1, 'session'))
    const early = peer.asked().at(-1)!
    const user = peer.link(1)
    peer.from(user, hello('session'))
    peer.answerLast('index-remove-owner', { type: 'index-removed', files: 0 })
    peer.handle({ type: 'answer', id: early.id, error: 'no disk' })
    peer.take()
    peer.pass(2_000)
    expect(peer.asked()).toEqual([])
    expect(peer.closed()).toEqual([])
  })
})

describe('a search', () => {
  it('shows nothing that is not signed, or not what was looked for', () => {
    const { peer, home } = ordinary()
    peer.command({ type: 'search', wanted: WANTED })
    const asked = peer.sent(home)[0] as { id: string }
    const results = [1, 2, 3].map(index => ({ index, record: Uint8Array.of(index), contact: testContact(8) }))
    peer.from(home, { type: 'results', id: asked.id, hops: 1, results })
    const provider = peer.nameOf(8)
    peer.answerLast('verify', {
      type: 'verified',
      records: [record('Blue.flac', provider), undefined, record('Red.flac', provider)]
    })
    expect(peer.effects.notices().at(-1)).toMatchObject({
      type: 'found',
      hops: 2,
      files: [{ index: 1, record: { name: 'Blue.flac' } }]
    })
    expect(peer.counter('resultsRefused')).toBe(2)
  })

  it('is not shown its own files, which a supernode that it has left may have for a moment', () => {
    const { peer, home } = ordinary()
    peer.command({ type: 'search', wanted: WANTED })
    const asked = peer.sent(home)[0] as { id: string }
    const own = { index: 1, record: Uint8Array.of(1), contact: peer.effects.peers.contact(SELF) }
    peer.from(home, { type: 'results', id: asked.id, hops: 1, results: [own] })
    expect(peer.asked()).toEqual([])
    const other = { index: 2, record: Uint8Array.of(2), contact: testContact(8) }
    peer.from(home, { type: 'results', id: asked.id, hops: 1, results: [own, other] })
    expect(peer.asked().map(({ question }) => question)).toEqual([
      { type: 'verify', claims: [{ provider: testContact(8).id, record: other.record }] }
    ])
    expect(peer.counter('resultsReceived')).toBe(1)
  })

  it('takes results from its supernode alone, and for what it asked', () => {
    const { peer, home, spare } = ordinary()
    peer.command({ type: 'search', wanted: WANTED })
    const asked = peer.sent(home)[0] as { id: string }
    const results = [{ index: 1, record: Uint8Array.of(1), contact: testContact(8) }]
    peer.take()
    peer.from(spare, { type: 'results', id: asked.id, hops: 1, results })
    peer.from(home, { type: 'results', id: '0'.repeat(32), hops: 1, results })
    expect(peer.asked()).toEqual([])
    expect(peer.counter('resultsWithoutQuery')).toBe(2)
  })
})

describe('a query that is relayed', () => {
  it('has room for the results of each supernode that was asked, whoever answers first with how many', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const asker = peer.bond(1, 'session')
    const others = [500, 501, 502, 503].map(number => peer.bond(number, 'peering'))
    const asked = query({ wanted: { ...WANTED, limit: 80 } })
    peer.from(asker, asked)
    peer.answerLast('index-search', { type: 'index-hits', hits: [], isCapped: false })
    expect(peer.sent(others[0])).toMatchObject([{ type: 'query', wanted: { limit: 20 } }])
    peer.take()
    const bring = (link: number, provider: number, count: number) => {
      const results = Array.from({ length: count }, (_, index) => result(provider, index))
      peer.from(link, { type: 'results', id: asked.id, hops: 1, results })
    }
    for (let message = 0; message < 3; message += 1) bring(others[0]!, 7, 80)
    for (const [place, link] of others.slice(1).entries()) bring(link, 8 + place, 20)
    const results = peer
      .sent(asker)
      .flatMap(message => (message.type === 'results' ? message.results : []))
      .map(({ contact }) => peer.effects.peers.intern(contact))
    const from = (provider: number) => results.filter(one => one === peer.peer(provider)).length
    expect([from(7), from(8), from(9), from(10)]).toEqual([20, 20, 20, 20])
    expect(peer.counter('resultsOverShare')).toBe(220)
  })
})

describe('lists of supernodes', () => {
  const list = (from: number, count: number): SupernodesMessage => ({
    type: 'supernodes',
    entries: Array.from({ length: count }, (_, place) => ({
      contact: testContact(from + place),
      users: 1,
      seenS: 0
    })),
    heirs: []
  })
  const wantedIn = (peer: TestPeer, link: number) =>
    peer.sent(link).flatMap(message => (message.type === 'hello' ? [message.supernodesWanted] : []))
  const toldTo = (peer: TestPeer, link: number) =>
    peer.sent(link).flatMap(message => (message.type === 'supernodes' ? message.entries : []))

  it('are asked for by who has none, by the first two that it stays with, and a few of later ones', () => {
    const peer = new TestPeer({ role: 'ordinary' })
    peer.handle({ type: 'contact', peer: peer.peer(1) })
    const home = peer.link(1, false)
    expect(wantedIn(peer, home)).toEqual([SUPERNODES_PER_MESSAGE_MAX])
    peer.from(home, list(2, 20), welcome('probe'))
    const [second, ...silent] = peer.opened().toReversed()
    const spare = peer.linkOf(second!)
    expect(wantedIn(peer, spare)).toEqual([0])
    peer.from(spare, welcome('probe', { users: 100 }))
    peer.take()
    peer.pass(3_000)
    expect([...wantedIn(peer, home), ...wantedIn(peer, spare)]).toEqual([
      SUPERNODES_PER_TELLER_MAX,
      SUPERNODES_PER_TELLER_MAX
    ])
    peer.from(home, list(30, 25), welcome('session'))
    peer.from(spare, list(60, 25), welcome('spare'))
    peer.take()
    peer.down(home, 'reset')
    expect(wantedIn(peer, spare)).toEqual([SUPERNODES_SAMPLE])
    // And none of the next spare.
    peer.from(spare, welcome('session'))
    for (const one of silent) peer.handle({ type: 'unreachable', peer: one, reason: 'a test' })
    const other = peer.linkOf(peer.opened().at(-1)!)
    peer.from(other, welcome('probe'))
    peer.take()
    peer.pass(3_000)
    expect(wantedIn(peer, other)).toEqual([0])
  })

  it('are asked for in full until two have told theirs: neither one in parts nor one with nothing is two', () => {
    /** What the spare is asked for when its supernode is gone, after what both have told. */
    const asksAfter = (ofHome: readonly SupernodesMessage[], ofSpare: readonly SupernodesMessage[]) => {
      const peer = new TestPeer({ role: 'ordinary' })
      peer.handle({ type: 'contact', peer: peer.peer(1) })
      const home = peer.link(1, false)
      peer.from(home, list(2, 20), welcome('probe'))
      const spare = peer.linkOf(peer.opened().at(-1)!)
      peer.from(spare, welcome('probe', { users: 100 }))
      peer.pass(3_000)
      peer.from(home, ...ofHome, welcome('session'))
      peer.from(spare, ...ofSpare, welcome('spare'))
      peer.take()
      peer.down(home, 'reset')
      return wantedIn(peer, spare)
    }
    expect(asksAfter([list(30, 25), list(55, 25)], [])).toEqual([SUPERNODES_PER_TELLER_MAX])
    expect(asksAfter([list(30, 25)], [list(0, 0)])).toEqual([SUPERNODES_PER_TELLER_MAX])
    expect(asksAfter([list(0, 0)], [list(0, 0)])).toEqual([SUPERNODES_PER_TELLER_MAX])
    expect(asksAfter([list(30, 25)], [list(60, 1)])).toEqual([SUPERNODES_SAMPLE])
  })

  it('are as long as was asked for, and for a stranger one message', () => {
    const peer = new TestPeer({ role: 'supernode' })
    for (const [place, teller] of [500, 501].entries()) {
      const link = peer.bond(teller, 'peering')
      for (let from = 0; from < 50; from += 25) peer.from(link, list(1000 + 100 * place + from, 25))
    }
    const told = (wants: 'probe' | 'session', supernodesWanted: number, number: number) => {
      const link = peer.link(number)
      peer.from(link, hello(wants, { supernodesWanted }))
      return toldTo(peer, link).length
    }
    expect([told('session', 8, 1), told('session', 60, 2), told('session', 200, 3)]).toEqual([8, 60, 100])
    expect([told('probe', 200, 4), told('probe', 3, 5)]).toEqual([SUPERNODES_PER_MESSAGE_MAX, 3])
    const silent = peer.link(6)
    peer.from(silent, hello('probe', { supernodesWanted: 0 }))
    expect(peer.typesTo(silent)).toEqual(['welcome'])
  })

  it('are told again every two hours: to users what is new, and nothing twice', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const other = peer.bond(500, 'peering')
    peer.from(other, list(1000, 20))
    peer.pass(1_000)
    const user = peer.bond(1, 'session')
    const alive = (ms: number) => {
      for (let passed = 0; passed < ms; passed += 60_000) {
        peer.pass(60_000)
        peer.from(user, { type: 'ping' })
        peer.from(other, { type: 'pong', users: 1, usersMax: 9 })
        peer.from(other, list(1000, 20))
      }
    }
    alive(SUPERNODES_REFRESH_MS / 2)
    peer.from(other, list(2000, 3))
    peer.take()
    alive(SUPERNODES_REFRESH_MS / 2 + 120_000)
    const told = toldTo(peer, user).map(({ contact }) => peer.effects.peers.intern(contact))
    expect(told.sort()).toEqual([2000, 2001, 2002].map(number => peer.peer(number)).sort())
    expect(toldTo(peer, other).length).toBeGreaterThanOrEqual(20)
  })

  it('that are dead are as none: users are told every five minutes who would take their supernode’s place', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const others = [11, 12, 13].map(number => {
      const link = peer.link(number, false)
      peer.from(link, { ...hello('peering'), supernodesWanted: 0 })
      return link
    })
    for (const other of others) peer.down(other, 'reset')
    expect(peer.machine.snapshot().knownSupernodes).toBe(3)
    const [user, ...heirs] = [1, 2].map(number => peer.bond(number, 'session'))
    const told: SupernodesMessage[] = []
    for (let passed = 0; passed <= HEIRS_REFRESH_MS; passed += 60_000) {
      for (const link of [user!, ...heirs]) peer.from(link, { type: 'ping' })
      peer.pass(60_000)
      const opened = new Set(peer.opened())
      told.push(...peer.sent(user!).filter(message => message.type === 'supernodes'))
      peer.take()
      for (const to of opened) peer.handle({ type: 'unreachable', peer: to, reason: 'a test' })
    }
    expect(peer.machine.snapshot().knownSupernodes).toBe(3)
    expect(told.map(({ heirs: named }) => named.map(({ id }) => id))).toEqual([[testContact(2).id]])
  })
})

describe('results that another supernode brings', () => {
  /** A user's query is with another supernode. */
  function relayed(wanted = WANTED) {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.bond(1, 'session')
    const other = peer.link(500)
    peer.from(other, hello('peering'))
    peer.answerLast('dial-back', { type: 'dialled', isReachable: true })
    peer.take()
    const asked = query({ wanted })
    peer.from(user, asked)
    const [search] = peer.asked()
    const answer =
      search!.question.type === 'index-providers'
        ? ({ type: 'index-providers', hits: [], isCapped: false } as const)
        : ({ type: 'index-hits', hits: [], isCapped: false } as const)
    peer.answer(search!.id, answer)
    peer.take()
    const bring = (...results: Result[]) => {
      peer.from(other, { type: 'results', id: asked.id, hops: 1, results })
      const got = peer.sent(user).flatMap(message => (message.type === 'results' ? message.results : []))
      peer.take()
      return got.map(({ index }) => index)
    }
    return { peer, other, asked, bring }
  }

  it('go on where they are what was asked for; the others are dropped and counted', () => {
    const { peer, other, bring } = relayed()
    const foreign = { ...result(7, 3), contact: testContact(8) }
    const broken = { ...result(7, 4), record: Uint8Array.of(1) }
    expect(bring(result(7, 1), result(7, 2, 'green.flac'), foreign, broken, result(7, 5))).toEqual([1, 5])
    expect(peer.counter('resultsStray')).toBe(3)
    // Its provider is asked to call by way of who brought it; nobody else is.
    const nonce = new Uint8Array(16)
    const push = (target: number) =>
      peer.command({ type: 'push', target: testContact(target).id, index: 1, nonce })
    push(7)
    expect(peer.typesTo(other)).toEqual(['push'])
    push(8)
    expect(peer.effects.notices().at(-1)).toMatchObject({ type: 'push-refused' })
  })

  it('are held against tags, sizes, types and what must not be there, and against a content', () => {
    const is = (wanted: Partial<Wanted>) => relayed({ ...WANTED, ...wanted }).bring(result(7, 1)).length === 1
    const sized = (value: number) => [{ compare: 'at-least', tag: 'size', value } as const]
    expect([is({ terms: sized(1000) }), is({ terms: sized(1001) })]).toEqual([true, false])
    expect([is({ mediaType: 'audio' }), is({ mediaType: 'video' })]).toEqual([true, false])
    expect([is({ without: ['green'] }), is({ without: ['kind'] })]).toEqual([true, false])
    expect(is({ terms: [{ compare: 'near', tag: 'artist', value: 'miles' }] })).toBe(false)
    // What no index decides is left to who searches.
    expect(is({ terms: [{ compare: 'substring', tag: 'artist', value: 'mil' }] })).toBe(true)
    const content = (byte: number) => ({ words: [], content: new Uint8Array(32).fill(byte) })
    expect([is(content(5)), is(content(6))]).toEqual([true, false])
  })

  it('may be STRAYS_BURST others; with one more its link ends, and nobody is told of it', () => {
    const { peer, other, asked } = relayed()
    const bring = (count: number) => {
      const results = Array.from({ length: count }, (_, index) => result(7, index, 'green.flac'))
      peer.from(other, { type: 'results', id: asked.id, hops: 1, results })
    }
    bring(STRAYS_BURST)
    expect([peer.closed(), peer.counter('offences')]).toEqual([[], 0])
    bring(1)
    expect([peer.closed(), peer.counter('offences')]).toEqual([[other], 1])
    peer.down(other, 'local')
    const asking = peer.link(900)
    peer.take()
    peer.from(asking, hello('probe'))
    expect(peer.sent(asking)[0]).toEqual({ type: 'supernodes', entries: [], heirs: [] })
  })
})

describe('a push', () => {
  const push = (target: number, ttl = 6) =>
    ({
      type: 'push',
      target: testContact(target).id,
      index: 3,
      contact: testContact(9),
      nonce: new Uint8Array(16).fill(7),
      ttl
    }) as const

  it('goes to a user, or the way that its results came; and nowhere else', () => {
    const peer = new TestPeer({ role: 'supernode' })
    const user = peer.bond(1, 'session')
    const other = peer.bond(500, 'peering')
    peer.from(other, push(1))
    expect(peer.sent(user)).toEqual([{ ...push(1), ttl: 5 }])
    peer.take()
    peer.from(other, push(77), push(1, 1))
    expect(peer.sent()).toEqual([])
    expect(peer.counter('pushesDropped')).toBe(2)
  })

  it('has the sharer call, where its supernode says so', () => {
    const { peer, home, spare } = ordinary()
    peer.from(spare, push(0))
    expect(peer.effects.notices()).toEqual([])
    peer.from(home, push(0))
    expect(peer.effects.notices()).toMatchObject([{ type: 'push-asked', index: 3, via: peer.nameOf(1) }])
  })

  it('is refused where nobody knows the way', () => {
    const peer = new TestPeer({ role: 'ordinary' })
    const id = peer.command({ type: 'push', target: testContact(5).id, index: 1, nonce: new Uint8Array(16) })
    expect(peer.effects.notices()).toMatchObject([{ type: 'push-refused', push: id }])
  })
})

describe('a place in a network that has been there for long', () => {
  it('of an ordinary node: its supernode and spare, whom it knows, and its records on their way', () => {
    const peer = new TestPeer()
    const home = peer.link(1, true)
    const spare = peer.link(2, true)
    peer.take()
    const links = [
      { peer: peer.peer(1), bond: 'supernode' },
      { peer: peer.peer(2), bond: 'spare' }
    ] as const
    const place = { role: 'ordinary', known: [peer.peer(1), peer.peer(3)], links } as const
    peer.command({ type: 'adopt', place })
    expect([peer.bondOf(1), peer.bondOf(2)]).toEqual(['supernode', 'spare'])
    expect(peer.machine.snapshot()).toMatchObject({ role: 'ordinary', knownSupernodes: 3 })
    peer.answerLast('records', {
      type: 'records',
      files: [{ index: 4, record: Uint8Array.of(1) }],
      isLast: true
    })
    expect(peer.sent(home)).toMatchObject([{ type: 'share' }])
    // What it was given is as what it had agreed on: the spare takes over at once.
    peer.down(home, 'reset')
    expect(peer.sent(spare)).toMatchObject([{ type: 'hello', wants: 'session' }])
  })

  it('of a supernode: users, who holds it as the spare, and others of its kind, one after another', () => {
    const peer = new TestPeer()
    peer.link(1, true)
    const place = { role: 'supernode', known: [], links: [{ peer: peer.peer(1), bond: 'user' }] } as const
    peer.command({ type: 'adopt', place })
    peer.link(2, true)
    peer.link(3, true)
    peer.command({
      type: 'adopt',
      place: {
        role: 'supernode',
        known: [],
        links: [
          { peer: peer.peer(2), bond: 'standby' },
          { peer: peer.peer(3), bond: 'peering' },
          // Nobody is there.
          { peer: peer.peer(4), bond: 'user' }
        ]
      }
    })
    expect([1, 2, 3].map(other => peer.bondOf(other))).toEqual(['user', 'standby', 'peering'])
    const { role, users, knownSupernodes, counters } = peer.machine.snapshot()
    expect({ role, users, knownSupernodes }).toEqual({ role: 'supernode', users: 1, knownSupernodes: 1 })
    expect(counters.promotions).toBe(1)
  })
})

describe('a query that comes again', () => {
  const HITS = { type: 'index-hits', hits: [], isCapped: false } as const
  const relayed = (peer: TestPeer) =>
    peer.effects.log.flatMap(effect =>
      effect.type === 'send' && effect.message.type === 'query' ? [effect.message] : []
    )
  const asks = (peer: TestPeer) => peer.asked().filter(({ question }) => question.type === 'index-search')
  const supernode = () => {
    const peer = new TestPeer({ role: 'supernode' })
    const links = Array.from({ length: 9 }, (_, place) => peer.bond(500 + place, 'peering'))
    return { peer, links }
  }

  it('with more of its way left is handed on, and not answered again', () => {
    const { peer, links } = supernode()
    const [long, short] = links as [number, number]
    const last = query({ ttl: 0, hops: 2 })
    peer.from(long, last)
    peer.answerLast('index-search', HITS)
    expect([relayed(peer).length, peer.typesTo(long)]).toEqual([0, ['query-end']])
    peer.take()
    peer.from(short, { ...last, ttl: 1, hops: 1 })
    expect(asks(peer)).toEqual([])
    expect(relayed(peer)).toHaveLength(6)
    expect(relayed(peer).every(({ ttl, hops }) => ttl === 0 && hops === 2)).toBe(true)
    expect(peer.typesTo(short)).toEqual([])
    // As far as it has come it does not come again.
    peer.take()
    peer.from(long, { ...last, ttl: 1, hops: 1 }, last)
    expect(peer.typesTo(long)).toEqual(['query-end', 'query-end'])
    expect([relayed(peer), peer.counter('queriesDuplicate')]).toEqual([[], 2])
  })

  it('while the index is asked goes on for who brings it then; what the index has is of who asked first', () => {
    const { peer, links } = supernode()
    peer.bond(30, 'session')
    const [long, short, ...others] = links as [number, number, ...number[]]
    const last = query({ ttl: 0, hops: 2, wanted: { ...WANTED, limit: 6 } })
    peer.from(long, last)
    peer.from(short, { ...last, ttl: 1, hops: 1, wanted: { ...WANTED, limit: 34 } })
    expect(peer.typesTo(long)).toEqual([])
    const [search, ...more] = asks(peer)
    expect(more).toEqual([])
    const asked = peer.effects.log.flatMap(effect =>
      effect.type === 'send' && effect.message.type === 'query' ? [effect.link] : []
    )
    expect(asked).toHaveLength(6)
    // Neither of those that asked is asked.
    expect(others).toEqual(expect.arrayContaining(asked))
    // With the room that the shorter way leaves.
    expect(relayed(peer).every(({ wanted }) => wanted.limit === 6)).toBe(true)
    peer.take()
    const found = result(700, 7)
    peer.from(asked[0]!, { type: 'results', id: last.id, hops: 1, results: [found] })
    const { record, index } = result(30, 1)
    const file = { key: `${index}`, words: ['blue'], size: 1000, type: 'audio/flac', body: record }
    peer.answer(search!.id, {
      type: 'index-hits',
      hits: [{ owner: peer.nameOf(30), file }],
      isCapped: false
    })
    expect(peer.sent(long)).toMatchObject([
      { type: 'results', hops: 1, results: [{ index: 1, record }] },
      { type: 'query-end', id: last.id }
    ])
    expect(peer.sent(short)).toMatchObject([{ type: 'results', hops: 2, results: [found] }])
    peer.take()
    for (const link of asked) peer.from(link, { type: 'query-end', id: last.id })
    expect([peer.typesTo(long), peer.typesTo(short)]).toEqual([[], ['query-end']])
    expect(peer.machine.sizes().running).toBe(0)
  })

  it('while the index is asked holds nobody up: either asker may leave, and the other has its part', () => {
    for (const leaves of ['first', 'later'] as const) {
      const { peer, links } = supernode()
      const [long, short] = links as [number, number]
      const last = query({ ttl: 0, hops: 2 })
      peer.from(long, last)
      peer.from(short, { ...last, ttl: 1, hops: 1 })
      const [search] = asks(peer)
      const asked = peer.effects.log.flatMap(effect =>
        effect.type === 'send' && effect.message.type === 'query' ? [effect.link] : []
      )
      expect(peer.machine.sizes().running).toBe(2)
      peer.down(leaves === 'first' ? long : short, 'reset')
      expect(peer.machine.sizes().running).toBe(1)
      peer.take()
      peer.answer(search!.id, HITS)
      for (const link of asked) peer.from(link, { type: 'query-end', id: last.id })
      expect(peer.typesTo(leaves === 'first' ? short : long)).toEqual(['query-end'])
      expect(peer.machine.sizes().running).toBe(0)
    }
  })

  it('goes on TTL_MAX times at most, whoever brings it', () => {
    const { peer, links } = supernode()
    const one = query({ hops: 1 })
    for (let round = 0; round < 3; round += 1)
      for (let ttl = 0; ttl <= 6; ttl += 1) {
        peer.from(links[ttl]!, { ...one, ttl })
        for (const { id } of asks(peer)) peer.answer(id, HITS)
        const ends = peer.effects.log.flatMap(effect =>
          effect.type === 'send' && effect.message.type === 'query' ? [effect.link] : []
        )
        if (round === 0) expect(ends).toHaveLength(ttl > 0 && ttl <= TTL_MAX ? 6 : 0)
        else expect(ends).toEqual([])
        peer.take()
        for (const link of ends) peer.from(link, { type: 'query-end', id: one.id })
      }
  })
})

describe('a supernode with too many users, in its turn', () => {
  it('asks one at the second look at the latest, where the delay is as long as one', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const peer = new TestPeer(
        { role: 'supernode', ordinariesPerSupernode: 2, promotionDelayMs: BALANCE_MS },
        new Map(),
        seed
      )
      const users = [1, 2, 3].map(number => peer.bond(number, 'session'))
      peer.pass(2 * BALANCE_MS + 2_000)
      peer.answerLast('dial-back', { type: 'dialled', isReachable: true })
      const asked = users.filter(user => peer.typesTo(user).includes('promote'))
      expect(asked).toHaveLength(1)
    }
  })
})

describe('a supernode that steps down', () => {
  it('asks one that it is linked with for a place, and where that steps down too, the next', () => {
    const peer = new TestPeer()
    const links = [1, 2].map(other => peer.link(other, true))
    const bonds = [1, 2].map(other => ({ peer: peer.peer(other), bond: 'peering' as const }))
    peer.command({ type: 'adopt', place: { role: 'supernode', known: [], links: bonds } })
    peer.answerLast('records', { type: 'records', files: [], isLast: true })
    const asked: number[] = []
    for (let second = 0; second < 260 && asked.length < 2; second += 1) {
      peer.take()
      peer.pass(1_000)
      for (const [place, link] of links.entries()) {
        const sent = peer.sent(link)
        // The first one is emptier than the second.
        if (sent.some(({ type }) => type === 'ping'))
          peer.from(link, { type: 'pong', users: 1 + place, usersMax: 150 })
        if (!sent.some(message => message.type === 'hello' && message.wants === 'session')) continue
        asked.push(place)
        if (place === 0) peer.from(link, welcome('session', { isAccepted: false, isSupernode: false }))
      }
    }
    expect(asked).toEqual([0, 1])
    peer.from(links[1]!, welcome('session'))
    expect(peer.bondOf(2)).toBe('supernode')
  })
})
