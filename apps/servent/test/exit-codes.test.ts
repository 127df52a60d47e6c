/** Exit codes of the command line, each with what it says: the README. */
import { rm } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FILE_ID } from './fake-node.ts'
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

describe('exit codes', () => {
  it.each(CLIENT_VERBS)('5 where no node runs: %s', async line => {
    const ran = await runLine(`--data-dir ${empty} ${line}`, { cwd: empty })
    expect(ran.code).toBe(5)
    expect(ran.out).toBe('')
    expect(ran.err).toBe(`error: No node is running on ${empty}.\ntry:   servent start\n`)
    const json = await runLine(`--data-dir ${empty} --json ${line}`, { cwd: empty })
    expect(json.json).toEqual([
      {
        event: 'error',
        code: 'no-daemon',
        exit: 5,
        message: `No node is running on ${empty}.`,
        try: 'servent start'
      }
    ])
    expect(json.err).toBe('')
  })

  it.each([
    [
      'a verb that there is not',
      'serch banjo',
      'There is no verb "serch".',
      'servent search, or servent --help'
    ],
    ['nothing like a verb', 'xyzzy', 'There is no verb "xyzzy".', 'servent --help'],
    ['an unknown flag', 'status --frobnicate', "Unknown option '--frobnicate'.", 'servent status --help'],
    [
      'a mistyped flag',
      'search banjo --limt 3',
      "Unknown option '--limt'.",
      'did you mean --limit? servent search --help lists what there is'
    ],
    [
      'an unknown global flag',
      '--frobnicate status',
      "Unknown option '--frobnicate'.",
      'servent status --help'
    ],
    ['a missing argument', 'get', "Missing required argument 'WHAT'.", 'servent get --help'],
    [
      'one argument too many',
      'status now',
      "Too many arguments for 'status'. Expected 0 arguments but got 1: now.",
      'servent status --help'
    ],
    [
      'a flag without its value',
      'search banjo --limit',
      "Option '--limit <N>' argument missing.",
      'servent search --help'
    ],
    [
      'a limit of nothing',
      'search banjo --limit 0',
      "Option '--limit <N>' argument '0' is invalid. It takes a whole number from 1 to 1000.",
      'servent search --help'
    ],
    [
      'a limit past the largest',
      'search banjo --limit 1001',
      "Option '--limit <N>' argument '1001' is invalid. It takes a whole number from 1 to 1000.",
      'servent search --help'
    ],
    [
      'a negative time',
      'search banjo --timeout -1',
      "Option '--timeout <S>' argument '-1' is invalid. It takes seconds, more than 0 and at most 600.",
      'servent search --help'
    ],
    [
      'a size in furlongs',
      'search banjo --min-size 3furlongs',
      "Option '--min-size <B>' argument '3furlongs' is invalid. It takes bytes, as 700000, 20M or 1.5G.",
      'servent search --help'
    ],
    [
      'a link speed that Napster has not',
      'search banjo --min-link-speed 11',
      "Option '--min-link-speed <N>' argument '11' is invalid. It takes a whole number from 1 to 10.",
      'servent search --help'
    ],
    [
      'a shell that there is not',
      'completion tcsh',
      "Command-argument value 'tcsh' is invalid for argument 'SHELL'. Allowed choices are bash, zsh, fish, powershell.",
      'servent completion --help'
    ],
    [
      'two wishes at once',
      'downloads --pause a --cancel b',
      "Option '--pause <ID>' cannot be used with option '--cancel <ID>'.",
      'servent downloads --help'
    ]
  ])('2 for %s', async (_, line, message, advice) => {
    const ran = await fixture.run(line)
    expect(ran).toMatchObject({ code: 2, out: '', err: `error: ${message}\ntry:   ${advice}\n` })
    const json = await fixture.run(`${line} --json`)
    if (!line.endsWith('--limit'))
      expect(json.json).toEqual([{ event: 'error', code: 'usage', exit: 2, message, try: advice }])
    expect(json.err).toBe('')
  })

  it('2 for settings that make no sense, and says who set them', async () => {
    const flag = await fixture.run('config --relay sideways')
    expect(flag.code).toBe(2)
    expect(flag.err).toContain('relay takes one of off, use, serve, and --relay says "sideways"')
    const variable = await fixture.run('config', { env: { SERVENT_MAX_CONNECTIONS: 'many' } })
    expect(variable.err).toContain('SERVENT_MAX_CONNECTIONS says "many"')
    expect((await fixture.run('config --set gnutela.ttl=3')).err).toContain('Did you mean gnutella.ttl?')
  })

  it('3 where nothing is found', async () => {
    const { searchEvents } = fixture.node
    fixture.node.searchEvents = [
      {
        event: 'done',
        hits: 0,
        files: 0,
        overlays: [{ name: 'gnutella', hits: 0, firstHitMs: null, messages: 3, bytes: 99 }]
      }
    ]
    const ran = await fixture.run('search banjo')
    const json = await fixture.run('search banjo --json')
    fixture.node.searchEvents = [
      {
        event: 'done',
        hits: 0,
        files: 0,
        overlays: [{ name: 'gnutella', hits: 0, firstHitMs: null, messages: 0, bytes: 0 }]
      }
    ]
    const alone = await fixture.run('search banjo')
    const silent = { name: 'chord', hits: 0, firstHitMs: null, messages: 0, bytes: 0 } as const
    fixture.node.searchEvents = [
      { event: 'done', hits: 0, files: 0, overlays: [{ ...silent, reason: 'It has met nobody.' }] }
    ]
    const early = await fixture.run('search banjo')
    fixture.node.searchEvents = searchEvents
    expect(ran).toMatchObject({ code: 3, out: '' })
    expect(ran.err).toBe(
      'Nothing found for "banjo".\nwhy:   no peer that gnutella reached has a file with all these words\ntry:   fewer words, a larger --timeout, or again later\n'
    )
    expect(early).toMatchObject({
      code: 3,
      err: expect.stringContaining('note:  chord could not search: It has met nobody.\n')
    })
    expect(alone.err).toContain('why:   this node has no neighbours to ask yet')
    expect(json.code).toBe(3)
    expect(json.json).toEqual([
      {
        event: 'done',
        hits: 0,
        files: 0,
        overlays: [{ name: 'gnutella', hits: 0, firstHitMs: null, messages: 3, bytes: 99 }]
      }
    ])
  })

  it('says of a search whether more may match, and why it came to no end', async () => {
    const { searchEvents } = fixture.node
    const [hit] = searchEvents
    const chord = { name: 'chord', hits: 0, firstHitMs: null, messages: 3, bytes: 99 } as const
    const done = (more: object) =>
      ({ event: 'done', hits: 0, files: 0, overlays: [{ ...chord, ...more }] }) as const
    const run = async (event: object, isFound = false) => {
      fixture.node.searchEvents = [...(isFound ? [hit!] : []), event as (typeof searchEvents)[number]]
      const ran = await fixture.run('search banjo')
      fixture.node.searchEvents = searchEvents
      return ran
    }
    const late = await run(done({ more: true }))
    const lost = await run(done({ more: true, reason: 'No peer could be reached.' }))
    const some = await run(
      done({ hits: 1, firstHitMs: 5, total: 12_340, more: true, reason: 'It is gone.' }),
      true
    )
    const all = await run(done({ hits: 1, firstHitMs: 5, total: 1, more: false }), true)
    expect(late.code).toBe(3)
    expect(late.err).toContain('why:   not all who may have such a file were heard, so there may be one')
    expect(lost.err).toContain('note:  chord could not search: No peer could be reached.')
    expect(lost.err).not.toContain('no peer that chord reached has')
    expect(some.code).toBe(0)
    expect(some.err).toContain('chord: more may match, for not all of 12,340 files with the rarest word were')
    expect(some.err).toContain('note:  chord could not search to the end: It is gone.')
    expect(all.err).not.toContain('more may match')
  })

  it('is quiet about overlays that have nobody to ask, but for one that was named, and where none has', async () => {
    const { searchEvents } = fixture.node
    const [hit] = searchEvents
    const none = { hits: 0, firstHitMs: null, messages: 0, bytes: 0 } as const
    const napster = {
      name: 'napster',
      ...none,
      status: 'nobody',
      reason: 'There is no server to ask.'
    } as const
    const fasttrack = { name: 'fasttrack', ...none, status: 'nobody' } as const
    const gnutella = { name: 'gnutella', ...none, messages: 3, bytes: 99 } as const
    const run = async (command: string, overlays: object[], isFound = false) => {
      const done = { event: 'done', hits: 0, files: 0, overlays } as unknown as (typeof searchEvents)[number]
      fixture.node.searchEvents = [...(isFound ? [hit!] : []), done]
      const ran = await fixture.run(command)
      fixture.node.searchEvents = searchEvents
      return ran
    }
    const note = 'note:  gnutella has nobody to ask: There is no server to ask.\n'
    const alone = { ...napster, name: 'gnutella' }
    const found = await run('search banjo', [napster, fasttrack, gnutella], true)
    expect(found.err).toContain('  gnutella: 0 hits')
    expect(found.err).not.toMatch(/napster|fasttrack/)
    expect((await run('search banjo --overlay gnutella', [alone], true)).err).toContain(note)
    expect((await run('search banjo', [napster, fasttrack, gnutella])).err).toBe(
      'Nothing found for "banjo".\nwhy:   no peer that gnutella reached has a file with all these words\ntry:   fewer words, a larger --timeout, or again later\n'
    )
    const why = 'why:   this node has no neighbours to ask yet\ntry:   servent peers, servent doctor\n'
    expect((await run('search banjo', [napster, fasttrack])).err).toBe(`Nothing found for "banjo".\n${why}`)
    expect((await run('search banjo', [napster])).err).toBe(
      'Nothing found for "banjo".\nwhy:   There is no server to ask.\ntry:   servent peers, servent doctor\n'
    )
    expect((await run('search banjo --overlay gnutella', [alone])).err).toBe(
      `Nothing found for "banjo".\n${note}${why}`
    )
    const { json } = await run('--json search banjo', [napster, gnutella])
    expect(json.at(-1)).toMatchObject({ overlays: [{ name: 'napster', status: 'nobody' }, {}] })
  })

  it('says which servers did not answer a search', async () => {
    const { searchEvents } = fixture.node
    const [hit] = searchEvents
    const napster = { name: 'napster', hits: 0, firstHitMs: null, messages: 3, bytes: 99 } as const
    const silent = ['12D3KooWGcSLWbZRhPV9pVtCTLxxuS3w3gpUYMTVzGrsQiWiJ6Qs', 'QmOne', 'QmTwo', 'QmThree']
    const run = async (servers: string[], isFound: boolean) => {
      const done = {
        event: 'done',
        hits: 0,
        files: 0,
        overlays: [{ ...napster, unanswered: servers }]
      } as const
      fixture.node.searchEvents = [...(isFound ? [hit!] : []), { ...done, overlays: [...done.overlays] }]
      const ran = await fixture.run('search banjo')
      fixture.node.searchEvents = searchEvents
      return ran
    }
    const none = await run(silent.slice(0, 1), false)
    expect(none.code).toBe(3)
    expect(none.err).toContain('note:  napster: 1 server did not answer (12D3KooW…QiWiJ6Qs)\n')
    expect(none.err).toContain('why:   not all who may have such a file were heard')
    const some = await run(silent, true)
    expect(some.code).toBe(0)
    expect(some.err).toContain(
      'note:  napster: 4 servers did not answer (12D3KooW…QiWiJ6Qs, QmOne, QmTwo, …)\n'
    )
  })

  it('3 for a path, an id and an overlay that are not there', async () => {
    expect(await fixture.run('share /no/such/file')).toMatchObject({
      code: 3,
      err: 'error: There is no /no/such/file.\ntry:   check the spelling; a name with spaces needs quotes\n'
    })
    expect((await fixture.run(`ticket ${FILE_ID.slice(0, 18)}zzzz`)).code).toBe(3)
    expect((await fixture.run('overlay chord')).code).toBe(3)
  })

  it.each([
    ['NotFoundError', 3],
    ['TimeoutError', 4],
    ['NotReadyError', 4],
    ['LookupError', 4],
    ['QuorumError', 4],
    ['VerificationError', 7],
    ['SomethingElse', 1]
  ])('%s while fetching gives %i', async (name, code) => {
    fixture.node.failure = Object.assign(new Error('It went wrong.'), { name })
    const ran = await fixture.run('get 1')
    expect(ran.code).toBe(code)
    expect(ran.err).toContain('error: It went wrong.')
    expect((await fixture.run('get 1 --json')).json.at(-1)).toMatchObject({
      event: 'error',
      exit: code,
      message: 'It went wrong.'
    })
  })

  it('3 where nobody has a value, 4 where one overlay kept it and another did not', async () => {
    fixture.node.failure = Object.assign(new Error('Nobody on chord has a value under "k".'), {
      name: 'NoValueError'
    })
    expect(await fixture.run('value k')).toMatchObject({
      code: 3,
      out: '',
      err: 'error: Nobody on chord has a value under "k".\ntry:   check the spelling of the key, or put one: servent put KEY VALUE\n'
    })
    fixture.reset()
    const whole = fixture.node.putView
    fixture.node.putView = {
      overlays: [
        { name: 'chord', copies: 1 },
        { name: 'pastry', copies: 0, reason: 'It knows nobody yet.' }
      ]
    }
    const part = await fixture.run('put k v')
    fixture.node.putView = whole
    expect(part).toMatchObject({ code: 4, out: 'Kept  k  1 B  chord: 1 copy\n' })
    expect(part.err).toBe(
      'note:  pastry did not keep it\nwhy:   It knows nobody yet.\ntry:   servent overlay pastry, then the same command again\nNext: servent value k\n'
    )
    fixture.node.failure = Object.assign(new Error('No answer in time.'), { name: 'TimeoutError' })
    expect((await fixture.run('put k v')).code).toBe(4)
    fixture.node.failure = Object.assign(new Error('A value has at most 8 bytes.'), { name: 'LimitError' })
    expect((await fixture.run('put k v')).code).toBe(2)
  })

  it('4 where a download waits, with the reason, at once', async () => {
    const { getEvents } = fixture.node
    const progress = {
      event: 'progress' as const,
      verifiedBytes: 500_000,
      totalBytes: 1_000_000,
      sources: [],
      banned: []
    }
    fixture.node.getEvents = [
      // How it stood before: no reason to give up.
      { ...progress, phase: 'paused' },
      { ...progress, phase: 'locating' },
      { ...progress, phase: 'paused', reason: 'The disk is full.' },
      { event: 'done', path: '/never', bytes: 0, sources: 0, seconds: 0 }
    ]
    fixture.node.waits = true
    const ran = await fixture.run('get 1')
    const json = await fixture.run('get 1 --json')
    fixture.node.getEvents = getEvents
    expect(ran.code).toBe(4)
    expect(ran.err).toContain(
      `error: The download waits at 50 %.\nwhy:   The disk is full.\ntry:   servent get ${FILE_ID.slice(0, 18)}, once that is mended\n`
    )
    expect(json.code).toBe(4)
    expect(json.json.map(({ event }) => event)).toEqual([
      'begin',
      'progress',
      'progress',
      'progress',
      'error'
    ])
  })

  it('130 after Ctrl-C, with the way to go on', async () => {
    fixture.node.waits = true
    const during = async (line: string) => {
      const user = new AbortController()
      const ran = fixture.run(line, { signal: user.signal })
      while (fixture.node.calls.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
      // The events before it have been written by then.
      await new Promise(resolve => setTimeout(resolve, 50))
      user.abort()
      fixture.node.calls.length = 0
      return ran
    }
    const get = await during('get 1')
    expect(get.code).toBe(130)
    expect(get.err).toBe(
      `Big Country.flac   1.0 MB\nbanned     12D3KooWGcSLWbZRhP: Its hashes are not those of the file.\nPaused at 78 %. Nothing that was verified is lost. Resume: servent get ${FILE_ID.slice(0, 18)}\n`
    )
    const json = await during('get 1 --json')
    expect(json.code).toBe(130)
    expect(json.json.at(-1)).toEqual({
      event: 'paused',
      verifiedBytes: 780_000,
      totalBytes: 1_000_000,
      resume: `servent get ${FILE_ID.slice(0, 18)}`
    })
    const search = await during('search banjo')
    expect(search.code).toBe(130)
    expect(search.out).toContain('Big Country.flac')
    const share = await during(`share ${music}`)
    expect(share).toMatchObject({ code: 130, err: 'error: Interrupted.\ntry:   the same command again\n' })
  })
})
