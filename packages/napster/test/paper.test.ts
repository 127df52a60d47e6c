/**
 * What was published, rule by rule: napster.txt (drscholl, "napster messages", 2000 and 2001) by its sections and
 * message numbers, the defaults of opennap 0.44, and the lecture notes. Texts of examples are the document's own.
 */
import { describe, expect, it } from 'vitest'
import { orderHosts } from '../src/best-host.ts'
import {
  BROWSE_FILES_MAX,
  COMMAND_BYTES_MAX,
  HOTLIST_MAX,
  LINK_SPEED_MAX,
  LOGIN_MS,
  NICK_CHARACTERS_MAX,
  NICK_EXPIRY_MS,
  PLAIN_RESULTS_MAX,
  SHARED_MAX
} from '../src/constants.ts'
import type { NapsterMessage } from '../src/messages.ts'
import { isNick, Nicks } from '../src/nicks.ts'
import { ipNumber } from '../src/wire-text.ts'
import { Desk } from './desk.ts'
import { encode, frame, readAll } from './laws.ts'

const read = (code: number, text: string): NapsterMessage => readAll([frame(code, text)]).messages[0]!
/** Read as this, and written again as it was. */
function expectSame(code: number, text: string, message: NapsterMessage): void {
  expect(read(code, text)).toEqual(message)
  expect(encode(message)).toEqual(frame(code, text))
}

describe('napster.txt 2: the frame', () => {
  it('has a length and a type of 16 bits each, least significant byte first, and then the data', () => {
    expect([...encode({ type: 'whois', nick: 'lefty' })]).toEqual([5, 0, 0x5b, 2, ...Buffer.from('lefty')])
    // "256 would be encoded as 0x00, 0x01"
    expect([...encode({ type: 'error', text: 'x'.repeat(256) })].slice(0, 2)).toEqual([0, 1])
  })

  it('of opennap has at most 2,048 bytes of data', () => {
    expect(COMMAND_BYTES_MAX).toBe(2_048)
  })

  it('has no escape for quotes: the search of the document is invalid', () => {
    expect(read(200, 'FILENAME CONTAINS "a "quoted" string" MAX_RESULTS 100')).toMatchObject({
      type: 'malformed'
    })
  })
})

describe('napster.txt 2: messages as in their examples', () => {
  it('2 login', () => {
    const login = { nick: 'foo', password: 'badpass', port: 6699, client: 'nap v0.8', link: 3 }
    expectSame(2, 'foo badpass 6699 "nap v0.8" 3', { type: 'login', ...login })
    expect(read(2, 'foo badpass 6699 "nap v0.8" 3 17')).toEqual({ type: 'login', ...login, build: 17 })
  })

  it('6 alternate login', () => {
    expectSame(6, 'foo foo 6699 "nap v0.8" 3 email@here.com', {
      type: 'register',
      nick: 'foo',
      password: 'foo',
      port: 6699,
      client: 'nap v0.8',
      link: 3,
      email: 'email@here.com'
    })
  })

  const file = { bitrate: 128, frequency: 44_100 }
  it('100 share', () => {
    const md5 = 'b92870e0d41bc8e698cf2f0a1ddfeac7'
    const name = 'generic band - generic song.mp3'
    expectSame(100, `"${name}" ${md5} 443332 128 44100 60`, {
      type: 'share',
      name,
      md5,
      size: 443_332,
      ...file,
      seconds: 60
    })
    expectSame(212, `foouser "${name}" ${md5} 443332 128 44100 60`, {
      type: 'browse-file',
      nick: 'foouser',
      name,
      md5,
      size: 443_332,
      ...file,
      seconds: 60
    })
  })

  it('200 search', () => {
    const first =
      'FILENAME CONTAINS "Sneaker Pimps" MAX_RESULTS 75 FILENAME CONTAINS "tesko suicide" BITRATE "AT LEAST" "128"'
    expectSame(200, first, {
      type: 'search',
      contains: ['Sneaker Pimps', 'tesko suicide'],
      limit: 75,
      bitrate: { compare: 'AT LEAST', value: 128 }
    })
    expect(read(200, 'MAX_RESULTS 100 FILENAME CONTAINS "Ventolin" LINESPEED "EQUAL TO" 10')).toEqual({
      type: 'search',
      contains: ['Ventolin'],
      limit: 100,
      link: { compare: 'EQUAL TO', value: 10 }
    })
  })

  it('201 result, with or without a weight', () => {
    const text =
      '"random band - random song.mp3" 7d733c1e7419674744768db71bff8bcd 2558199 128 44100 159 lefty 3437166285 4'
    const result = {
      type: 'result',
      name: 'random band - random song.mp3',
      md5: '7d733c1e7419674744768db71bff8bcd',
      size: 2_558_199,
      ...file,
      seconds: 159,
      nick: 'lefty',
      ip: 3_437_166_285,
      link: 4
    } as const
    expectSame(201, text, result)
    expectSame(201, `${text} 7`, { ...result, weight: 7 })
  })

  it('203 download, 204 its acknowledgement, 607 and 608 between them', () => {
    const path = 'C:\\Program Files\\Napster\\generic cowboy song.mp3'
    expectSame(203, `mred "${path}"`, { type: 'download', nick: 'mred', name: path })
    expectSame(
      204,
      'lefty 4877911892 6699 "generic band - generic song.mp3" 10fe9e623b1962da85eea61df7ac1f69 3',
      {
        type: 'download-ack',
        nick: 'lefty',
        ip: 4_877_911_892,
        port: 6699,
        name: 'generic band - generic song.mp3',
        md5: '10fe9e623b1962da85eea61df7ac1f69',
        link: 3
      }
    )
    expectSame(607, 'lefty "generic band - generic song.mp3"', {
      type: 'upload-request',
      nick: 'lefty',
      name: 'generic band - generic song.mp3'
    })
    // "numeric 607 adds download client's speed (2000-12-28)"
    expect(read(607, 'lefty "a.mp3" 7')).toMatchObject({ type: 'upload-request', link: 7 })
    expectSame(608, 'lefty "a.mp3"', { type: 'upload-accept', nick: 'lefty', name: 'a.mp3' })
  })

  it('214 statistics: asked without data, told with three numbers', () => {
    expectSame(214, '', { type: 'stats-request' })
    expectSame(214, '553 64692 254', { type: 'stats', users: 553, files: 64_692, gigabytes: 254 })
  })

  it('604 whois, with what only moderators see', () => {
    const text = 'lefty "User" 1203 "80\'s " "Active" 0 0 0 3 "nap v0.8"'
    const reply = {
      type: 'whois-reply',
      nick: 'lefty',
      level: 'User',
      seconds: 1203,
      channels: "80's ",
      status: 'Active',
      shared: 0,
      downloads: 0,
      uploads: 0,
      link: 3,
      client: 'nap v0.8'
    } as const
    expectSame(604, text, reply)
    expect(read(604, `${text} 5 6 1.2.3.4 4444 6699 a@b.c`)).toEqual({
      ...reply,
      downloadsTotal: 5,
      uploadsTotal: 6,
      ip: '1.2.3.4',
      port: 4444,
      dataPort: 6699,
      email: 'a@b.c'
    })
  })

  it('619 and 620 limit of a queue', () => {
    const name = 'C:\\MP3\\Generic Band - Generic Song.mp3'
    expectSame(619, `joebob "${name}" 3`, { type: 'queue-limit', nick: 'joebob', name, limit: 3 })
    expectSame(620, `joebob "${name}" 1234567 3`, {
      type: 'queue-limited',
      nick: 'joebob',
      name,
      size: 1_234_567,
      limit: 3
    })
  })

  it('201 and 204 have addresses as little-endian numbers of their bytes in network order', () => {
    expect(ipNumber(Uint8Array.of(127, 0, 0, 1))).toBe(16_777_343)
    expect(ipNumber(Uint8Array.of(255, 255, 255, 255))).toBe(4_294_967_295)
  })
})

describe('a server does as published', () => {
  const motd = ['Welcome.', 'Be nice.']
  const line = (name: string, fields = {}): NapsterMessage => ({
    type: 'share',
    name,
    md5: 'ab'.repeat(16),
    size: 443_332,
    bitrate: 128,
    frequency: 44_100,
    seconds: 60,
    ...fields
  })

  it('2, 3: a login is acknowledged; 621: each line of the message of the day is one; 214: unasked', () => {
    const desk = new Desk({ server: { motd } })
    const link = desk.link(1)
    desk.from(link, { type: 'login', nick: 'foo', password: 'x', port: 6699, client: 'nap v0.8', link: 3 })
    expect(desk.sent(link)).toEqual([
      { type: 'login-ack', email: 'anon@servent' },
      { type: 'motd', text: 'Welcome.' },
      { type: 'motd', text: 'Be nice.' },
      { type: 'stats', users: 2, files: 0, gigabytes: 0 }
    ])
    desk.from(link, { type: 'motd-request' })
    expect(desk.sent(link)).toHaveLength(2)
  })

  it('7 to 10: a nick is free, taken or bad', () => {
    const desk = new Desk({ server: {} })
    desk.plainUser(1, 'foo')
    const link = desk.link(2)
    for (const nick of ['bar', 'FOO', 'a"b']) desk.from(link, { type: 'nick-check', nick })
    expect(desk.sent(link).map(({ type }) => type)).toEqual(['nick-free', 'nick-taken', 'nick-bad'])
  })

  it('9: a nick belongs to one, and a second login with it is refused', () => {
    const desk = new Desk({ server: {} })
    desk.plainUser(1, 'foo')
    const other = desk.link(2)
    desk.from(other, { type: 'login', nick: 'foo', password: 'x', port: 1, client: 'nap', link: 3 })
    expect(desk.sent(other)).toEqual([{ type: 'nick-taken' }])
  })

  it('13: an echo before the login', () => {
    const desk = new Desk({ server: {} })
    const link = desk.link(1)
    desk.from(link, { type: 'echo', text: 'hello' })
    expect(desk.sent(link)).toEqual([{ type: 'echo', text: 'hello' }])
  })

  it('100, 200 to 202: what is shared is found by all words of all parts, and the end is said', () => {
    const desk = new Desk({ server: {} })
    const [sharer, seeker] = [desk.plainUser(1, 'lefty', 4), desk.plainUser(2, 'mred')]
    desk.from(sharer, line('random band - random song.mp3'), line('random band - other.mp3'))
    desk.settle()
    desk.from(seeker, { type: 'search', contains: ['RANDOM band', 'song'], limit: 75 })
    expect(desk.settle().sent(seeker)).toEqual([
      {
        type: 'result',
        name: 'random band - random song.mp3',
        md5: 'ab'.repeat(16),
        size: 443_332,
        bitrate: 128,
        frequency: 44_100,
        seconds: 60,
        nick: 'lefty',
        ip: ipNumber(Uint8Array.of(10, 0, 0, 1)),
        link: 4
      },
      { type: 'search-end' }
    ])
  })

  it('200: LINESPEED and BITRATE, at least, at best, equal to', () => {
    const desk = new Desk({ server: {} })
    const [slow, fast, seeker] = [
      desk.plainUser(1, 'slow', 3),
      desk.plainUser(2, 'fast', 10),
      desk.plainUser(3)
    ]
    desk.from(slow, line('song a.mp3', { bitrate: 128 }), line('song b.mp3', { bitrate: 320 }))
    desk.from(fast, line('song c.mp3', { bitrate: 128 }))
    desk.settle()
    const found = (filter: Partial<NapsterMessage & { type: 'search' }>) => {
      desk.from(seeker, { type: 'search', contains: ['song'], ...filter })
      return desk
        .settle()
        .sent(seeker)
        .flatMap(message => (message.type === 'result' ? [message.name.at(5)] : []))
    }
    expect(found({})).toEqual(['a', 'b', 'c'])
    expect(found({ link: { compare: 'AT LEAST', value: 4 } })).toEqual(['c'])
    expect(found({ link: { compare: 'AT BEST', value: 4 } })).toEqual(['a', 'b'])
    expect(found({ bitrate: { compare: 'EQUAL TO', value: 128 } })).toEqual(['a', 'c'])
    expect(LINK_SPEED_MAX).toBe(10)
  })

  it('200: "if it is greater than 100, the server will only return 100 results"', () => {
    const desk = new Desk({ server: {} })
    const [sharer, seeker] = [desk.plainUser(1), desk.plainUser(2)]
    for (let number = 0; number < PLAIN_RESULTS_MAX + 10; number += 1) {
      desk.from(sharer, line(`song ${number}.mp3`))
      desk.settle()
    }
    for (const limit of [500, PLAIN_RESULTS_MAX + 1, PLAIN_RESULTS_MAX]) {
      desk.from(seeker, { type: 'search', contains: ['song'], limit })
      expect(desk.settle().sent(seeker)).toHaveLength(PLAIN_RESULTS_MAX + 1)
    }
    expect(PLAIN_RESULTS_MAX).toBe(100)
  })

  it('102, 110: what is taken back is not found any more', () => {
    const desk = new Desk({ server: {} })
    const [sharer, seeker] = [desk.plainUser(1), desk.plainUser(2)]
    for (const name of ['song a.mp3', 'song b.mp3', 'song c.mp3']) desk.from(sharer, line(name))
    desk.settle()
    const names = () => {
      desk.from(seeker, { type: 'search', contains: ['song'] })
      return desk
        .settle()
        .sent(seeker)
        .flatMap(message => (message.type === 'result' ? [message.name] : []))
    }
    desk.from(sharer, { type: 'unshare', name: 'song b.mp3' })
    desk.settle()
    expect(names()).toEqual(['song a.mp3', 'song c.mp3'])
    desk.from(sharer, { type: 'unshare-all' })
    desk.settle()
    expect(names()).toEqual([])
    expect(desk.tables).toMatchObject({ files: 0, bytes: 0 })
  })

  it('203, 607, 608, 204: the uploader is asked first; 206 where the file is not there', () => {
    const desk = new Desk({ server: {} })
    const [sharer, seeker] = [desk.plainUser(1, 'lefty', 4, 6699), desk.plainUser(2, 'mred', 3)]
    desk.from(sharer, line('a.mp3'))
    desk.settle()
    desk.from(seeker, { type: 'download', nick: 'lefty', name: 'a.mp3' })
    expect(desk.sent()).toEqual([{ type: 'upload-request', nick: 'mred', name: 'a.mp3', link: 3 }])
    desk.from(sharer, { type: 'upload-accept', nick: 'mred', name: 'a.mp3' })
    expect(desk.sent(seeker)).toEqual([
      {
        type: 'download-ack',
        nick: 'lefty',
        ip: 16_777_226,
        port: 6699,
        name: 'a.mp3',
        md5: 'ab'.repeat(16),
        link: 4
      }
    ])
    // Nobody is told where somebody is who was not asked.
    desk.from(sharer, { type: 'upload-accept', nick: 'mred', name: 'a.mp3' })
    desk.from(seeker, { type: 'download', nick: 'lefty', name: 'gone.mp3' })
    expect(desk.sent()).toEqual([{ type: 'download-error', nick: 'lefty', name: 'gone.mp3' }])
  })

  it('500, 501: a firewalled sharer is told whom to call', () => {
    const desk = new Desk({ server: {} })
    const [sharer, seeker] = [desk.plainUser(1, 'lefty', 4, 0), desk.plainUser(2, 'mred', 3, 6700)]
    desk.from(sharer, line('a.mp3'))
    desk.settle()
    desk.from(seeker, { type: 'push-download', nick: 'lefty', name: 'a.mp3' })
    expect(desk.sent(sharer)).toEqual([
      {
        type: 'push-ack',
        nick: 'mred',
        ip: ipNumber(Uint8Array.of(10, 0, 0, 2)),
        port: 6700,
        name: 'a.mp3',
        md5: 'ab'.repeat(16),
        link: 3
      }
    ])
  })

  it('207 to 210, 301 to 303: a hotlist', () => {
    const desk = new Desk({ server: {} })
    const watcher = desk.plainUser(1)
    desk.from(watcher, { type: 'hotlist', nick: 'lefty' })
    expect(desk.sent(watcher)).toEqual([{ type: 'hotlist-ack', nick: 'lefty' }])
    const watched = desk.link(2)
    desk.from(watched, { type: 'login', nick: 'Lefty', password: 'x', port: 1, client: 'nap', link: 7 })
    expect(desk.sent(watcher)).toEqual([{ type: 'sign-on', nick: 'Lefty', link: 7 }])
    desk.down(watched)
    expect(desk.sent(watcher)).toEqual([{ type: 'sign-off', nick: 'Lefty' }])
    desk.from(watcher, { type: 'hotlist-remove', nick: 'lefty' })
    desk.settle().plainUser(2, 'lefty')
    expect(desk.sent(watcher)).toEqual([])
  })

  it('211 to 213: a browse; 210 where the user is not there', () => {
    const desk = new Desk({ server: {} })
    const [sharer, seeker] = [desk.plainUser(1, 'lefty'), desk.plainUser(2)]
    desk.from(sharer, line('a.mp3'))
    desk.settle()
    desk.from(seeker, { type: 'browse', nick: 'lefty' }, { type: 'browse', nick: 'nobody' })
    expect(desk.settle().sent(seeker)).toEqual([
      { type: 'sign-off', nick: 'nobody' },
      expect.objectContaining({ type: 'browse-file', nick: 'lefty', name: 'a.mp3' }),
      { type: 'browse-end', nick: 'lefty' }
    ])
    expect(BROWSE_FILES_MAX).toBe(500)
  })

  it('215 to 217: nobody is found by a checksum, and the end is said', () => {
    const desk = new Desk({ server: {} })
    const user = desk.plainUser(1)
    desk.from(user, { type: 'resume', md5: 'ab'.repeat(16), size: 1 })
    expect(desk.sent(user)).toEqual([{ type: 'resume-end' }])
  })

  it('218 to 221, 600 to 605, 700, 703: what a user is doing, and who they are', () => {
    const desk = new Desk({ server: {} })
    const [user, asker] = [desk.plainUser(1, 'lefty'), desk.plainUser(2)]
    for (const type of [
      'downloading',
      'downloading',
      'downloaded',
      'uploading',
      'uploading',
      'uploaded'
    ] as const)
      desk.from(user, { type })
    desk.from(user, { type: 'link-change', link: 8 }, { type: 'port-change', port: 0 })
    desk.pass(3_000)
    desk.from(asker, { type: 'whois', nick: 'lefty' }, { type: 'speed', nick: 'lefty' })
    expect(desk.sent(asker)).toEqual([
      {
        type: 'whois-reply',
        nick: 'lefty',
        level: 'User',
        seconds: 3,
        channels: '',
        status: 'Active',
        shared: 0,
        downloads: 1,
        uploads: 1,
        link: 8,
        client: 'nap v0.8'
      },
      { type: 'speed-reply', nick: 'lefty', link: 8 }
    ])
    desk.down(user)
    desk.from(asker, { type: 'whois', nick: 'lefty' }, { type: 'whois', nick: 'nobody' })
    expect(desk.sent(asker)).toEqual([
      { type: 'whowas', nick: 'lefty', level: 'User', seenAt: expect.any(Number) },
      { type: 'error', text: 'User nobody is not currently online.' }
    ])
  })

  it('404: "Unknown command code 999"', () => {
    const desk = new Desk({ server: {} })
    const user = desk.plainUser(1)
    desk.from(user, { type: 'other', code: 999, body: new Uint8Array() })
    expect(desk.sent(user)).toEqual([{ type: 'error', text: 'Unknown command code 999' }])
  })

  it('205, 619, 626, 751, 752: handed on with the name of who sent it', () => {
    const desk = new Desk({ server: {} })
    const [one, two] = [desk.plainUser(1, 'one'), desk.plainUser(2, 'two')]
    desk.from(one, line('a.mp3'))
    desk.settle()
    desk.from(
      one,
      { type: 'ping', nick: 'two' },
      { type: 'private-message', nick: 'two', text: 'hello' },
      { type: 'port-error', nick: 'two' },
      { type: 'queue-limit', nick: 'two', name: 'a.mp3', limit: 3 },
      { type: 'ping', nick: 'nobody' }
    )
    desk.from(two, { type: 'pong', nick: 'one' }, { type: 'ping-server' })
    expect(desk.sent(two)).toEqual([
      { type: 'ping', nick: 'one' },
      { type: 'private-message', nick: 'one', text: 'hello' },
      { type: 'port-error', nick: 'one' },
      { type: 'queue-limited', nick: 'one', name: 'a.mp3', size: 443_332, limit: 3 },
      { type: 'ping-server' }
    ])
    expect(desk.sent(one)).toEqual([
      { type: 'error', text: 'ping failed, nobody is not online' },
      { type: 'pong', nick: 'two' }
    ])
  })
})

describe('opennap’s defaults', () => {
  it('5,000 files of one user, 32 on a hotlist, nicks of 19 characters, 60 s to log in, 31 days for a nick', () => {
    expect([SHARED_MAX, HOTLIST_MAX, NICK_CHARACTERS_MAX, LOGIN_MS, NICK_EXPIRY_MS]).toEqual([
      5_000, 32, 19, 60_000, 2_678_400_000
    ])
    expect(isNick('x'.repeat(NICK_CHARACTERS_MAX))).toBe(true)
    expect(isNick('x'.repeat(NICK_CHARACTERS_MAX + 1))).toBe(false)
  })

  it('a nick is another’s again when it was not used for 31 days', () => {
    const nicks = new Nicks()
    expect(nicks.bind('foo', 'one', 0)).toBe(true)
    expect(nicks.bind('Foo', 'two', NICK_EXPIRY_MS)).toBe(false)
    expect(nicks.bind('Foo', 'two', NICK_EXPIRY_MS + 1)).toBe(true)
  })

  it('whoever does not log in within 60 s is sent away', () => {
    const desk = new Desk({ server: {} })
    const link = desk.link(1)
    desk.pass(LOGIN_MS)
    expect(desk.closed()).toEqual([])
    desk.pass(6_000)
    expect(desk.closed()).toEqual([link])
  })
})

describe('the lecture notes', () => {
  it('the client pings each host in the list to find transfer rates, and fetches from the best', () => {
    const hosts = [
      { peerId: 'silent', rate: 9_000 },
      { peerId: 'far', rttMs: 200 },
      { peerId: 'near', rttMs: 20 },
      { peerId: 'slow', rate: 10, rttMs: 30 },
      { peerId: 'fast', rate: 900, rttMs: 300 },
      { peerId: 'a-cable', rttMs: 20, linkSpeed: 7 }
    ]
    expect(orderHosts(hosts).map(({ peerId }) => peerId)).toEqual([
      'fast',
      'slow',
      'a-cable',
      'near',
      'far',
      'silent'
    ])
  })
})

describe('message 5, auto-upgrade', () => {
  it('is counted, and nothing else comes of it', () => {
    const desk = new Desk()
    desk.command({
      type: 'servers',
      contacts: [{ id: new Desk().effects.peers.contact(0).id, addresses: [] }]
    })
    const link = desk.link(5, false)
    desk.from(link, { type: 'login-ack', email: 'x' })
    desk.settle().sent()
    const before = desk.log.length
    desk.from(link, { type: 'upgrade', text: '2.0 http://evil.example/napster.exe' })
    expect(desk.log).toHaveLength(before)
    expect(desk.counter('upgradesIgnored')).toBe(1)
  })
})
