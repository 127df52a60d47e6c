/** Messages of questions, counted at each peer by what names them on the wire. */
import type { TraceStep } from '@servent/libp2p-host'
import { type MachineTypes, PeerInterner } from '@servent/overlay'
import { describe, expect, it } from 'vitest'
import { QUESTION_NAMES_MAX, QuestionTally } from '../src/question-tally.ts'

const peers = new PeerInterner(() => ({ id: new Uint8Array([0, 1, 1]), addresses: [] }))
const KEY = new Uint8Array(32).fill(0xab)
const NAME = 'ab'.repeat(32)
const ORIGIN = new Uint8Array([0, 1, 2])

const tallyOf = (overlay: string) => QuestionTally.of(overlay, 'me', () => 10)!

/** A step in which a machine sent these messages over link 1, for what came to it. */
const step = (sent: readonly object[], input: object = { type: 'timer', timer: 1 }) =>
  ({
    atMs: 0,
    input,
    peers,
    effects: sent.map(message => ({ type: 'send', link: 1, message, priority: 0 }))
  }) as unknown as TraceStep<MachineTypes>

const came = (message: object) => ({ type: 'message', link: 1, message })
const lookup = (purpose: string) => ({ type: 'lookup', id: 7, origin: { id: ORIGIN }, key: KEY, purpose })

describe('of a ring', () => {
  it('a lookup of a user, its acknowledgements and its answer are under its key at each peer', () => {
    const forwarder = tallyOf('chord')
    forwarder.see(step([{ type: 'hop-ack', origin: ORIGIN, id: 7 }, lookup('user')], came(lookup('user'))))
    forwarder.see(
      step([{ type: 'found', origin: ORIGIN, id: 7 }], came({ type: 'found', origin: ORIGIN, id: 7 }))
    )
    expect(forwarder.read()).toEqual({ [NAME]: [3, 30] })
  })

  it('lookups for tables, and what is no lookup, are nobody’s question', () => {
    const tally = tallyOf('pastry')
    tally.see(step([lookup('table'), { type: 'hop-ack', origin: ORIGIN, id: 7 }, { type: 'ping' }]))
    expect(tally.read()).toEqual({})
  })

  it('steps that are asked for one by one are answered on their link', () => {
    const asked = tallyOf('chord')
    const request = { type: 'next-hops-request', id: 3, key: KEY, purpose: 'user' }
    asked.see(step([{ type: 'next-hops-answer', id: 3 }], came(request)))
    asked.see(step([{ type: 'next-hops-answer', id: 4 }]))
    expect(asked.read()).toEqual({ [NAME]: [1, 10] })
  })
})

it('a flood is under its id: who asked knows it, and how far its first hit came', () => {
  const tally = tallyOf('gnutella')
  const question = tally.begin()
  const command = { type: 'command', id: 5, command: { type: 'search' } }
  tally.see(
    step(
      [
        { type: 'query', guid: 'q' },
        { type: 'query', guid: 'q' }
      ],
      command
    )
  )
  tally.see(step([{ type: 'ping', guid: 'p' }]))
  const found = { type: 'notify', notice: { type: 'found', search: 5, hops: 2 } }
  tally.see({ ...step([]), effects: [found, { ...found, notice: { ...found.notice, hops: 1 } }] } as never)
  expect([...question.names]).toEqual(['q'])
  expect(question.hops).toBe(2)
  expect(tally.read()).toEqual({ q: [2, 20] })
})

it('a user of Napster counts what comes, too', () => {
  const tally = tallyOf('napster')
  const question = tally.begin()
  tally.see(step([{ type: 'find', query: 1 }], { type: 'command', id: 5, command: { type: 'search' } }))
  tally.see(step([], came({ type: 'found', query: 1 })))
  tally.see(step([], came({ type: 'found-end', query: 1 })))
  expect(tally.read()[[...question.names][0]!]).toEqual([3, 30])
})

it('libp2p’s Kademlia has none', () => {
  expect(QuestionTally.of('kademlia', 'me', () => 0)).toBeUndefined()
})

it('keeps QUESTION_NAMES_MAX names, and counts the known ones on', () => {
  const tally = tallyOf('fasttrack')
  for (let id = 0; id <= QUESTION_NAMES_MAX; id += 1) tally.see(step([{ type: 'query', id: `${id}` }]))
  tally.see(step([{ type: 'results', id: '0' }]))
  const counts = tally.read()
  expect(Object.keys(counts).length).toBe(QUESTION_NAMES_MAX)
  expect(counts['0']).toEqual([2, 20])
  expect(counts[`${QUESTION_NAMES_MAX}`]).toBeUndefined()
})
