/** Reading a value where whoever is asked first names homenodes that give none: they may be made up. */
import type { StoredRecord } from '@servent/key-routing/machine'
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { expect, it } from 'vitest'
import { PREFIX_BYTES } from '../src/constants.ts'
import { enter } from '../src/intake.ts'
import type { KelipsMessage } from '../src/messages.ts'
import { readValue } from '../src/value-read.ts'
import { lifeOf, lone, NOW_MS, tupleOf } from './support/lone.ts'

/** Of the group of which the reader is none. */
const KEY = new Uint8Array(32)
const FIT = { kind: 'value', prefix: KEY.slice(0, PREFIX_BYTES) } as const
const [HOME, MADE_UP] = [2000, 3000]
const RECORD: StoredRecord = {
  kind: 'value',
  key: KEY,
  publisher: testContact(1),
  sequence: 5,
  expiresMs: NOW_MS + 3_600_000,
  subject: new Uint8Array(0),
  body: new Uint8Array(10)
}

/** Reads where each find is answered by the next of these homenodes; nothing: with silence. Of them `HOME` alone lives. */
function read(named: readonly (number | undefined)[]) {
  const { kelips, fx, notices } = lone({ groups: 2 })
  for (let number = 1; number <= 20; number += 1)
    enter(kelips, kelips.peers.intern(testContact(number)), lifeOf(number))
  expect(kelips.isMember(KEY)).toBe(false)
  const home = kelips.peers.intern(testContact(HOME))
  const asked: Peer[] = []
  kelips.calls.request = ((peer: Peer, message: KelipsMessage, _priority: number, done: Done) => {
    if (message.type === 'get' && peer === home)
      done({ answer: { type: 'page', id: message.id, records: [RECORD], total: 1 } }, fx)
    else if (message.type === 'find' && named[asked.length] !== undefined) {
      const tuples = [tupleOf(named[asked.length]!, 1, FIT)]
      asked.push(peer)
      const rest = { covers: true, hops: 0, timeouts: 0, total: 1, nearest: [] }
      done({ answer: { type: 'providers', id: message.id, tuples, ...rest } }, fx)
    } else done({ failed: 'silent' }, fx)
  }) as never
  readValue(kelips, 1, KEY, 0, fx)
  return { asked, notices: notices.filter(({ type }) => type === 'value-read') }
}

type Done = (outcome: object, fx: object) => void

it('asks another one who has it, once', () => {
  const { asked, notices } = read([MADE_UP, HOME])
  expect(new Set(asked).size).toBe(2)
  expect(notices).toMatchObject([{ holders: 1, record: { sequence: 5 } }])
})

it('has not read all where another one names none either, or is silent', () => {
  for (const named of [[MADE_UP, MADE_UP + 1, HOME], [MADE_UP]]) {
    const { asked, notices } = read(named)
    expect(asked.length).toBe(Math.min(2, named.length))
    expect(notices).toEqual([{ type: 'value-read', command: 1, holders: 0, incomplete: true }])
  }
})
