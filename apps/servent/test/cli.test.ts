/** The command line against the API of a node that only answers: data, talk, JSON, settings, help. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import pkg from '../package.json' with { type: 'json' }
import { displayWidth } from '../src/terminal/width.ts'
import { VERSION } from '../src/version.ts'
import { FILE_ID, OTHER_ID, PEER } from './fake-node.ts'
import { CLIENT_VERBS, emptyFolder, Fixture, runLine } from './fixture.ts'

let fixture: Fixture
let empty: string
let music: string
beforeAll(async () => {
  fixture = await Fixture.open()
  ;({ empty, music } = await emptyFolder())
})
afterAll(async () => {
  await fixture[Symbol.asyncDispose]()
  await rm(empty, { recursive: true, force: true })
})
afterEach(() => fixture.reset())

describe('data goes to stdout and talk to stderr', () => {
  it('status', async () => {
    const ran = await fixture.run('status')
    expect(ran.code).toBe(0)
    expect(ran.out.split('\n')).toEqual([
      `Node       ${PEER}`,
      `Running    12 min, servent 0.1.0, pid ${process.pid}`,
      'Reach      behind a router or firewall: no address of this machine is public',
      `Addresses  /ip4/127.0.0.1/tcp/6346/p2p/${PEER}`,
      'Peers      1 connection',
      'Overlays   gnutella  running, 1 neighbour, announced 12,340 of 100,000 files',
      'Library    38 files, 212.4 MB',
      'Downloads  1 paused, 1 done',
      'Uploads    1 active',
      'Level      144, High',
      ''
    ])
    expect(ran.err).toBe('Next: servent search miles davis\n')
    fixture.node.statusMore = { hotlist: fixture.node.hotlistViews }
    const people = await fixture.run('status')
    fixture.node.statusMore = {}
    expect(people.out).toContain('Hotlist    miles online for 2 min, trane offline\n')

    const overlay = { state: 'running', neighbours: 1 } as const
    fixture.node.statusMore = {
      overlays: [
        { name: 'chord', ...overlay },
        { name: 'fasttrack', ...overlay, neighbours: 2 }
      ]
    }
    const more = await fixture.run('status')
    fixture.node.statusMore = {}
    expect(more.out).toContain(
      'Overlays   chord      running, 1 neighbour\n           fasttrack  running, 2 neighbours\n'
    )
  })

  it('share', async () => {
    const ran = await fixture.run(['share', 'song.mp3'], { cwd: empty })
    expect(fixture.node.calls).toEqual([['share', music]])
    expect(ran.out).toBe(`Shared  ${music}  1 file, 1.0 MB\nId      ${FILE_ID}\nTicket  servent1abc\n`)
    expect(ran.err).toContain('servent get TICKET')
    const json = await fixture.run(['share', music, empty, '--json'])
    expect(json.json.filter(({ event }) => event === 'done')).toEqual([
      { event: 'done', files: 2, bytes: 2_000_000, ids: [FILE_ID, FILE_ID], more: 0, ticket: 'servent1abc' }
    ])
    expect(json.json.at(-1)).toMatchObject({ event: 'done' })
    expect(json.err).toBe('')
  })

  it('unshare', async () => {
    const ran = await fixture.run(['unshare', 'my music & more'], { cwd: empty })
    expect(fixture.node.calls).toEqual([['unshare', join(empty, 'my music & more')]])
    expect(ran.out).toBe(`No longer shared  ${join(empty, 'my music & more')}  3 files\n`)
    fixture.node.failure = Object.assign(new Error('It is not shared.'), { name: 'NotSharedError' })
    expect(await fixture.run('unshare x')).toMatchObject({
      code: 3,
      err: 'error: It is not shared.\ntry:   servent library lists what is shared\n'
    })
  })

  it('library and ticket', async () => {
    const ran = await fixture.run('library')
    expect(ran.out).toContain('SHARED          FILES    SIZE\n/home/me/Music      1  1.0 MB\n')
    expect(ran.out).toContain(
      `周杰伦 - 青花瓷.flac  周杰伦 – 青花瓷 (3:59)  1.0 MB  audio  ${FILE_ID.slice(0, 18)}\n`
    )
    expect((await fixture.run('library --limit 5 --after 9')).code).toBe(0)
    expect(fixture.node.calls.at(-1)).toEqual(['library', { limit: 5, after: 9 }])
    const ticket = await fixture.run(`ticket ${FILE_ID.slice(0, 18)}`)
    expect(ticket.out).toMatch(/^servent1[a-z2-7]+\n$/)
    expect((await fixture.run(`ticket ${FILE_ID} --json`)).json).toEqual([
      { id: FILE_ID, ticket: ticket.out.trim() }
    ])
  })

  it('share and ticket of a folder', async () => {
    fixture.node.shareEvents = [
      { event: 'done', files: 2, bytes: 300, ids: [FILE_ID, OTHER_ID], more: 0, ticket: 'servent1folder' }
    ]
    const ran = await fixture.run(['share', empty])
    expect(ran.out).toBe(`Shared  ${empty}  2 files, 300 B\nTicket  servent1folder\n`)
    expect(ran.err).toContain('another computer fetches all of it')
    expect(ran.err).not.toContain('not in the ticket')
    const partly = { event: 'done' as const, files: 2, bytes: 3, ids: [], more: 2, ticket: 'servent1folder' }
    fixture.node.shareEvents = [{ ...partly, leftOut: 1 }]
    expect((await fixture.run(['share', empty])).err).toContain('note:  1 file in it is not in the ticket')
    fixture.node.leftOut = 2
    expect((await fixture.run('ticket .', { cwd: empty })).err).toContain(
      '2 files in it are not in the ticket'
    )
    expect((await fixture.run('ticket . --json', { cwd: empty })).json).toMatchObject([{ leftOut: 2 }])
    fixture.node.leftOut = undefined
    const reason = 'It has no ticket. A folder listing has at most 20000 files.'
    fixture.node.shareEvents = [
      { event: 'done', files: 9, bytes: 3, ids: [], more: 9, problems: [{ path: empty, reason }] }
    ]
    const without = await fixture.run(['share', empty])
    expect([without.code, without.err]).toEqual([0, expect.stringContaining(`note:  ${reason}`)])
    const ticket = await fixture.run('ticket .', { cwd: empty })
    expect(ticket.out).toMatch(/^servent1[a-z2-7]+\n$/)
    expect(fixture.node.calls.at(-1)).toEqual(['ticketOfPath', empty])
  })

  it('get a folder, and list its files', async () => {
    const progress = { verifiedBytes: 3_000, totalBytes: 9_000, sources: [], banned: [] }
    fixture.node.getEvents = [
      { event: 'progress', phase: 'fetching', ...progress, files: 3, filesDone: 1 },
      { event: 'progress', phase: 'fetching', ...progress, files: 3, filesDone: 2 },
      { event: 'done', path: '/home/me/Downloads/Music', bytes: 9_000, sources: 1, seconds: 3, files: 3 }
    ]
    const ran = await fixture.run('get 1', { columns: 120 })
    expect(ran.out).toBe('Saved  /home/me/Downloads/Music\n')
    expect(ran.err.match(/folder {5}3 files, 9\.0 kB; Ctrl-C pauses it/g)).toHaveLength(1)
    expect(ran.err).toContain('1 of 3 files')
    expect(ran.err).toContain('3 files, 9.0 kB from 1 source')
    const files = await fixture.run(`downloads --files ${FILE_ID}`)
    expect(files.out).toMatch(/^Live\/a\.flac +done +100 B {2}bafkrei/m)
    expect(files.out).not.toMatch(/[\u202e\u001b]/)
    expect((await fixture.run(`downloads --files ${FILE_ID} --json`)).json).toMatchObject([
      { files: [{ path: 'Live/a.flac', isDone: true }, { isDone: false }] }
    ])
    expect((await fixture.run(`downloads --files ${FILE_ID} --pause ${FILE_ID}`)).code).toBe(2)
  })

  it('get of a folder of which some files are missing ends with 4, and says which', async () => {
    const message = '1 of 3 files could not be fetched: "a.flac". The others are there.'
    fixture.node.failure = Object.assign(new Error(message), { name: 'PartialFolderError' })
    const ran = await fixture.run('get 1')
    expect([ran.code, ran.err]).toEqual([4, expect.stringContaining('"a.flac"')])
  })

  it('wish, wishes and unwish', async () => {
    const wish = await fixture.run(
      'wish --type audio --max-size 1K --get --a-day 3 --overlay gnutella bela fleck'
    )
    expect(fixture.node.calls).toEqual([
      [
        'wish',
        { text: 'bela fleck', overlays: ['gnutella'], type: 'audio', maxSize: 1024, get: { filesADay: 3 } }
      ]
    ])
    expect(wish.out).toBe('Wish  4  bela fleck\n')
    expect((await fixture.run('wish banjo --a-day 3')).code).toBe(2)
    expect((await fixture.run('wish banjo --get --a-day 101')).code).toBe(2)
    const all = await fixture.run('wishes')
    expect(all.out).toMatch(
      /^# {2}WORDS +NEW +FOUND +FETCHES +LAST +NEXT\n2 {2}banjo +2 +5 +yes +2 min ago +\d min\n/
    )
    expect(all.err).toContain('Wish 3 could not be searched for: No overlay is running.')
    expect((await fixture.run('wishes --json')).json).toMatchObject([{ wishes: [{ wish: 2 }, { wish: 3 }] }])
    fixture.node.calls.length = 0
    const rows = await fixture.run('wishes 2')
    expect(rows.out).toMatch(/^ +# +NAME .*\n2\.4 +Big Country\.flac +1\.0 MB +audio +gnutella /)
    expect(rows.out).not.toMatch(/[\u202e\u001b]/)
    expect(rows.err).toContain('2 files, 1 new.\nNext: servent get 2.4')
    expect(fixture.node.calls).toEqual([
      ['wishRows', 2, false],
      ['lookedAtWish', 2, 5]
    ])
    expect((await fixture.run('wishes 2 --all --json')).json).toMatchObject([
      { wish: 2, rows: [{ row: 4 }, {}] }
    ])
    expect((await fixture.run('wishes 9')).code).toBe(3)
    expect((await fixture.run('wishes all')).code).toBe(2)
    expect((await fixture.run('unwish 2')).out).toBe('Taken back  2\n')
    expect((await fixture.run('unwish 2.4')).code).toBe(2)
    fixture.node.failure = Object.assign(new Error('There are 100 wishes.'), { name: 'WishError' })
    expect(await fixture.run('wish banjo')).toMatchObject({ code: 2 })
  })

  it('get of a row of a wish says what it is', async () => {
    const ran = await fixture.run('get 2.4')
    expect(ran.err).toContain('Big Country.flac   1.0 MB')
    expect(fixture.node.calls.at(-1)).toEqual(['get', '2.4', undefined])
  })

  it('library and status say what is away, left out and under way, and how long that takes', async () => {
    const { node } = fixture
    const progress = {
      phase: 'hashing' as const,
      files: 2,
      filesTotal: 10,
      bytes: 1e9,
      bytesTotal: 4e9,
      leftMs: 185_000
    }
    node.libraryMore = {
      roots: [
        { path: '/home/me/Music', files: 1, bytes: 1_000_000, present: true },
        { path: '/mnt/dead', files: 0, bytes: 0, present: false, reason: 'Its disk does not answer.' }
      ],
      problems: [{ path: '/home/me/Music/bad\u202e', reason: 'This user may not read it.' }],
      progress
    }
    const ran = await fixture.run('library')
    expect(ran.out).toContain('/mnt/dead       not there')
    expect(ran.out).toContain('Not there  /mnt/dead  Its disk does not answer.\n')
    expect(ran.out).toContain('Left out  /home/me/Music/bad\\u202e  This user may not read it.\n')
    expect(ran.out).toContain('Hashing  2 of 10 files, 1.0 GB of 4.0 GB, 3 min left\n')
    node.libraryMore = { problems: Array.from({ length: 12 }, (_, n) => ({ path: `/p${n}`, reason: 'No.' })) }
    expect((await fixture.run('library')).out).toContain('and 2 more: servent library --json\n')
    node.libraryMore = { progress: { ...progress, phase: 'scanning' } }
    expect((await fixture.run('library')).out).toContain('Looking  10 files to hash found\n')

    node.libraryStatusMore = { hashing: 8, away: 1, problems: 1, progress }
    expect((await fixture.run('status')).out).toContain(
      '38 files, 212.4 MB, 8 files being hashed, 3 min left, 1 shared path not there: servent library, 1 problem: servent library\n'
    )
  })

  it('search, one row for each file, hostile names made harmless', async () => {
    const ran = await fixture.run(
      'search --type audio --min-size 1.5K --timeout 2.5 --ttl 3 --rounds 8 --overlay gnutella banjo -- --fleck'
    )
    expect(fixture.node.calls[0]).toEqual([
      'search',
      {
        text: 'banjo --fleck',
        type: 'audio',
        minSize: 1536,
        timeoutMs: 2500,
        ttl: 3,
        rounds: 8,
        overlays: ['gnutella']
      }
    ])
    expect(ran.out).toBe(
      `${[
        '#  NAME                                      MEDIA                                          SIZE  TYPE   SOURCES  VIA       ID',
        '1  Big Country.flac                          Béla Fleck – Big Country (5:35, 918 kbit/s)  1.0 MB  audio        1  gnutella  ' +
          FILE_ID.slice(0, 18),
        '2  gpj.\\u202eexe\\x1b[31m\\x0aerror: gone.mp3  gpj.\\u202eexe\\x1b[31m\\x0aerror: gone.mp3      100 B  audio        1  gnutella  ' +
          OTHER_ID.slice(0, 18)
      ].join('\n')}\n`
    )
    expect(ran.err).toContain('2 hits in 2 files')
    expect(ran.err).toContain(
      'gnutella: 2 hits, the first after 12 ms; 4 messages, 512 B\nNext: servent get 1\n'
    )
  })

  it('search --tag, in the words of the grammar, and with no other word', async () => {
    await fixture.run(['search', 'live', '--tag', 'artist=miles "the" davis', '--tag', 'year=1959'])
    await fixture.run(['search', '--tag', 'title=So What'])
    await fixture.run(['wish', '--tag', 'artist=davis', 'live'])
    expect(fixture.node.calls).toEqual([
      ['search', { text: 'live artist="miles  the  davis" year="1959"' }],
      ['search', { text: 'title="So What"' }],
      ['wish', { text: 'live artist="davis"' }]
    ])
    const none = await fixture.run('search')
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('nothing to search for')])
    for (const tag of ['artist', '=davis', 'artist=', 'artist= ', '1st=x', 'a b=c']) {
      expect((await fixture.run(['search', 'banjo', '--tag', tag])).code).toBe(2)
    }
  })

  it('search --min-link-speed and a bound on a tag', async () => {
    const line = ['search', 'live', '--min-link-speed', '7', '--tag', 'bitrate=>=192', '--json']
    expect((await fixture.run(line)).code).toBe(0)
    expect(fixture.node.calls).toEqual([['search', { text: 'live bitrate=">=192"', minLinkSpeed: 7 }]])
    expect((await fixture.run('search live --min-link-speed 0')).code).toBe(2)
  })

  it('search --json, as the node says it, and still harmless', async () => {
    const ran = await fixture.run('search banjo --json')
    expect(ran.json).toEqual(fixture.node.searchEvents)
    expect(ran.out).not.toMatch(/[\u202e\u001b]/)
    expect(ran.err).toBe('')
  })

  it('get', async () => {
    const ran = await fixture.run('get 1 --output here.flac', { cwd: '/tmp' })
    expect(fixture.node.calls[0]).toEqual(['get', '1', '/tmp/here.flac'])
    expect(ran).toMatchObject({ code: 0, out: 'Saved  /home/me/Downloads/Big Country.flac\n' })
    expect(ran.err).toBe(
      'Big Country.flac   1.0 MB\nbanned     12D3KooWGcSLWbZRhP: Its hashes are not those of the file.\n       1.0 MB from 1 source in 2.0 s, 500.0 kB/s; every block verified.\nNext: servent downloads     servent search …\n'
    )
    expect((await fixture.run('get 1 --json')).json.map(({ event }) => event)).toEqual([
      'begin',
      'progress',
      'progress',
      'done'
    ])
  })

  it('get with a priority', async () => {
    await fixture.run('get 1 --priority high')
    expect(fixture.node.calls[0]).toEqual(['get', '1', undefined, 'high'])
    expect((await fixture.run('get 1 --priority soon')).code).toBe(2)
  })

  it('browse', async () => {
    const ran = await fixture.run('browse miles')
    expect(fixture.node.calls[0]).toEqual(['browse', 'miles'])
    expect(ran.code).toBe(0)
    expect(ran.out).toMatch(/^# {2}NAME .*\n1 {2}Big Country\.flac .*\n2 {2}gpj\.\\u202eexe/)
    expect(ran.err).toBe('\nmiles shares 2 files.\nNext: servent get 1\n')
    const json = await fixture.run('browse miles --json')
    expect(json.json.map(({ event }) => event)).toEqual(['hit', 'hit', 'done'])
    const { browseEvents } = fixture.node
    fixture.node.browseEvents = [{ event: 'done', user: 'miles', files: 0, overlay: 'napster' }]
    const none = await fixture.run('browse miles')
    fixture.node.browseEvents = [
      ...browseEvents.slice(0, 2),
      { event: 'done', user: 'miles', files: 2, overlay: 'napster', more: true }
    ]
    const many = await fixture.run('browse miles')
    fixture.node.browseEvents = browseEvents
    expect(none).toMatchObject({ code: 3, out: '', err: 'miles shares nothing.\n' })
    expect(many.err).toContain('miles shares at least 2 files.')
  })

  it('whois', async () => {
    const ran = await fixture.run(['whois', 'a b'])
    expect(fixture.node.calls).toEqual([['whois', 'a b']])
    expect(ran.out.split('\n')).toEqual([
      'Nick       miles',
      'Online     for 2 min',
      'Shares     70 files',
      'Transfers  1 download, 2 uploads now',
      'Link       T1, as they say',
      'Program    servent/0.1.0',
      'Server     12D3KooW…QiWiJ6Qs',
      ''
    ])
    expect(ran.err).toBe('Next: servent browse miles     servent hotlist add miles\n')
    const { whoisView } = fixture.node
    const seenAt = Math.floor(Date.now() / 1000) - 7300
    fixture.node.whoisView = { nick: 'a\u001b[31m', server: PEER, online: false, seenAt }
    const gone = await fixture.run('whois miles')
    fixture.node.whoisView = whoisView
    expect(gone.out).toContain('Nick    a\\x1b[31m\nOnline  no\nSeen    2 h 1 min ago\n')
    expect(gone.err).not.toContain('browse')
  })

  it('hotlist', async () => {
    const ran = await fixture.run('hotlist')
    expect(ran.out).toBe('NICK   STATE    SINCE  LINK\nmiles  online   2 min  T1\ntrane  offline\n')
    expect(ran.err).toBe('Next: servent browse miles\n')
    expect(await fixture.run('hotlist add monk')).toMatchObject({ code: 0, out: 'On the hotlist  monk\n' })
    expect(await fixture.run('hotlist remove monk')).toMatchObject({ out: 'Off the hotlist  monk\n' })
    expect(fixture.node.calls).toEqual([
      ['hotlist add', 'monk'],
      ['hotlist remove', 'monk']
    ])
    const { hotlistViews } = fixture.node
    fixture.node.hotlistViews = []
    const none = await fixture.run('hotlist')
    fixture.node.hotlistViews = hotlistViews
    expect(none).toMatchObject({
      code: 0,
      out: '',
      err: 'Nobody is on the hotlist.\nNext: servent hotlist add NICK\n'
    })
    expect(await fixture.run('hotlist add')).toMatchObject({
      code: 2,
      err: 'error: Whom to add is not said.\ntry:   servent hotlist add NICK\n'
    })
    expect((await fixture.run('hotlist greet miles')).code).toBe(2)
  })

  it('put and value', async () => {
    const put = await fixture.run(['put', 'greeting', 'hello, world'])
    expect(put).toMatchObject({
      code: 0,
      out: 'Kept  greeting  12 B  chord: 3 copies\n',
      err: 'Next: servent value greeting\n'
    })
    const got = await fixture.run('value greeting --overlay gnutella')
    expect(fixture.node.calls).toEqual([
      ['put', 'greeting', new TextEncoder().encode('hello, world'), undefined],
      ['value', 'greeting', ['gnutella']]
    ])
    expect(got).toMatchObject({
      code: 0,
      out: 'hello\n',
      err: '\n5 B. From 3 peers of chord, put there by 12D3KooW…QiWiJ6Qs.\nNext: servent put greeting VALUE\n'
    })
    expect((await fixture.run('value greeting --json')).json).toEqual([
      {
        key: 'greeting',
        overlay: 'chord',
        writer: PEER,
        sequence: 7,
        expiresMs: 1_900_000_000_000,
        holders: 3,
        value: 'hello',
        encoding: 'utf8',
        bytes: 5
      }
    ])
  })

  it('value fools no terminal, and is whole in a pipe', async () => {
    fixture.node.valueBytes = new TextEncoder().encode('one\ntwo \u001b[31m\u202e')
    expect((await fixture.run('value k')).out).toBe('one\ntwo \u001b[31m\u202e\n')
    expect((await fixture.run('value k', { columns: 80 })).out).toBe('one\ntwo \\x1b[31m\\u202e\n')
    fixture.node.valueBytes = Uint8Array.of(255, 254)
    const bytes = await fixture.run('value k')
    expect(bytes.out).toBe('//4=\n')
    expect(bytes.err).toContain('2 B, no text: shown in base64.')
    fixture.node.valueBytes = new TextEncoder().encode('hello')
  })

  it('downloads, uploads, peers, overlays', async () => {
    const downloads = await fixture.run('downloads')
    expect(downloads.out).toContain(`Big Country.flac  paused  78 %  1.0 MB        ${FILE_ID.slice(0, 18)}`)
    expect(downloads.err).toContain('Big Country.flac paused: The disk is full.')
    await fixture.run(`downloads --pause ${FILE_ID.slice(0, 20)}`)
    await fixture.run(`downloads --cancel ${FILE_ID}`)
    expect(fixture.node.calls.filter(([name]) => name !== 'resolve')).toEqual([
      ['pause', FILE_ID],
      ['cancel', FILE_ID]
    ])
    expect((await fixture.run('uploads')).out).toContain(
      'talk.mp4  sending   0 %  10 B  5 B/s  giver, 300 Guru    3.0  12D3KooW…QiWiJ6Qs'
    )
    expect((await fixture.run('peers')).out).toContain(
      `${PEER}  out  1 min  servent/0.1.0  /ip4/192.0.2.7/tcp/6346`
    )
    expect((await fixture.run('overlay')).out).toContain('gnutella  running           1')
    const overlay = await fixture.run('overlay gnutella')
    for (const part of [
      'gnutella: running, 1 neighbour',
      'queries\nQUERY ID  TTL  HOPS  FROM  FORWARDED TO\nab12      7    0     -     12D3KooW…QiWiJ6Qs',
      'hostCache  12',
      'queriesForwarded  41'
    ]) {
      expect(overlay.out).toContain(part)
    }
    expect((await fixture.run('overlay gnutella --json')).json[0]).toMatchObject({
      queries: [{ queryId: 'ab12' }]
    })
  })

  it.each(CLIENT_VERBS.filter(line => line !== 'stop'))('%s --json is JSON and nothing else', async line => {
    const ran = await fixture.run(`${line} --json`, { cwd: empty, columns: 80 })
    expect(ran.code).toBe(0)
    expect(ran.json.length).toBeGreaterThan(0)
    expect(ran.err).toBe('')
    expect(ran.out).not.toContain('\u001b')
  })

  it.each(CLIENT_VERBS.filter(line => line !== 'stop'))('%s --quiet gives data alone', async line => {
    const ran = await fixture.run(`${line} --quiet`, { cwd: empty, columns: 80 })
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).not.toBe('')
  })

  it.each(CLIENT_VERBS.filter(line => line !== 'stop'))('%s fits a narrow terminal', async line => {
    const ran = await fixture.run(line, { cwd: empty, columns: 72, env: { NO_COLOR: '1' } })
    const long = ran.out
      .split('\n')
      .filter(text => displayWidth(text) > 72 && !/servent1|^Shared|^Id |^Node|^Addresses/.test(text))
    expect(long).toEqual([])
  })
})

describe('settings', () => {
  it('say who set them', async () => {
    const file = join(empty, 'config.toml')
    await writeFile(file, 'relay = "off"\n[gnutella]\nttl = 5\n')
    const ran = await fixture.run('config --json --max-upload-rate 5000 --set gnutella.neighbours=9', {
      env: { SERVENT_CONFIG: file, SERVENT_LOG_LEVEL: 'debug' }
    })
    const [config] = ran.json as unknown as [
      {
        settings: { key: string; value: unknown; origin: string; source: string }[]
        paths: Record<string, string>
      }
    ]
    const of = (key: string) => config.settings.find(setting => setting.key === key)
    expect(of('relay')).toMatchObject({ value: 'off', origin: 'file', source: `${file} line 1` })
    expect(of('gnutella.ttl')).toMatchObject({ value: 5, origin: 'file' })
    expect(of('log-level')).toMatchObject({ value: 'debug', origin: 'env', source: 'SERVENT_LOG_LEVEL' })
    expect(of('max-upload-rate')).toMatchObject({ value: 5000, origin: 'flag' })
    expect(of('gnutella.neighbours')).toMatchObject({ value: 9, origin: 'flag' })
    expect(of('max-connections')).toMatchObject({ value: 200, origin: 'default' })
    expect(config.paths).toMatchObject({ configFile: file, dataDir: fixture.dataDir })
  })

  it('take every flag that the interface promises', async () => {
    const line =
      'config --json --listen /ip4/127.0.0.1/tcp/1 --listen /ip4/127.0.0.1/tcp/2 --overlays gnutella --discovery bootstrap --api 127.0.0.1:0 --download-dir /tmp/d --max-upload-rate 1 --max-download-rate 2 --no-inbound --relay off --set gnutella.ttl=3'
    const [config] = (await fixture.run(line)).json as unknown as [
      { settings: { key: string; value: unknown }[] }
    ]
    const values = Object.fromEntries(config.settings.map(({ key, value }) => [key, value]))
    expect(values).toMatchObject({
      listen: ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'],
      discovery: ['bootstrap'],
      api: '127.0.0.1:0',
      'download-dir': '/tmp/d',
      'max-upload-rate': 1,
      'no-inbound': true,
      'gnutella.ttl': 3
    })
  })
})

describe('help', () => {
  it('of `servent` alone names the first verbs', async () => {
    const ran = await runLine(['--data-dir', empty])
    expect(ran.code).toBe(0)
    for (const verb of ['start', 'share', 'search', 'get', 'status'])
      expect(ran.out).toContain(`servent ${verb}`)
    expect(ran.out).toContain('No node is running')
    expect((await fixture.run('')).out).toContain('Your node is running')
    expect((await runLine(['--data-dir', empty, '--json'])).json[0]).toMatchObject({
      running: false,
      version: VERSION
    })
  })

  it('is spelled as the user must type it: a clone has no `servent` on the path', async () => {
    const env = { npm_command: 'exec' }
    expect((await runLine(['--data-dir', empty], { env })).out).toContain('npx servent share ~/Music')
    expect((await runLine(['--data-dir', empty, 'status'], { env })).err).toContain(
      'try:   npx servent start\n'
    )
    expect((await fixture.run('status', { env })).err).toBe('Next: npx servent search miles davis\n')
    expect((await fixture.run('status')).err).toBe('Next: servent search miles davis\n')
  })

  it('lists every verb of this version, each with examples', async () => {
    const { out, code } = await runLine('--help')
    expect(code).toBe(0)
    const verbs = [
      'start',
      'stop',
      'status',
      'share',
      'unshare',
      'library',
      'ticket',
      'search',
      'get',
      'downloads',
      'uploads',
      'wish',
      'wishes',
      'unwish',
      'peers',
      'overlay',
      'doctor',
      'config',
      'completion'
    ]
    for (const verb of verbs) {
      expect(out).toMatch(new RegExp(`^  ${verb} `, 'm'))
      const help = await runLine(`help ${verb}`)
      expect(help).toMatchObject({ code: 0, err: '' })
      expect(help.out, verb).toContain('Examples:\n')
    }
  })

  it('knows its version', async () => {
    expect((await runLine('--version')).out).toBe(`${pkg.version}\n`)
    expect(VERSION).toBe(pkg.version)
  })
})

describe('doctor', () => {
  it('asks the node, and looks from outside', async () => {
    const ran = await fixture.run('doctor --json')
    const [{ checks }] = ran.json as unknown as [{ checks: { name: string; ok: boolean }[] }]
    expect(checks.map(({ name }) => name)).toEqual(['node', 'settings', 'token', 'daemon', 'neighbours'])
    expect(ran.code).toBe(0)
  })

  it('works without a node', async () => {
    const ran = await runLine(`--data-dir ${empty} doctor --json`, {
      env: { SERVENT_API: '127.0.0.1:0', SERVENT_LISTEN: '/ip4/127.0.0.1/tcp/0' }
    })
    expect(ran.code).toBe(0)
    expect(JSON.stringify(ran.json)).toContain('No node is running')
  })

  it('finds a taken port, a file for a folder, and settings that are wrong', async () => {
    const { port } = new URL(fixture.api.url)
    const taken = await runLine(`--data-dir ${empty} doctor`, {
      env: { SERVENT_API: `127.0.0.1:${port}`, SERVENT_LISTEN: '/ip4/127.0.0.1/tcp/0' }
    })
    expect(taken.code).toBe(1)
    expect(taken.out).toContain(
      `wrong api port: 127.0.0.1:${port} cannot be listened on (EADDRINUSE).\n      try: end the program that has it, or use --api 127.0.0.1:0`
    )
    const file = await runLine(`--data-dir ${music} doctor`)
    expect(file.out).toContain(`wrong data folder: ${music} is no folder.`)
    const settings = await runLine(`--data-dir ${empty} doctor`, { env: { SERVENT_RELAY: 'sideways' } })
    expect(settings.code).toBe(1)
    expect(settings.out).toContain('wrong settings: relay takes one of')
  })
})
