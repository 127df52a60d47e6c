/** A running search: what it tells, once, until it is over. */
import { ContentId, type FileRecord } from '@servent/overlay'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { GnutellaSearch, type GnutellaSearchInit } from '../src/service-search.ts'
import type { GnutellaNotice } from '../src/types.ts'
import { query } from './servent.ts'

const record = (fill: number, provider = 'a') =>
  ({ id: ContentId.fromRoot(new Uint8Array(32).fill(fill), 1), provider, name: `${fill}` }) as FileRecord

const found = (...records: FileRecord[]): GnutellaNotice => ({
  type: 'found',
  search: 1,
  hops: 2,
  contact: testContact(1),
  servent: 'ab'.repeat(16),
  files: records.map((record, index) => ({ index, record }))
})

function begin(init: Partial<GnutellaSearchInit> = {}) {
  let nowMs = 100
  const search = new GnutellaSearch({
    wants: () => true,
    limit: 10,
    nowMs: () => nowMs,
    traffic: undefined,
    ...init
  })
  nowMs = 130
  return search
}

describe('a running search', () => {
  it('tells of one file of one provider once, with the time that it took', async () => {
    const search = begin()
    search.take(found(record(1), record(1), record(2)))
    search.take(found(record(2), record(2, 'b')))
    search.end()
    const told = [await search.next(), await search.next(), await search.next(), await search.next()]
    expect(
      told.map(one => one && `${one.record.name} of ${one.record.provider} in ${one.elapsedMs} ms`)
    ).toEqual(['1 of a in 30 ms', '2 of a in 30 ms', '2 of b in 30 ms', undefined])
  })

  it('is over at its limit, and what comes later is not wanted', async () => {
    const search = begin({ limit: 2 })
    search.take(found(record(1), record(2), record(3)))
    expect(search.wants(record(4))).toBe(false)
    search.take(found(record(4)))
    expect([await search.next(), await search.next(), await search.next()]).toMatchObject([
      { record: { name: '1' } },
      { record: { name: '2' } },
      undefined
    ])
  })

  it('waits for what comes', async () => {
    const search = begin()
    const next = search.next()
    search.take(found())
    search.take(found(record(1)))
    expect((await next)?.record.name).toBe('1')
    const last = search.next()
    search.take({ type: 'search-refused', search: 1, reason: 'too many' })
    expect(await last).toBeUndefined()
    expect(() => search.check()).toThrow(
      expect.objectContaining({ name: 'SearchRefusedError', message: 'too many' })
    )
  })

  it('counts its messages and bytes where somebody wants to know', () => {
    const traffic = { messages: 0, bytes: 0 }
    const message = query()
    const notice: GnutellaNotice = { type: 'search-traffic', search: 1, message, copies: 3 }
    begin({ traffic }).take(notice)
    expect(traffic).toEqual({ messages: 3, bytes: 3 * (23 + message.payload!.length) })
    begin().take(notice)
    begin().take({ type: 'push-sent', push: 1 })
  })
})
