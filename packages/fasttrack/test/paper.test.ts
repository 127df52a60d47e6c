/** What was published of FastTrack, number by number: giFT-FastTrack's PROTOCOL 1.19 ("giFT"), Liang, Kumar and Ross ("Liang"). */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  HOPS_MAX,
  INDIRECT_END_RESULTS,
  INDIRECT_NODES_MAX,
  INDIRECT_NODES_MIN,
  ORDINARIES_PER_SUPERNODE,
  PEERINGS_MAX,
  PEERINGS_SOUGHT,
  PROBES,
  SEARCH_RESULTS_MAX,
  SUPERNODES_MAX,
  SUPERNODES_PER_MESSAGE_MAX,
  SUPERNODES_REFRESH_MS,
  USER_SILENT_MS
} from '../src/constants.ts'
import type { QueryMessage, SupernodesMessage } from '../src/messages.ts'
import { COMPARE_NUMBERS, TAG_NUMBERS } from '../src/tags.ts'
import { hello, query, result, TestPeer, welcome } from './peer.ts'

const supernodes = (from: number, count: number): SupernodesMessage => ({
  type: 'supernodes',
  entries: Array.from({ length: count }, (_, place) => ({
    contact: testContact(from + place),
    users: 1,
    seenS: 5
  })),
  heirs: []
})

/** A supernode with so many others linked. */
function supernode(peers: number): { peer: TestPeer; links: number[] } {
  const peer = new TestPeer({ role: 'supernode' })
  const links = Array.from({ length: peers }, (_, place) => peer.bond(500 + place, 'peering'))
  return { peer, links }
}

const queriesIn = (peer: TestPeer) =>
  peer.effects.log.flatMap(effect =>
    effect.type === 'send' && effect.message.type === 'query'
      ? [{ link: effect.link, message: effect.message as QueryMessage }]
      : []
  )

describe('giFT, tags and comparisons', () => {
  it('have their published numbers', () => {
    expect(Object.fromEntries(TAG_NUMBERS)).toEqual({
      year: 0x01,
      filename: 0x02,
      hash: 0x03,
      title: 0x04,
      seconds: 0x05,
      artist: 0x06,
      album: 0x08,
      language: 0x0a,
      keywords: 0x0c,
      resolution: 0x0d,
      genre: 0x0e,
      bitrate: 0x15,
      codec: 0x1c,
      rating: 0x1d,
      size: 0x21
    })
    expect(Object.fromEntries(COMPARE_NUMBERS)).toEqual({
      equal: 0x00,
      'at-most': 0x02,
      near: 0x03,
      'at-least': 0x04,
      substring: 0x05
    })
  })
})

describe('giFT, packet 00: the list of supernodes', () => {
  it('holds 200, told at connect and every two hours', () => {
    expect(SUPERNODES_MAX).toBe(200)
    expect(SUPERNODES_REFRESH_MS).toBe(7_200_000)
    const peer = new TestPeer({ role: 'supernode' })
    // No one who tells fills the list, so several have to.
    for (let teller = 0; teller < 5; teller += 1) {
      const link = peer.link(500 + teller)
      peer.from(link, hello('peering'))
      peer.answerLast('dial-back', { type: 'dialled', isReachable: true })
      for (let from = 0; from < 60; from += SUPERNODES_PER_MESSAGE_MAX)
        peer.from(link, supernodes(1000 + teller * 100 + from, Math.min(25, 60 - from)))
    }
    expect(peer.machine.snapshot().knownSupernodes).toBe(200)
    peer.take()
    const user = peer.link(1)
    peer.from(user, hello('session'))
    const told = () =>
      peer.sent(user).flatMap(message => (message.type === 'supernodes' ? message.entries : []))
    // Those that it failed to reach meanwhile are left out.
    expect(told()).toHaveLength(200)
    peer.take()
    for (let silent = 0; silent < SUPERNODES_REFRESH_MS + 10_000; silent += USER_SILENT_MS / 2) {
      peer.pass(USER_SILENT_MS / 2)
      peer.from(user, { type: 'ping' })
    }
    expect(peer.sent(user).some(({ type }) => type === 'supernodes')).toBe(true)
  })
})

describe('giFT, the signed configuration', () => {
  it('has SearchResultsMax 200, SearchIndirectNodesMin 6 and Max 10, SearchIndirectEndResults 10', () => {
    expect(SEARCH_RESULTS_MAX).toBe(200)
    expect(INDIRECT_NODES_MIN).toBe(6)
    expect(INDIRECT_NODES_MAX).toBe(10)
    expect(INDIRECT_END_RESULTS).toBe(10)
  })

  it('a query is relayed to six, and to four more where they bring fewer than ten results', () => {
    const { peer } = supernode(20)
    const user = peer.bond(1, 'session')
    peer.from(user, query())
    peer.answerLast('index-search', { type: 'index-hits', hits: [], isCapped: false })
    const first = queriesIn(peer)
    expect(first).toHaveLength(6)
    expect(first.every(({ message }) => message.hops === 1 && message.ttl === 1)).toBe(true)
    peer.take()
    for (const { link, message } of first) peer.from(link, { type: 'query-end', id: message.id })
    const second = queriesIn(peer)
    expect(second).toHaveLength(4)
    expect(peer.typesTo(user)).toEqual([])
    const links = new Set([...first, ...second].map(({ link }) => link))
    expect(links.size).toBe(10)
    for (const { link, message } of second) peer.from(link, { type: 'query-end', id: message.id })
    expect(peer.typesTo(user)).toEqual(['query-end'])
    expect(queriesIn(peer)).toHaveLength(4)
  })

  it('nobody else is asked when ten results of others have come', () => {
    const { peer } = supernode(20)
    const user = peer.bond(1, 'session')
    peer.from(user, query())
    peer.answerLast('index-search', { type: 'index-hits', hits: [], isCapped: false })
    const first = queriesIn(peer)
    const [one] = first
    const results = Array.from({ length: 10 }, (_, index) => result(700 + index, index))
    peer.from(one!.link, { type: 'results', id: one!.message.id, hops: 1, results })
    peer.take()
    for (const { link, message } of first) peer.from(link, { type: 'query-end', id: message.id })
    expect(queriesIn(peer)).toEqual([])
    expect(peer.typesTo(user)).toEqual(['query-end'])
  })

  it('a search brings back 200 results and no more', () => {
    const { peer } = supernode(8)
    const user = peer.bond(1, 'session')
    peer.from(user, query({ wanted: { ...query().wanted, limit: 1000 } }))
    peer.answerLast('index-search', { type: 'index-hits', hits: [], isCapped: false })
    const first = queriesIn(peer)
    const { id } = first[0]!.message
    peer.take()
    for (const [place, { link }] of first.entries()) {
      const results = Array.from({ length: 60 }, (_, index) => result(700 + 100 * place + index, index))
      peer.from(link, { type: 'results', id, hops: 1, results })
    }
    const got = peer.sent(user).flatMap(message => (message.type === 'results' ? message.results : []))
    expect(got).toHaveLength(SEARCH_RESULTS_MAX)
    expect(peer.typesTo(user).at(-1)).toBe('query-end')
  })

  it('a packet that has gone over more than six links is dropped', () => {
    expect(HOPS_MAX).toBe(6)
    const { peer, links } = supernode(3)
    peer.from(links[0]!, query({ hops: 6, ttl: 3 }))
    peer.answerLast('index-search', { type: 'index-hits', hits: [], isCapped: false })
    expect(queriesIn(peer)).toEqual([])
  })
})

describe('giFT, packet 0A and "search more"', () => {
  it('supernodes do not hold their neighbours’ indexes: on disconnect what a user shared is dropped', () => {
    const { peer } = supernode(1)
    const user = peer.bond(1, 'session')
    peer.down(user, 'reset')
    expect(peer.asked().map(({ question }) => question)).toEqual([
      { type: 'index-remove-owner', owner: peer.nameOf(1) }
    ])
  })

  it('takes the search to another supernode', () => {
    const peer = new TestPeer({ role: 'ordinary' })
    peer.handle({ type: 'contact', peer: peer.peer(1) })
    const first = peer.link(1, false)
    peer.from(first, welcome('probe'))
    peer.from(first, supernodes(2, 1))
    const second = peer.link(2, false)
    peer.from(second, welcome('probe'))
    peer.pass(3000)
    const home = peer.sent(first).some(message => message.type === 'hello' && message.wants === 'session')
      ? first
      : second
    const spare = home === first ? second : first
    peer.from(home, welcome('session'))
    peer.from(spare, welcome('spare'))
    const search = peer.command({ type: 'search', wanted: query().wanted })
    const asked = peer.sent(home).find(({ type }) => type === 'query') as QueryMessage
    peer.from(home, { type: 'query-end', id: asked.id })
    expect(peer.effects.notices().at(-1)).toEqual({ type: 'searched', search, isMore: true })
    peer.take()
    peer.command({ type: 'more', search })
    expect(peer.sent(spare)).toMatchObject([{ type: 'hello', wants: 'session' }])
    peer.from(spare, welcome('session'))
    expect(peer.typesTo(spare)).toContain('query')
    expect(peer.typesTo(home)).not.toContain('query')
  })
})

describe('Liang', () => {
  it('ordinary nodes to one supernode: 100', () => {
    expect(ORDINARIES_PER_SUPERNODE).toBe(100)
  })

  it('a comer probes five supernodes, and takes the one with the least load and round trip', () => {
    expect(PROBES).toBe(5)
    const peer = new TestPeer({ role: 'ordinary' })
    peer.handle({ type: 'contact', peer: peer.peer(1) })
    const first = peer.link(1, false)
    peer.take()
    peer.from(first, supernodes(2, 20))
    const opened = peer.opened()
    peer.from(first, welcome('probe', { users: 149 }))
    expect(opened).toHaveLength(4)
    const links = opened.map(handle => peer.linkOf(handle))
    peer.effects.advance(100)
    for (const [place, link] of links.entries()) peer.from(link, welcome('probe', { users: 10 * place }))
    const wants = peer.effects.log.flatMap(effect =>
      effect.type === 'send' && effect.message.type === 'hello' && effect.message.wants !== 'probe'
        ? [[effect.link, effect.message.wants]]
        : []
    )
    expect(wants).toEqual([
      [links[0], 'session'],
      [links[1], 'spare']
    ])
    expect(peer.closed().sort()).toEqual([first, links[2], links[3]].sort())
  })

  it('supernodes have 40 to 60 links with others', () => {
    expect([PEERINGS_SOUGHT, PEERINGS_MAX]).toEqual([40, 60])
    const { peer } = supernode(60)
    expect(peer.machine.sizes().peerings).toBe(PEERINGS_MAX)
    const link = peer.link(900)
    peer.from(link, hello('peering'))
    expect(peer.sent(link).at(-1)).toMatchObject({ type: 'welcome', wants: 'peering', isAccepted: false })
    expect(peer.machine.sizes().peerings).toBe(PEERINGS_MAX)
  })
})
