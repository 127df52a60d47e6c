/** The contract's properties, with whatever comes: clients and servers, sound inputs and mad ones. */
import type { Step } from '@servent/overlay/testing'
import { checkMachine, testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BODIES_BYTES_MAX,
  CHANGES_WAITING_MAX,
  HOTLIST_MAX,
  JOBS_AT_A_TIME_MAX,
  JOBS_WAITING_MAX,
  PINGS_MAX,
  QUESTIONS_MAX,
  REMOVALS_MAX,
  SEARCHES_MAX,
  SEEN_MAX,
  SENDS_PER_MESSAGE_MAX,
  SERVERS_MAX,
  SHARE_JOBS_AT_A_TIME_MAX,
  VERIFIES_MAX,
  VERIFIES_WAITING_MAX
} from '../src/constants.ts'
import { NapsterMachine } from '../src/machine.ts'
import type { NapsterMessage } from '../src/messages.ts'
import type { NapsterCommand, NapsterQuestion, NapsterSettings, NapsterTypes } from '../src/types.ts'
import { message as anyMessage } from './arbitraries.ts'
import { helloOf } from './desk.ts'
import { NaiveIndex } from './naive-index.ts'
import { answerVerify, peerIdOf, recordOf, wantedOf } from './peer.ts'

const word = fc.constantFrom('song', 'blue', 'kind')
const nick = fc.constantFrom('one', 'two', 'three', 'no nick')
/** What gets far: messages that fit to each other. */
const likely: fc.Arbitrary<NapsterMessage> = fc.oneof(
  fc.nat({ max: 9 }).map(peer => helloOf(peer, peer % 3 === 0)),
  nick.map(name => ({ type: 'login' as const, nick: name, password: '-', port: 1, client: 'c', link: 3 })),
  fc.constant({ type: 'login-ack' as const, email: 'x' }),
  fc
    .tuple(fc.nat({ max: 3 }), word)
    .map(([query, text]) => ({ type: 'find' as const, query, wanted: wantedOf(text) })),
  fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 5 }), word).map(([peer, index, name]) => ({
    type: 'share-records' as const,
    batch: index,
    files: [{ index, record: recordOf(peerIdOf(peer), { index, name, size: 1 }) }]
  })),
  fc
    .tuple(fc.nat({ max: 5 }), fc.constantFrom('later', 'unsound', 'full', undefined))
    .map(([batch, reason]) => ({
      type: 'share-ack' as const,
      batch,
      refused: reason === undefined ? [] : [{ place: 0, reason }]
    })),
  fc.nat({ max: 3 }).map(index => ({ type: 'unshare-records' as const, batch: 1, indexes: [index] })),
  nick.map(name => ({ type: 'hotlist-add' as const, nick: name })),
  nick.map(name => ({ type: 'ping' as const, nick: name })),
  word.map(text => ({ type: 'search' as const, contains: [text] })),
  word.map(name => ({
    type: 'share' as const,
    name,
    md5: '0',
    size: 1,
    bitrate: 1,
    frequency: 1,
    seconds: 1
  })),
  nick.map(user => ({ type: 'browse-page' as const, query: 1, user, after: '' })),
  fc.nat({ max: 3 }).map(number => ({
    type: 'mesh-find' as const,
    id: new Uint8Array(16).fill(number),
    ttl: number,
    waitMs: 2_000,
    asked: [],
    wanted: wantedOf('song')
  })),
  fc
    .nat({ max: 3 })
    .map(number => ({ type: 'mesh-end' as const, id: new Uint8Array(16).fill(number), unanswered: [] }))
)
const command: fc.Arbitrary<NapsterCommand> = fc.oneof(
  fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }).map(peers => ({
    type: 'servers' as const,
    contacts: peers.map(testContact)
  })),
  fc.record({ type: fc.constant('sharing' as const), files: fc.nat({ max: 9 }), firewalled: fc.boolean() }),
  fc.record({
    type: fc.constant('changed' as const),
    added: fc.array(fc.nat({ max: 5 }), { maxLength: 3 }),
    removed: fc.array(fc.nat({ max: 5 }), { maxLength: 3 })
  }),
  fc.constant({ type: 'announce' as const }),
  fc.constant({ type: 'index-lost' as const }),
  word.map(text => ({ type: 'search' as const, wanted: wantedOf(text) })),
  fc.nat({ max: 30 }).map(search => ({ type: 'end-search' as const, search })),
  nick.map(user => ({ type: 'browse' as const, user, after: '' })),
  nick.map(name => ({ type: 'whois' as const, nick: name })),
  fc.record({
    type: fc.constant('hotlist' as const),
    action: fc.constantFrom('add' as const, 'remove' as const),
    nick
  }),
  fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 10 }).map(peers => ({
    type: 'ping' as const,
    peers: peers.map(peer => testContact(peer).id)
  })),
  fc
    .nat({ max: 9 })
    .map(peer => ({ type: 'call' as const, to: testContact(peer).id, index: 1, nonce: new Uint8Array(16) })),
  fc.record({
    type: fc.constant('transfer' as const),
    direction: fc.constantFrom('up' as const, 'down' as const),
    begun: fc.boolean()
  })
)
const pick = fc.nat({ max: 20 })
const peer = fc.integer({ min: 1, max: 9 })
const step: fc.Arbitrary<Step<NapsterTypes>> = fc.oneof(
  fc.record({ type: fc.constant('contact' as const), peer }),
  { weight: 3, arbitrary: fc.record({ type: fc.constant('link-up' as const), peer, inbound: fc.boolean() }) },
  fc.record({
    type: fc.constant('link-down' as const),
    pick,
    kind: fc.constantFrom('closed' as const, 'reset' as const, 'malformed' as const)
  }),
  fc.record({ type: fc.constant('unreachable' as const), pick }),
  {
    weight: 14,
    arbitrary: fc.record({
      type: fc.constant('message' as const),
      pick,
      message: fc.oneof({ weight: 4, arbitrary: likely }, anyMessage)
    })
  },
  fc.record({
    type: fc.constant('pressure' as const),
    pick,
    level: fc.constantFrom('low' as const, 'high' as const, 'overflow' as const)
  }),
  { weight: 3, arbitrary: fc.record({ type: fc.constant('command' as const), command }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('answer' as const), pick, fails: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('advance' as const),
      byMs: fc.constantFrom(10, 1_000, 6_000, 70_000)
    })
  },
  fc.constant({ type: 'raw' as const, input: { type: 'timer' as const, timer: 'question 5' } }),
  fc.constant({ type: 'raw' as const, input: { type: 'timer' as const, timer: 'search xyz' } }),
  fc.constant({ type: 'raw' as const, input: { type: 'message' as const, link: 999, message: helloOf(1) } })
)

/** Always the same for the same question, whatever was asked before. */
function answer(question: NapsterQuestion) {
  const verdict = answerVerify(question)
  if (verdict !== undefined) return verdict
  if (question.type === 'files' || question.type === 'next-files') {
    const files = [{ index: 1, record: recordOf(peerIdOf(0), { index: 1, name: 'song', size: 1 }) }]
    return { type: 'files', files, isLast: true } as const
  }
  const index = new NaiveIndex()
  const body = new Uint8Array()
  for (let number = 1; number < 9; number += 1)
    index.add(`${peerIdOf(0)}/${peerIdOf(number)}`, [
      { key: 'k', words: ['song'], size: 1, type: 'a/b', body }
    ])
  return index.answer(question as Parameters<NaiveIndex['answer']>[0])
}

const BOUNDS: Readonly<Record<string, number>> = {
  questionsAsked: JOBS_AT_A_TIME_MAX + REMOVALS_MAX + VERIFIES_MAX + 4,
  links: 10,
  opening: 9,
  bodyBytes: BODIES_BYTES_MAX,
  serversKnown: SERVERS_MAX,
  ownSearches: QUESTIONS_MAX,
  whois: QUESTIONS_MAX,
  pings: PINGS_MAX,
  verifying: VERIFIES_MAX,
  verifiesWaiting: VERIFIES_WAITING_MAX,
  changesWaiting: 2 * CHANGES_WAITING_MAX,
  announceReady: 64,
  removals: REMOVALS_MAX,
  seen: SEEN_MAX,
  sharingsUnderWay: SHARE_JOBS_AT_A_TIME_MAX,
  sharingsWaiting: JOBS_WAITING_MAX,
  questionsUnderWay: JOBS_AT_A_TIME_MAX - SHARE_JOBS_AT_A_TIME_MAX,
  questionsWaiting: JOBS_WAITING_MAX,
  watched: 10 * HOTLIST_MAX,
  searches: SEARCHES_MAX
}

const subject = (settings: Partial<NapsterSettings>) => ({
  create: () => new NapsterMachine(settings),
  fanOutMax: SENDS_PER_MESSAGE_MAX,
  sizes: (machine: NapsterMachine) =>
    Object.fromEntries(
      Object.entries(machine.sizes()).map(([name, size]) => [name, [size, BOUNDS[name] ?? 0] as const])
    ),
  answer
})

const login = (name: string) =>
  ({ type: 'login', nick: name, password: '-', port: 1, client: 'c', link: 3 }) as const
const say = (at: number, made: NapsterMessage) => ({ type: 'message', pick: at, message: made }) as const
/** From where on most of the rules are in force. */
const loggedIn: Step<NapsterTypes>[] = [
  { type: 'command', command: { type: 'servers', contacts: [testContact(1)] } },
  { type: 'link-up', peer: 1, inbound: false },
  say(0, { type: 'login-ack', email: 'x' }),
  say(0, helloOf(1, true))
]
const twoUsersAndAServer: Step<NapsterTypes>[] = [
  { type: 'link-up', peer: 1, inbound: true },
  { type: 'link-up', peer: 2, inbound: true },
  { type: 'link-up', peer: 3, inbound: true },
  say(0, login('one')),
  say(1, login('two')),
  say(2, helloOf(3, true))
]

describe.each([
  ['a client', { nick: 'me' }, loggedIn],
  ['a server', { server: { usersMax: 4, sharedMax: 3, motd: ['hello'] } }, twoUsersAndAServer]
])('%s', (_, settings: Partial<NapsterSettings>, begin) => {
  it('keeps the contract, whatever comes', () => {
    let sent = 0
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), steps => {
        sent += checkMachine<NapsterTypes, NapsterMachine>(subject(settings), [...begin, ...steps]).sent
      }),
      { numRuns: 150 }
    )
    expect(sent).toBeGreaterThan(500)
  }, 60_000)
})
