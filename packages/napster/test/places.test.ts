/** From where users come and what is believed of addresses: bounds at the limit and one past, rule by rule. */
import type { Contact, LinkOrigin } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { NETWORK_ADDRESSES, USERS_MAX, USERS_PER_ADDRESS_DEFAULT } from '../src/constants.ts'
import type { NapsterMessage, RelayMessage } from '../src/messages.ts'
import { ServerState } from '../src/state.ts'
import { UserPlaces } from '../src/user-places.ts'
import { Desk, helloOf } from './desk.ts'

const ip4 = (host: string, reach: LinkOrigin['reach'] = 'public'): LinkOrigin => ({
  host,
  network: `${host.split('.').slice(0, 3).join('.')}/24`,
  isRelayed: false,
  reach
})
const ip6 = (network: string): LinkOrigin => ({ host: network, network, isRelayed: false, reach: 'public' })
const relayed = (relay: string): LinkOrigin => ({
  host: `relay ${relay}`,
  network: `relay ${relay}`,
  isRelayed: true,
  reach: 'private'
})

/** What a login from there is answered with. */
function logIn(desk: Desk, peer: number, origin?: LinkOrigin): { link: number; answer: string } {
  const link = desk.link(peer, true, origin)
  const login = {
    type: 'login',
    nick: `user${peer}`,
    password: '-',
    port: 1,
    client: 'Test',
    link: 3
  } as const
  desk.from(link, login)
  const [first] = desk.sent(link)
  return { link, answer: first?.type === 'login-error' ? first.text : (first?.type ?? 'nothing') }
}

describe('users from one place', () => {
  it('are so many from one address, and the next is told why not', () => {
    const desk = new Desk({ server: { usersPerAddressMax: 2 } })
    const [first] = [logIn(desk, 1, ip4('8.8.8.8')), logIn(desk, 2, ip4('8.8.8.8'))]
    const third = logIn(desk, 3, ip4('8.8.8.8'))
    expect(third.answer).toBe('From your address 2 users are here already, and this server takes no more.')
    expect(desk.closed()).toEqual([third.link])
    expect(desk.counter('usersRefusedByPlace')).toBe(1)
    expect(logIn(desk, 4, ip4('8.8.8.9')).answer).toBe('login-ack')
    // Who goes makes room.
    desk.down(first.link)
    desk.settle()
    expect(logIn(desk, 5, ip4('8.8.8.8')).answer).toBe('login-ack')
  })

  it('are so many from one /48, from a /24 as many as from NETWORK_ADDRESSES addresses, and over a relay', () => {
    const desk = new Desk({ server: { usersPerAddressMax: 1 } })
    expect(logIn(desk, 1, ip6('2a00:1:2/48')).answer).toBe('login-ack')
    expect(logIn(desk, 2, ip6('2a00:1:2/48')).answer).toContain('From your address 1 users')
    for (let host = 1; host <= NETWORK_ADDRESSES; host += 1) {
      expect(logIn(desk, 100 + host, ip4(`8.8.8.${host}`)).answer).toBe('login-ack')
      expect(logIn(desk, 200 + host, relayed('r')).answer).toBe('login-ack')
    }
    expect(logIn(desk, 199, ip4('8.8.8.99')).answer).toContain(`From your network ${NETWORK_ADDRESSES} users`)
    expect(logIn(desk, 299, relayed('r')).answer).toContain(`From your relay ${NETWORK_ADDRESSES} users`)
    expect(logIn(desk, 300, relayed('s')).answer).toBe('login-ack')
  })

  it('are not bounded on the operator’s own network, nor where no network says from where they come', () => {
    const desk = new Desk({ server: { usersPerAddressMax: 1 } })
    for (let peer = 1; peer <= 20; peer += 1) {
      expect(logIn(desk, peer, ip4('192.168.1.1', 'private')).answer).toBe('login-ack')
      expect(logIn(desk, 100 + peer, ip4('127.0.0.1', 'loopback')).answer).toBe('login-ack')
      expect(logIn(desk, 200 + peer).answer).toBe('login-ack')
    }
  })

  it('are USERS_PER_ADDRESS_DEFAULT where the operator says nothing, and 1 to USERS_MAX', () => {
    const of = (usersPerAddressMax?: number) =>
      new ServerState(usersPerAddressMax === undefined ? {} : { usersPerAddressMax }).settings
    expect(of().usersPerAddressMax).toBe(USERS_PER_ADDRESS_DEFAULT)
    expect(of(0).usersPerAddressMax).toBe(1)
    expect(of(USERS_MAX + 1).usersPerAddressMax).toBe(USERS_MAX)
  })

  it('are forgotten with the last of them', () => {
    const places = new UserPlaces(2)
    const origins = [ip4('8.8.8.8'), ip4('8.8.8.8'), ip4('8.8.8.9'), relayed('r'), undefined]
    for (const origin of origins) places.add(origin)
    expect(places.size).toBe(4)
    for (const origin of origins) places.remove(origin)
    expect(places.size).toBe(0)
  })
})

const [PUBLIC, PRIVATE, LOOPBACK, NAME, JUNK] = [
  Uint8Array.of(4, 8, 8, 8, 8, 6, 0x18, 0xca),
  Uint8Array.of(4, 192, 168, 1, 1, 6, 0, 22),
  Uint8Array.of(4, 127, 0, 0, 1, 6, 0, 22),
  Uint8Array.of(54, 3, 0x61, 0x2e, 0x62, 6, 0, 80),
  Uint8Array.of(9, 9, 9)
] as const
const ALL = [PUBLIC, PRIVATE, LOOPBACK, NAME, JUNK]
const at = (peer: number, addresses: readonly Uint8Array[] = ALL): Contact => ({
  id: testContact(peer).id,
  addresses
})
const origins = [
  ['the Internet', ip4('8.8.4.4'), [PUBLIC]],
  ['its private network', ip4('192.168.1.9', 'private'), [PUBLIC, PRIVATE]],
  ['this machine', ip4('127.0.0.1', 'loopback'), [PUBLIC, PRIVATE, LOOPBACK]],
  ['a relay near here', relayed('r'), [PUBLIC, PRIVATE]]
] as const

const call = (to: number, from: Contact): RelayMessage => ({
  type: 'relay',
  kind: 'call',
  ttl: 1,
  to: testContact(to).id,
  from,
  token: new Uint8Array(16).fill(to),
  index: 7
})
const callers = (messages: readonly NapsterMessage[]) =>
  messages.flatMap(message => (message.type === 'relay' ? [message.from.addresses] : []))

describe.each(origins)('over %s', (_, origin, believed) => {
  it('a server is believed no other addresses of users who ask for calls', () => {
    const desk = new Desk({ server: {} })
    const [other, third] = [desk.mesh(50, origin), desk.mesh(51)]
    const user = desk.user(1)
    desk.from(other, call(1, at(9)), call(60, at(9)))
    expect(callers(desk.sent(user))).toEqual([believed])
    expect(callers(desk.sent(third))).toEqual([believed])
    expect(desk.counter('addressesRefused')).toBe(2 * (ALL.length - believed.length))
  })

  it('nor is a user, of where others are to call', () => {
    const desk = new Desk({ server: {} })
    const { link } = logIn(desk, 2, origin)
    desk.from(link, { ...helloOf(2), addresses: ALL })
    const user = desk.user(1)
    desk.from(link, call(1, at(99)))
    expect(callers(desk.sent(user))).toEqual([believed])
  })

  it('nor the own server, by whoever is to call', () => {
    const desk = new Desk({ nick: 'me' })
    desk.command({ type: 'servers', contacts: [testContact(50)] })
    const home = desk.link(50, false, origin)
    desk.from(home, { type: 'login-ack', email: 'x' }, helloOf(50, true), call(0, at(9)))
    expect(desk.notices().flatMap(one => (one.type === 'call-asked' ? [one.contact] : []))).toEqual([
      at(9, believed)
    ])
  })

  it('servers that others tell of are kept by no other addresses', () => {
    for (const settings of [{ server: {} }, { nick: 'me' }]) {
      const desk = new Desk(settings)
      const isServer = 'server' in settings
      if (!isServer) desk.command({ type: 'servers', contacts: [testContact(50)] })
      const link = desk.link(50, isServer, origin)
      const before = desk.tables.serversKnown + (isServer ? 1 : 0)
      const servers = [at(60), at(61, [NAME]), at(62, [JUNK]), at(63, [])]
      desk.from(link, { ...helloOf(50, true), servers })
      // One of which no address is believed is not known by it; one without addresses may be known otherwise.
      expect(desk.tables.serversKnown).toBe(before + 2)
      const { peers } = desk.effects
      expect(peers.contact(peers.intern(at(60, []))).addresses).toEqual(believed)
    }
  })
})

it('a server tells on no addresses of another that it does not believe', () => {
  const desk = new Desk({ server: {} })
  const other = desk.link(50, true, ip4('8.8.4.4'))
  desk.from(other, { ...helloOf(50, true), addresses: ALL })
  const user = desk.user(1)
  desk.pass(5_000)
  const hello = desk.sent(user).find(message => message.type === 'hello')
  // Of a name whoever is told of it judges.
  expect(hello?.type === 'hello' && hello.servers).toEqual([at(50, [PUBLIC, NAME])])
})
