/** Providers, files by their words, and values: at one machine, and in networks. */
import { PUBLISHES_MAX, READS_MAX, STORE_LIMITS, type StoredRecord } from '@servent/key-routing/machine'
import { type Key, keyOfPeer, keyOfWord } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { type NodeIndex, WALL_START_MS } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import {
  KAD_LOOKUPS_MAX,
  KADEMLIA_SETTINGS,
  type KademliaNotice,
  KEYS_PROVIDED_BY_MACHINE_MAX,
  PROVIDER_VALIDITY_MS,
  REPUBLISH_MS,
  VALUES_WAITING_MAX,
  VALUES_WAITING_PER_PEER_MAX
} from '../src/machine.ts'
import { Provided } from '../src/provided.ts'
import { KademliaNetwork } from './support/network.ts'
import { Solo } from './support/solo.ts'

const WALL_MS = 1_800_000_000_000
const key = (number: number): Key => keyOfPeer(testContact(number + 10_000).id)
const DAY_MS = 24 * 60 * 60 * 1000

function record(kind: StoredRecord['kind'], under: Key, own: Partial<StoredRecord> = {}): StoredRecord {
  return {
    kind,
    key: under,
    publisher: testContact(0),
    sequence: 1,
    expiresMs: WALL_MS + DAY_MS,
    subject: kind === 'value' ? new Uint8Array(0) : key(1),
    body: new Uint8Array(8),
    ...own
  }
}

describe('provider records', () => {
  it('count for whoever sends them, and for nobody else', () => {
    const solo = new Solo()
    solo.say(1, { type: 'add-provider', key: key(1), provider: testContact(1) })
    solo.say(1, { type: 'add-provider', key: key(1), provider: testContact(2) })
    solo.say(3, { type: 'get-providers', id: 9, key: key(1), purpose: 'user' })
    const [answer] = solo.sent(3, 'providers')
    expect(answer!.providers.map(({ id }) => id)).toEqual([testContact(1).id])
    expect(solo.machine.snapshot().counters.refused).toBe(1)
  })

  it(`expire after ${PROVIDER_VALIDITY_MS / DAY_MS} days`, () => {
    const solo = new Solo()
    solo.say(1, { type: 'add-provider', key: key(1), provider: testContact(1) })
    solo.effects.advance(PROVIDER_VALIDITY_MS - 1)
    solo.say(3, { type: 'get-providers', id: 1, key: key(1), purpose: 'user' })
    solo.effects.advance(1)
    solo.say(3, { type: 'get-providers', id: 2, key: key(1), purpose: 'user' })
    expect(solo.sent(3, 'providers').map(({ providers }) => providers.length)).toEqual([1, 0])
    solo.fire('kad/sweep')
    expect(solo.machine.snapshot().records).toBe(0)
  })

  it('are kept within the limits of the peer', () => {
    const solo = new Solo({ limits: { ...STORE_LIMITS, keyRecordsMax: 2 } })
    for (const number of [1, 2, 3])
      solo.say(number, { type: 'add-provider', key: key(1), provider: testContact(number) })
    expect(solo.machine.snapshot().records).toBe(2)
  })

  it('go to the k nearest, one for each word however many files have it, and again when half of their time is over', () => {
    const solo = new Solo()
    solo.adopt(1, 2)
    const word = keyOfWord('moby')
    const command = solo.command({
      type: 'publish',
      records: [record('word', word), record('word', word, { subject: key(2) }), record('provider', key(1))]
    })
    solo.answerLookups(1, 2)
    expect(solo.sent(1, 'add-provider').map(one => one.key)).toEqual([word, key(1)])
    expect(solo.sent(1, 'add-provider')[0]!.provider).toEqual(testContact(0))
    expect(solo.notices('published')).toEqual([
      { type: 'published', command, outcomes: ['kept', 'kept', 'kept'], copies: [3, 3, 3] }
    ])
    solo.effects.take()
    solo.fire('kad/republish', REPUBLISH_MS - 1)
    expect(solo.effects.sent()).toEqual([])
    solo.fire('kad/republish', 1)
    expect(solo.sent(1, 'find-node').map(one => one.key)).toEqual([word])
    solo.answerLookups(1, 2)
    expect(solo.sent(1, 'add-provider')).toHaveLength(1)
  })

  it('that nobody took are unreachable, and tried again', () => {
    const solo = new Solo()
    solo.command({ type: 'publish', records: [record('provider', key(1))] })
    expect(solo.notices('published')[0]!.outcomes).toEqual(['unreachable'])
    solo.adopt(1)
    solo.fire('kad/republish', 30_000)
    expect(solo.sent(1, 'find-node')).toHaveLength(1)
  })

  it('of more keys than the stack is deep end one after the other', () => {
    const solo = new Solo()
    const records = Array.from({ length: 4096 }, (_, number) => record('provider', key(number)))
    solo.command({ type: 'publish', records })
    expect(solo.notices('published')[0]!.outcomes).toEqual(records.map(() => 'unreachable'))
  })

  it('KEYS_PROVIDED_BY_MACHINE_MAX keys are provided, and not one more', () => {
    const provided = new Provided()
    const numbered = (number: number) => {
      const made = new Uint8Array(32)
      new DataView(made.buffer).setUint32(0, number)
      return made
    }
    const one = record('provider', key(1))
    let taken = 0
    for (let number = 0; number < KEYS_PROVIDED_BY_MACHINE_MAX; number += 1)
      if (provided.add({ ...one, key: numbered(number) }, 0)) taken += 1
    expect(taken).toBe(KEYS_PROVIDED_BY_MACHINE_MAX)
    expect(provided.add(record('provider', numbered(KEYS_PROVIDED_BY_MACHINE_MAX)), 0)).toBe(false)
    expect(provided.size).toBe(KEYS_PROVIDED_BY_MACHINE_MAX)
  })
})

describe('files', () => {
  it('of a peer are those that have all words, and none that was taken back', () => {
    const solo = new Solo()
    const [moby, dick] = [keyOfWord('moby'), keyOfWord('dick')]
    solo.command({
      type: 'publish',
      records: [
        record('word', moby),
        record('word', dick),
        record('word', moby, { subject: key(2) }),
        record('word', dick, { subject: key(3) })
      ]
    })
    const ask = (...words: Key[]) => {
      solo.effects.take()
      solo.say(1, { type: 'files-question', id: 1, words })
      return solo.sent(1, 'files-answer')[0]!.records.map(({ subject }) => subject)
    }
    expect(ask(moby, dick)).toEqual([key(1)])
    expect(ask(dick)).toEqual([key(1), key(3)])
    solo.command({ type: 'publish', records: [record('word', moby, { withdrawn: true })] })
    expect(ask(moby)).toEqual([key(2)])
  })

  it('that a peer says are of another one are no hits', () => {
    const solo = new Solo()
    solo.adopt(1)
    const word = keyOfWord('moby')
    const command = solo.command({ type: 'fetch-rarest', keys: [word], limit: 10 })
    const [asked] = solo.sent(1, 'get-providers')
    solo.say(1, { type: 'providers', id: asked!.id, closer: [], providers: [testContact(1)] })
    const [question] = solo.sent(1, 'files-question')
    const records = [1, 2].map(number =>
      record('word', word, { publisher: testContact(number), subject: key(number) })
    )
    solo.say(1, { type: 'files-answer', id: question!.id, records, more: false })
    expect(solo.notices('records').map(({ records: found }) => found)).toEqual([[records[0]]])
    const [end] = solo.notices('records-end')
    expect(end).toMatchObject({ command, total: 1, traffic: { messages: 4 } })
  })
})

describe('values', () => {
  const value = (publisher: number, sequence = 1, under = key(1)) =>
    record('value', under, { publisher: testContact(publisher), sequence })
  const asked = (solo: Solo) => solo.effects.log.flatMap(effect => (effect.type === 'ask' ? [effect] : []))

  it('that come by a link from their writer are believed; of others the world is asked', () => {
    const solo = new Solo()
    solo.say(1, { type: 'put-value', id: 1, record: value(1) })
    expect(solo.sent(1, 'value-put')[0]!.record).toEqual(value(1))
    solo.say(1, { type: 'put-value', id: 2, record: value(2, 1, key(2)) })
    const [question] = asked(solo)
    expect(question!.question).toMatchObject({ type: 'verify' })
    solo.give({ type: 'answer', id: question!.id, answer: { type: 'verified', good: [false] } })
    expect(solo.sent(1, 'value-put')[1]).toEqual({ type: 'value-put', id: 2 })
  })

  it.each([
    [0, 2],
    [1, 1]
  ])('of two under a key the one is kept that the validator prefers (%i)', (index, kept) => {
    const solo = new Solo()
    solo.say(1, { type: 'put-value', id: 1, record: value(1, 1) })
    solo.say(1, { type: 'put-value', id: 2, record: value(1, 2) })
    solo.give({ type: 'answer', id: asked(solo)[0]!.id, answer: { type: 'selected', index } })
    solo.say(3, { type: 'get-value', id: 3, key: key(1), purpose: 'user' })
    expect(solo.sent(3, 'value-found')[0]!.record!.sequence).toBe(kept)
  })

  it('that are over are refused', () => {
    const solo = new Solo()
    solo.say(1, { type: 'put-value', id: 1, record: { ...value(1), expiresMs: WALL_MS - 1 } })
    expect(solo.sent(1, 'value-put')[0]!.record).toBeUndefined()
  })

  it('VALUES_WAITING_PER_PEER_MAX of one peer wait, VALUES_WAITING_MAX of all, and not one more', () => {
    const solo = new Solo()
    const put = (from: number, number: number) =>
      solo.say(from, { type: 'put-value', id: number, record: value(99, 1, key(number)) })
    for (let number = 0; number < VALUES_WAITING_PER_PEER_MAX; number += 1) put(1, number)
    expect(solo.sent(1, 'value-put')).toEqual([])
    put(1, 1000)
    expect(solo.sent(1, 'value-put')).toEqual([{ type: 'value-put', id: 1000 }])
    for (let from = 2; from <= VALUES_WAITING_MAX / VALUES_WAITING_PER_PEER_MAX; from += 1)
      for (let number = 0; number < VALUES_WAITING_PER_PEER_MAX; number += 1) put(from, 1000 * from + number)
    expect(solo.machine.snapshot().counters.valuesWaiting).toBe(VALUES_WAITING_MAX)
    put(50, 1)
    expect(solo.sent(50, 'value-put')).toEqual([{ type: 'value-put', id: 1 }])
  })

  it('are read from all that have one, the best is told, and whoever has another one is given it', () => {
    const solo = new Solo()
    solo.adopt(1, 2, 3)
    const command = solo.command({ type: 'read-value', key: key(1), quorum: 0 })
    const answer = (from: number, kept?: StoredRecord) => {
      const { id } = solo.sent(from, 'get-value')[0]!
      solo.say(from, { type: 'value-found', id, closer: [], ...(kept && { record: kept }) })
    }
    answer(1, value(9, 1))
    answer(2, value(9, 2))
    answer(3)
    solo.give({ type: 'answer', id: asked(solo)[0]!.id, answer: { type: 'verified', good: [true, true] } })
    const select = asked(solo)[1]!
    expect(select.question).toMatchObject({ type: 'select' })
    solo.give({ type: 'answer', id: select.id, answer: { type: 'selected', index: 1 } })
    expect(solo.notices('value-read')).toEqual([
      { type: 'value-read', command, holders: 1, record: value(9, 2) }
    ])
    expect([1, 2, 3].map(number => solo.sent(number, 'put-value').length)).toEqual([1, 0, 1])
  })
})

describe('commands', () => {
  it('KAD_LOOKUPS_MAX are looked up at a time, and one more is busy', () => {
    const solo = new Solo()
    solo.adopt(1)
    for (let number = 0; number < KAD_LOOKUPS_MAX; number += 1)
      solo.command({ type: 'lookup', key: key(number) })
    expect(solo.notices('lookup-failed')).toEqual([])
    const command = solo.command({ type: 'lookup', key: key(999) })
    expect(solo.notices('lookup-failed')).toMatchObject([{ command, reason: 'busy' }])
  })

  it('PUBLISHES_MAX and READS_MAX are under way at a time, and one more is busy', () => {
    const solo = new Solo()
    solo.adopt(1)
    for (let number = 0; number < PUBLISHES_MAX; number += 1)
      solo.command({ type: 'publish', records: [record('provider', key(number))] })
    expect(solo.notices('published')).toEqual([])
    solo.command({ type: 'publish', records: [record('provider', key(9999))] })
    expect(solo.notices('published')[0]!.outcomes).toEqual(['busy'])
    const reads = Array.from({ length: READS_MAX }, (_, number) =>
      solo.command({ type: 'read-value', key: key(number), quorum: 0 })
    )
    // Of those some found no place for their lookup: they are over.
    const over = solo.notices('value-read').length
    expect(over).toBe(PUBLISHES_MAX)
    expect(reads).toHaveLength(READS_MAX)
  })

  it('that nobody waits for any more say nothing', () => {
    const solo = new Solo()
    solo.adopt(1)
    const command = solo.command({ type: 'fetch', kind: 'provider', key: key(1), limit: 5 })
    solo.command({ type: 'give-up', command })
    solo.answerLookups(1)
    expect(solo.notices('records-end')).toEqual([])
    expect(solo.machine.snapshot().counters.reads).toBe(0)
  })

  it('of a peer that knows nobody fail as not ready', () => {
    const solo = new Solo()
    solo.command({ type: 'lookup', key: key(1) })
    expect(solo.notices('lookup-failed')[0]!.reason).toBe('not-ready')
  })
})

describe('in a network of 200', () => {
  const network = new KademliaNetwork({ seed: 'records' })
  const nodes = network.startIdeal(200)
  const { simulation } = network
  const told = <const Type extends KademliaNotice['type']>(
    node: NodeIndex,
    command: Parameters<typeof simulation.command>[1],
    type: Type
  ) => {
    const notices: Extract<KademliaNotice, { type: Type }>[] = []
    network.notices.push((from, notice) => {
      if (from === node && notice.type === type) notices.push(notice as never)
    })
    simulation.command(node, command)
    simulation.runFor(20_000_000)
    network.notices.pop()
    return notices
  }
  const expiresMs = WALL_START_MS + 2 * DAY_MS

  it(`a provider is found by anybody, at the ${KADEMLIA_SETTINGS.k} nearest`, () => {
    const [provider, asker] = [nodes[3]!, nodes[150]!]
    const [published] = told(
      provider,
      { type: 'publish', records: [record('provider', key(7), { expiresMs })] },
      'published'
    )
    expect(published).toMatchObject({ outcomes: ['kept'], copies: [20] })
    const keepers = nodes.filter(node => network.tablesOf(node).records > 0)
    expect(new Set(keepers)).toEqual(new Set(network.nearest(key(7), 20)))
    const found = told(asker, { type: 'fetch', kind: 'provider', key: key(7), limit: 10 }, 'records')
    expect(
      found.flatMap(({ records }) => records.map(({ publisher }) => simulation.nodeOf(publisher)))
    ).toEqual([provider])
  })

  it('a file is found by its words through those who provide them', () => {
    const [moby, dick] = [keyOfWord('moby'), keyOfWord('dick')]
    const records = (node: NodeIndex, ...words: Key[]) =>
      words.map(word =>
        record('word', word, { publisher: simulation.contactOf(node), subject: key(node), expiresMs })
      )
    told(nodes[5]!, { type: 'publish', records: records(nodes[5]!, moby, dick) }, 'published')
    told(nodes[6]!, { type: 'publish', records: records(nodes[6]!, moby) }, 'published')
    const found = told(nodes[90]!, { type: 'fetch-rarest', keys: [moby, dick], limit: 10 }, 'records')
    expect(found.flatMap(notice => notice.records.map(({ subject }) => subject))).toEqual([key(nodes[5]!)])
  })

  it('a value outlives the half of its holders, and the newer one is read', () => {
    const put = (node: NodeIndex, sequence: number) =>
      told(
        node,
        {
          type: 'publish',
          records: [
            record('value', key(8), {
              publisher: simulation.contactOf(node),
              sequence,
              expiresMs
            })
          ]
        },
        'published'
      )
    expect(put(nodes[10]!, 1)).toMatchObject([{ outcomes: ['kept'], copies: [20] }])
    expect(put(nodes[11]!, 2)).toMatchObject([{ outcomes: ['kept'] }])
    for (const node of network.nearest(key(8), 10)) simulation.crash(node)
    const asker = simulation.aliveNodes()[100]!
    const [read] = told(asker, { type: 'read-value', key: key(8), quorum: 0 }, 'value-read')
    expect(read).toMatchObject({ record: { sequence: 2 } })
  })
})
