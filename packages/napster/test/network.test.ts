/** Servers and users in virtual time. */
import { describe, expect, it } from 'vitest'
import { MESH_DEADLINE_MS } from '../src/constants.ts'
import { SmallNetwork } from './small-network.ts'

describe('one server', () => {
  it('lets two users find, browse and ask for each other', () => {
    const network = new SmallNetwork()
    const server = network.server(1, { motd: ['Welcome.', '', 'Be nice.'] })
    const [miles, trane] = [network.add(2, { nick: 'miles' }), network.add(3, { nick: 'trane' })]
    for (const user of [miles, trane]) user.knows(1)
    miles.share('So What.mp3', 'Blue in Green.mp3')
    network.run(2_000)
    expect(miles.tables).toMatchObject({
      nick: 'miles',
      server: server.peerId,
      motd: ['Welcome.', '', 'Be nice.'],
      announced: { files: 2, of: 2 }
    })
    expect(server.tables).toMatchObject({ users: 3, files: 2, bytes: 2_000 })

    const search = trane.search('blue green')
    network.run(1_000)
    expect(trane.found(search)).toEqual(['Blue in Green.mp3 of 2'])
    expect(trane.ended(search)).toEqual({ unanswered: [], reason: '' })
    // Nobody looks for what is their own.
    const own = miles.search('blue')
    network.run(1_000)
    expect(miles.found(own)).toEqual([])

    const whois = trane.command({ type: 'whois', nick: 'MILES' })
    const browse = trane.command({ type: 'browse', user: 'miles', after: '' })
    network.run(1_000)
    expect(trane.notices).toContainEqual({
      type: 'whois',
      whois,
      reply: expect.objectContaining({ nick: 'miles', online: true, shared: 2, client: 'Servent' })
    })
    expect(trane.found(browse)).toEqual(['So What.mp3 of 2', 'Blue in Green.mp3 of 2'])
    expect(trane.notices).toContainEqual({ type: 'browsed', browse, next: '', reason: '' })
  })

  it('serves its own user as it does others', () => {
    const network = new SmallNetwork()
    const server = network.server(1)
    server.share('Naima.mp3')
    const user = network.add(2).knows(1)
    user.share('Giant Steps.mp3')
    network.run(2_000)
    const [theirs, ours] = [user.search('naima'), server.search('giant')]
    network.run(1_000)
    expect(user.found(theirs)).toEqual(['Naima.mp3 of 1'])
    expect(server.found(ours)).toEqual(['Giant Steps.mp3 of 2'])
  })

  it('forgets what a user shared when they are gone, and has it again when they come back', () => {
    const network = new SmallNetwork()
    const server = network.server(1)
    const [seeker, sharer] = [network.add(2).knows(1), network.add(3).knows(1)]
    sharer.share('song one.mp3')
    network.run(2_000)
    network.kill(sharer)
    network.run(1_000)
    expect(server.tables).toMatchObject({ users: 2, files: 0, bytes: 0 })
    const none = seeker.search('song')
    network.run(1_000)
    expect(seeker.found(none)).toEqual([])
    expect(server.index.totals()).toMatchObject({ files: 0 })
  })

  it('follows changes of a catalogue', () => {
    const network = new SmallNetwork()
    network.server(1)
    const [seeker, sharer] = [network.add(2).knows(1), network.add(3).knows(1)]
    sharer.share('song one.mp3', 'song two.mp3')
    network.run(2_000)
    sharer.unshare('song one.mp3')
    sharer.share('song three.mp3')
    network.run(2_000)
    const search = seeker.search('song')
    network.run(1_000)
    expect(seeker.found(search).sort()).toEqual(['song three.mp3 of 3', 'song two.mp3 of 3'])
    expect(sharer.tables.announced).toEqual({ files: 2, of: 2 })
  })
})

describe('three servers', () => {
  const mesh = () => {
    const network = new SmallNetwork()
    const servers = [network.server(1), network.server(2), network.server(3)]
    for (const server of servers) server.knows(1, 2, 3)
    network.run(10_000)
    return { network, servers }
  }

  it('link with each other, and hand a query on to nobody who has it', () => {
    const { network, servers } = mesh()
    for (const { tables } of servers)
      expect(tables.neighbours.map(({ role }) => role)).toEqual(['mesh', 'mesh'])
    const seeker = network.add(10).knows(1)
    network.add(20).knows(2).share('song.mp3')
    network.add(30).knows(3).share('song.mp3')
    network.run(3_000)
    network.sent.length = 0
    const search = seeker.search('song')
    network.run(1_000)
    expect(seeker.found(search).sort()).toEqual(['song.mp3 of 20', 'song.mp3 of 30'])
    expect(seeker.ended(search)).toEqual({ unanswered: [], reason: '' })
    const queries = network.sent.filter(({ message }) => message.type === 'mesh-find')
    expect(queries.map(({ from, to }) => [from, to])).toEqual([
      [1, 2],
      [1, 3]
    ])
  })

  it('say which of them did not answer, within the deadline', () => {
    const { network, servers } = mesh()
    const seeker = network.add(10).knows(1)
    network.add(30).knows(3).share('song.mp3')
    network.run(3_000)
    servers[1]!.silent = true
    const search = seeker.search('song')
    network.run(MESH_DEADLINE_MS - 100)
    expect(seeker.found(search)).toEqual(['song.mp3 of 30'])
    expect(seeker.ended(search)).toBeUndefined()
    network.run(300)
    expect(seeker.ended(search)).toEqual({ unanswered: [2], reason: '' })
    network.kill(servers[1]!)
    network.run(1_000)
    const again = seeker.search('song')
    network.run(500)
    expect(seeker.ended(again)).toEqual({ unanswered: [2], reason: '' })
  })

  it('in a line reach each other over the one between', () => {
    const network = new SmallNetwork()
    const [a, b, c] = [network.server(1), network.server(2), network.server(3)]
    a.knows(2)
    c.knows(2)
    network.run(200)
    // Before they have heard of each other.
    expect(b.tables.neighbours).toHaveLength(2)
    const seeker = network.add(10).knows(1)
    const sharer = network.add(30).knows(3)
    sharer.share('song.mp3')
    network.run(1_000)
    expect(a.tables.neighbours.filter(({ role }) => role === 'mesh')).toHaveLength(1)
    const search = seeker.search('song')
    network.run(1_000)
    expect(seeker.found(search)).toEqual(['song.mp3 of 30'])
  })

  it('take the users of a lost one, who announce again', () => {
    const { network, servers } = mesh()
    const users = Array.from({ length: 12 }, (_, at) => {
      const user = network.add(100 + at).knows(1)
      user.share(`song of ${at}.mp3`)
      return user
    })
    const seeker = network.add(10).knows(2)
    network.run(5_000)
    expect(users.every(user => user.server === 1)).toBe(true)
    network.kill(servers[0]!)
    network.run(20_000)
    for (const user of users) expect([2, 3]).toContain(user.server)
    const search = seeker.search('song')
    network.run(1_000)
    expect(seeker.found(search)).toHaveLength(12)
    expect(users.every(user => user.tables.announced.files === 1)).toBe(true)
  })

  it('hand on pings and calls between their users', () => {
    const { network } = mesh()
    const [one, two] = [network.add(10).knows(1), network.add(20).knows(2)]
    network.run(3_000)
    const to = two.peers.contact(0).id
    const ping = one.command({ type: 'ping', peers: [to] })
    const nonce = new Uint8Array(16).fill(7)
    const call = one.command({ type: 'call', to, index: 5, nonce })
    network.run(1_000)
    expect(one.notices).toContainEqual({ type: 'pinged', ping, peerId: two.peerId, rttMs: 120 })
    expect(one.notices).toContainEqual({ type: 'call-sent', call })
    const asked = two.notices.find(notice => notice.type === 'call-asked')
    expect(asked).toMatchObject({ index: 5, nonce, via: network.nodes.get(2)!.peerId })
    expect(asked?.type === 'call-asked' && network.numberOfContact(asked.contact.id)).toBe(10)
  })
})
