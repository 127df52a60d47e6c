/** Own searches: sent once to each neighbour, and nothing is told that was not verified. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  SEARCH_SPREAD_MS,
  SEARCHES_MAX,
  VERIFIES_MAX,
  VERIFIES_WAITING_MAX,
  VERIFIES_WAITING_PER_LINK_MAX
} from '../src/constants.ts'
import type { QueryMessage } from '../src/messages.ts'
import { hit, MODERN, query, result, Servent } from './servent.ts'

const queryOf = (servent: Servent, link: number) =>
  servent.sent(link).find((message): message is QueryMessage => message.type === 'query')!

describe('a search', () => {
  it('says what it wants, and whether its peer can be dialled', () => {
    const servent = new Servent({ ttl: 4 })
    const link = servent.neighbour(1)
    servent.command({ type: 'search', text: 'kind of blue', urns: ['urn:cid:x'] })
    expect(queryOf(servent, link)).toMatchObject({
      ttl: 4,
      hops: 0,
      flags: 0x8000,
      text: 'kind of blue',
      urns: ['urn:cid:x']
    })
    servent.take()
    servent.command({ type: 'sharing', files: -1, kibibytes: Number.NaN, firewalled: true })
    servent.search('blue')
    expect(queryOf(servent, link).flags).toBe(0xc000)
  })

  it('does not come back to its own servent as a stranger', () => {
    const servent = new Servent()
    const link = servent.neighbour(1)
    servent.search('blue')
    const own = queryOf(servent, link)
    servent.take()
    servent.from(link, { ...own, ttl: 5, hops: 2 })
    expect(servent.take()).toEqual([])
    expect(servent.counter('queriesDuplicate')).toBe(1)
  })

  it('goes to a neighbour that comes up within SEARCH_SPREAD_MS, once, with the same id', () => {
    const servent = new Servent()
    const id = servent.search('blue')
    const greeted = (peer: number) => {
      servent.take()
      const link = servent.link(peer)
      servent.from(
        link,
        { type: 'connect', headers: MODERN },
        { type: 'status', status: 200, reason: '', headers: {} }
      )
      const guids = servent.sent(link).flatMap(message => (message.type === 'query' ? [message.guid] : []))
      return { link, guids }
    }
    const first = greeted(1)
    expect(first.guids).toHaveLength(1)
    servent.down(first.link)
    expect(greeted(1).guids).toEqual([])
    servent.effects.advance(SEARCH_SPREAD_MS - 1)
    expect(greeted(2).guids).toEqual(first.guids)
    servent.effects.advance(1)
    expect(greeted(3).guids).toEqual([])
    servent.command({ type: 'end-search', search: id })
    expect(servent.machine.snapshot().searches).toBe(0)
  })

  it('is one of SEARCHES_MAX', () => {
    const servent = new Servent()
    const ids = Array.from({ length: SEARCHES_MAX }, () => servent.search('blue'))
    expect(servent.effects.notices()).toEqual([])
    const refused = servent.search('blue')
    expect(servent.effects.notices()).toMatchObject([{ type: 'search-refused', search: refused }])
    servent.command({ type: 'end-search', search: ids[0]! })
    servent.take()
    servent.search('blue')
    expect(servent.effects.notices()).toEqual([])
  })

  it('for nothing is refused', () => {
    const servent = new Servent()
    const id = servent.search(' ')
    expect(servent.effects.notices()).toMatchObject([{ type: 'search-refused', search: id }])
  })
})

describe('a hit of an own search', () => {
  function searching() {
    const servent = new Servent()
    const link = servent.neighbour(1)
    const id = servent.search('blue')
    const { guid } = queryOf(servent, link)
    servent.take()
    return { servent, link, id, guid }
  }
  const found = (servent: Servent) => servent.effects.notices().filter(({ type }) => type === 'found')
  const file = { index: 1, record: { name: 'blue.txt' } as never }

  it('is verified before it is told, with the links to who has it', () => {
    const { servent, link, id, guid } = searching()
    servent.from(link, hit(guid, { hops: 2, results: [result(), result({ index: 2 })] }))
    expect(servent.effects.notices()).toMatchObject([{ type: 'search-traffic', search: id, copies: 1 }])
    const [asked] = servent.asked()
    expect(asked!.question).toMatchObject({
      type: 'verify',
      search: id,
      claim: { contact: testContact(900) }
    })
    servent.answer(asked!.id, { type: 'verify', files: [file] })
    expect(found(servent)).toMatchObject([{ search: id, hops: 3, servent: 'ab'.repeat(16), files: [file] }])
    expect(servent.counter('resultsRefused')).toBe(1)
  })

  it('is not told where it is not sound, cannot be verified, or is of a search that has ended', () => {
    const { servent, link, id, guid } = searching()
    for (const answer of [
      { type: 'verify', files: [] },
      { type: 'match', results: [] }
    ] as const) {
      servent.from(link, hit(guid))
      servent.answer(servent.asked()[0]!.id, answer)
    }
    servent.from(link, hit(guid))
    servent.handle({ type: 'answer', id: servent.asked()[0]!.id, error: 'no' })
    servent.from(link, hit(guid))
    const [late] = servent.asked()
    servent.command({ type: 'end-search', search: id })
    servent.answer(late!.id, { type: 'verify', files: [file] })
    servent.from(link, hit(guid))
    expect(servent.asked()).toEqual([])
    expect(found(servent)).toEqual([])
    expect(servent.counter('hitsWithoutQuery')).toBe(1)
  })

  it('without our contact or records is of no use', () => {
    const { servent, link, guid } = searching()
    const { contact: _, ...foreign } = hit(guid)
    const { record: __, ...bare } = result()
    servent.from(link, foreign, hit(guid, { results: [bare] }), hit(guid, { results: [] }))
    expect(servent.asked()).toEqual([])
    expect(servent.counter('resultsRefused')).toBe(1)
  })

  it('is verified VERIFIES_MAX at a time; the rest waits, so much of one link and so much in all', () => {
    const servent = new Servent({ neighbours: 64 })
    const links = [1, 2, 3, 4, 5, 6].map(peer => servent.neighbour(peer))
    servent.search('blue')
    const { guid } = queryOf(servent, links[0]!)
    servent.take()
    for (let count = 0; count < VERIFIES_MAX + VERIFIES_WAITING_PER_LINK_MAX; count += 1)
      servent.from(links[0]!, hit(guid))
    expect(servent.counter('hitsNotVerified')).toBe(0)
    expect(servent.asked()).toHaveLength(VERIFIES_MAX)
    servent.from(links[0]!, hit(guid))
    expect(servent.counter('hitsNotVerified')).toBe(1)
    // One query brings HITS_PER_QUERY_MAX hits at most, so a second search fills what is left.
    servent.search('green')
    const second = servent.sent(links[1]!).findLast(({ type }) => type === 'query') as QueryMessage
    let waiting = VERIFIES_WAITING_PER_LINK_MAX
    for (const link of links.slice(1)) {
      for (
        let count = 0;
        count < VERIFIES_WAITING_PER_LINK_MAX && waiting < VERIFIES_WAITING_MAX;
        count += 1
      ) {
        servent.from(link, hit(second.guid))
        waiting += 1
      }
    }
    expect(servent.counter('hitsNotVerified')).toBe(1)
    servent.from(links[5]!, hit(second.guid))
    expect(servent.counter('hitsNotVerified')).toBe(2)
  })

  it('of a query that nobody searched with by now is passed over', () => {
    const { servent, link } = searching()
    const asked = query()
    servent.from(link, asked)
    servent.take()
    servent.from(link, hit(asked.guid))
    expect(servent.take()).toEqual([])
  })
})
