/** The built program, as a user runs it: real processes, real files, real signals. */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mp3 } from '../../packages/library/test/helpers/media.ts'
import { Daemon, eventually, neighbours, run } from './harness.ts'

/** Each test starts processes: a machine that computes for others too takes several times the seconds that they need. */
const TEST_MS_MAX = 60_000

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('two nodes', { timeout: TEST_MS_MAX }, () => {
  const song = randomBytes(3_000_000)
  let sharer: Daemon
  let seeker: Daemon
  beforeAll(async () => {
    sharer = await Daemon.start()
    seeker = await Daemon.start({ flags: ['--bootstrap', sharer.address] })
    for (const overlay of ['gnutella', 'chord']) await neighbours(seeker, 1, overlay)
  }, TEST_MS_MAX)
  afterAll(async () => {
    await Promise.all([sharer?.[Symbol.asyncDispose](), seeker?.[Symbol.asyncDispose]()])
  })

  it('say first that they are ready, and where', () => {
    expect(sharer.ready).toMatchObject({
      event: 'ready',
      peerId: expect.stringMatching(/^12D3Koo/),
      addresses: [expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/12D3Koo/)],
      api: {
        url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        tokenFile: join(sharer.dataDir, 'api.token')
      },
      overlays: ['gnutella', 'chord'],
      pid: sharer.pid
    })
  })

  it('keep what is theirs to themselves', async () => {
    for (const name of ['identity.key', 'api.token', 'daemon.json', 'api.sock']) {
      expect((await stat(join(sharer.dataDir, name))).mode & 0o777, name).toBe(0o600)
    }
  })

  it('share, search and get: the same bytes arrive', async () => {
    const folder = join(sharer.home, 'Music')
    await mkdir(folder)
    await writeFile(join(folder, 'Béla Fleck - Flight of the Cosmic Hippo.ogg'), song)
    await writeFile(join(folder, 'liner notes.txt'), 'thanks')
    const shared = await sharer.run(['--json', 'share', 'Music'])
    expect(shared.code).toBe(0)
    expect(shared.json.at(-1)).toMatchObject({ event: 'done', files: 2, bytes: 3_000_006 })
    expect(shared.json.at(-1).ids).toHaveLength(2)

    const words = ['bela', 'HIPPO', '--overlay', 'gnutella', '--timeout', '5', '--limit', '1']
    const searched = await seeker.run(['--json', 'search', ...words])
    expect(searched).toMatchObject({ code: 0, err: '' })
    const [hit, done] = searched.json
    expect(hit).toMatchObject({
      event: 'hit',
      row: 1,
      name: 'Béla Fleck - Flight of the Cosmic Hippo.ogg',
      size: 3_000_000,
      provider: sharer.ready.peerId,
      overlay: 'gnutella',
      hops: 1
    })
    expect(done).toMatchObject({
      event: 'done',
      hits: 1,
      files: 1,
      overlays: [{ name: 'gnutella', hits: 1 }]
    })

    const got = await seeker.run(['--json', 'get', '1'])
    expect(got.code).toBe(0)
    expect(got.json[0]).toMatchObject({ event: 'begin', id: hit.id, name: hit.name })
    const last = got.json.at(-1)
    expect(last).toMatchObject({ event: 'done', bytes: 3_000_000, sources: 1 })
    expect(sha256(await readFile(last.path))).toBe(sha256(song))
    expect(await readdir(join(seeker.dataDir, 'downloads'))).toContain(
      'Béla Fleck - Flight of the Cosmic Hippo.ogg'
    )
  })

  it('show it all to people, too', async () => {
    const status = await seeker.run(['status'])
    expect(status.out).toMatch(/^Overlays +gnutella +running, 1 neighbour$/m)
    expect(status.out).toContain('Downloads  1 done')
    expect((await sharer.run(['library'])).out).toContain(
      'Béla Fleck - Flight of the Cosmic Hippo.ogg  3.0 MB'
    )
    expect((await seeker.run(['peers'])).out).toContain(sharer.ready.peerId)
    expect((await seeker.run(['downloads'])).out).toMatch(/Flight of the Cosmic Hippo\.ogg +done +100 %/)
    const overlay = await seeker.json(['overlay', 'gnutella'])
    expect(overlay.neighbours).toHaveLength(1)
    // A node that listens on loopback alone is told so: nobody else can call it.
    const doctor = await seeker.run(['doctor', '--json'])
    expect(doctor.code).toBe(1)
    const wrong = doctor.json[0].checks.filter(({ ok }: { ok: boolean }) => !ok)
    expect(wrong).toEqual([
      expect.objectContaining({ name: 'reachability', message: expect.stringContaining('loopback') })
    ])
  })

  it('find nothing where there is nothing', async () => {
    const ran = await seeker.run(['search', 'xylophone', '--timeout', '1'])
    expect(ran).toMatchObject({ code: 3, out: '' })
    expect(ran.err).toContain('Nothing found for "xylophone".')
    expect((await seeker.run(['get', '99'])).code).toBe(3)
  })

  it('fetch by ticket from a node that knows nobody', async () => {
    const [{ id }] = (await sharer.json(['library'])).files.filter(({ size }: { size: number }) => size === 6)
    const ticket = (await sharer.run(['ticket', id])).out.trim()
    await using stranger = await Daemon.start()
    const got = await stranger.run(['get', ticket, '--output', join(stranger.home, 'notes.txt')])
    expect(got.err).toContain('every block verified')
    expect(got.code).toBe(0)
    expect(await readFile(join(stranger.home, 'notes.txt'), 'utf8')).toBe('thanks')
  })

  it('pause at Ctrl-C and go on after it', async () => {
    const big = randomBytes(12_000_000)
    await writeFile(join(sharer.home, 'Music', 'marathon.bin'), big)
    const { ticket } = await sharer.json(['share', 'Music/marathon.bin'])
    await using slow = await Daemon.start({ flags: ['--max-download-rate', '4000000'] })
    const first = await slow.run(['--json', 'get', ticket], {
      onProcess: child => {
        child.stdout!.on('data', text => {
          if (/"phase":"fetching","verifiedBytes":[1-9]\d{6}/.test(String(text))) child.kill('SIGINT')
        })
      }
    })
    expect(first.code).toBe(130)
    const paused = first.json.at(-1)
    expect(paused).toMatchObject({ event: 'paused', totalBytes: 12_000_000 })
    expect(paused.verifiedBytes).toBeGreaterThan(1_000_000)
    const [one] = (await slow.json(['downloads'])).downloads
    expect(one.phase).toBe('paused')
    const again = await slow.run(['--json', ...paused.resume.split(' ').slice(1)])
    expect(again.code).toBe(0)
    const fetched = again.json
      .filter(({ phase }) => phase === 'fetching')
      .map(({ verifiedBytes }) => verifiedBytes)
    expect(Math.min(...fetched)).toBeGreaterThanOrEqual(paused.verifiedBytes)
    expect(sha256(await readFile(again.json.at(-1).path))).toBe(sha256(big))
  })

  it('unshare again', async () => {
    expect((await sharer.json(['unshare', 'Music'])).files).toBeGreaterThanOrEqual(2)
    expect((await sharer.run(['unshare', 'Music'])).code).toBe(3)
    // What an overlay has announced it withdraws, which takes a moment.
    const isGone = async () => (await seeker.run(['search', 'liner', 'notes', '--timeout', '1'])).code === 3
    await eventually(isGone, 'nobody finds it any more')
  })

  it('find music by what its files say of themselves', async () => {
    const folder = join(sharer.home, 'Albums')
    await mkdir(folder)
    await writeFile(join(folder, '01.mp3'), mp3({ artist: 'Miles Davis', title: 'So What', year: '1959' }))
    await writeFile(join(folder, '02.mp3'), mp3({ artist: 'John Coltrane', title: '青花瓷 😀' }))
    await sharer.run(['share', 'Albums'])
    const tags = { artist: 'Miles Davis', title: 'So What', year: '1959', seconds: '1' }
    const asked = ['search', '--tag', 'artist=davis miles', '--tag', 'year=1959', '--limit', '1']
    const hits = await seeker.run(['--json', ...asked])
    expect(hits.json[0]).toMatchObject({ event: 'hit', name: '01.mp3', tags })
    const shown = await seeker.run(asked)
    expect(shown.out).toContain('01.mp3  Miles Davis – So What (0:01, 128 kbit/s)')
    expect((await seeker.json(['search', '青花瓷', '--limit', '1'])).files).toBe(1)
    expect((await seeker.run(['search', '--tag', 'year=1960', '--timeout', '0.5'])).code).toBe(3)
    const { files } = await sharer.json(['library'])
    expect(files).toContainEqual(
      expect.objectContaining({ name: '01.mp3', tags: expect.objectContaining(tags) })
    )
  })
})

describe('a node in the background', { timeout: TEST_MS_MAX }, () => {
  let home: string
  const flags = ['--listen', '/ip4/127.0.0.1/tcp/0', '--discovery', 'bootstrap', '--api', '127.0.0.1:0']
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'servent-home-'))
  })
  afterAll(async () => {
    await run(home, ['stop'])
    await rm(home, { recursive: true, force: true })
  })

  it('starts, says what to do next, answers, and stops', async () => {
    const started = await run(home, ['start', ...flags])
    expect(started.err).toContain('First run: a new identity was made')
    expect(started.err).toContain('Next: servent share ~/Music')
    expect(started.out).toMatch(/^Node +12D3Koo/)
    expect(started.code).toBe(0)

    const again = await run(home, ['--json', 'start', ...flags])
    expect(again.code).toBe(0)
    expect(again.json).toEqual([
      expect.objectContaining({
        event: 'ready',
        already: true,
        pid: Number(/\(pid (\d+)\)/.exec(started.out)![1])
      })
    ])

    expect((await run(home, ['--json', 'status'])).json[0]).toMatchObject({ peerId: again.json[0].peerId })
    const stopped = await run(home, ['stop'])
    expect(stopped).toMatchObject({ code: 0, out: `Stopped the node (pid ${again.json[0].pid}).\n` })
    // Whoever is its parent now buries it at leisure.
    await eventually(async () => !isThere(again.json[0].pid), 'the process is gone')
    expect((await run(home, ['status'])).code).toBe(5)
  })

  it('keeps to the XDG folders', async () => {
    expect(await readdir(join(home, '.local/share/servent'))).toContain('identity.key')
    expect(await readdir(join(home, '.local/state/servent'))).toContain('servent.log')
    const lines = (await readFile(join(home, '.local/state/servent/servent.log'), 'utf8'))
      .trimEnd()
      .split('\n')
    for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow()
  })

  it('that cannot start says why, and leaves nothing running', async () => {
    await chmod(join(home, '.local/share/servent/identity.key'), 0o644)
    const started = await run(home, ['start', ...flags])
    await chmod(join(home, '.local/share/servent/identity.key'), 0o600)
    expect(started.code).toBe(6)
    expect(started.err).toMatch(/^error: .*identity\.key/)
    expect((await run(home, ['status'])).code).toBe(5)
  })
})

describe('a daemon', { timeout: TEST_MS_MAX }, () => {
  it('ends orderly at the first signal, and its folder is free', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      await using daemon = await Daemon.start()
      expect(await daemon.end(signal)).toBe(0)
      expect(await readdir(daemon.dataDir)).not.toContain('daemon.json')
      await using next = await Daemon.start({ home: daemon.home })
      expect(next.ready.peerId).toBe(daemon.ready.peerId)
    }
  })

  it('is the only one on its folder', async () => {
    await using daemon = await Daemon.start()
    const flags = ['--listen', '/ip4/127.0.0.1/tcp/0', '--discovery', 'bootstrap', '--api', '127.0.0.1:0']
    const second = await daemon.run(['--json', 'start', '--foreground', ...flags])
    expect(second.code).toBe(1)
    expect(second.json).toEqual([
      expect.objectContaining({
        event: 'error',
        code: 'failed',
        message: expect.stringContaining(String(daemon.pid))
      })
    ])
    // The first one is not harmed by it.
    expect((await daemon.run(['status'])).code).toBe(0)
  })

  it('that was killed is told from one that runs, and starts again', async () => {
    await using daemon = await Daemon.start()
    await daemon.end('SIGKILL')
    const status = await daemon.run(['status'])
    expect(status.code).toBe(5)
    expect(status.err).toContain('it crashed or was killed')
    await using next = await Daemon.start({ home: daemon.home })
    expect((await next.run(['status'])).code).toBe(0)
  })

  it('says which port is taken', async () => {
    await using daemon = await Daemon.start()
    const { host } = new URL(daemon.ready.api.url)
    const [, listen] = /^(\/ip4\/127\.0\.0\.1\/tcp\/\d+)/.exec(daemon.address)!
    await expect(Daemon.start({ flags: ['--api', host] })).rejects.toThrow(`The API cannot listen on ${host}`)
    await expect(Daemon.start({ flags: ['--listen', listen!] })).rejects.toThrow(/tcp/)
  })

  it('stops a search when the command that asked is gone', async () => {
    await using daemon = await Daemon.start()
    const isAsked = async () =>
      (await daemon.json(['overlay', 'gnutella'])).queries.some(
        ({ from }: { from: unknown }) => from === null
      )
    let killedMs = Number.POSITIVE_INFINITY
    const ran = await daemon.run(['search', 'banjo', '--timeout', '600'], {
      onProcess: child => {
        void eventually(isAsked, 'the node searches', 45_000).then(() => {
          killedMs = performance.now()
          child.kill('SIGINT')
        })
      }
    })
    expect(ran.code).toBe(130)
    expect(performance.now() - killedMs).toBeLessThan(20_000)
    expect(await daemon.end()).toBe(0)
  })

  it('takes names of a user that begin like flags, have spaces, and lines', async () => {
    await using daemon = await Daemon.start()
    const names = ['--rf', 'with space.txt', 'two\nlines.txt', 'ünï çødé 周.txt']
    await Promise.all(names.map(name => writeFile(join(daemon.home, name), name)))
    const shared = await daemon.run(['--json', 'share', '--', ...names])
    expect(shared.code).toBe(0)
    expect(shared.json.at(-1)).toMatchObject({ event: 'done' })
    const library = await daemon.run(['library'])
    expect(library.out).toContain('two\\x0alines.txt')
    expect(library.out).toContain('ünï çødé 周.txt')
  })
})

describe('output that is cut off', () => {
  it('is no failure', async () => {
    const home = await mkdtemp(join(tmpdir(), 'servent-pipe-'))
    const ran = await run(home, ['--help'], {
      onProcess: child => child.stdout!.destroy()
    })
    expect(ran.err).toBe('')
    expect(ran.code).toBe(0)
    await rm(home, { recursive: true, force: true })
  })
})

it('an interrupted start in the background leaves no process', async () => {
  const home = await mkdtemp(join(tmpdir(), 'servent-early-'))
  const flags = ['--listen', '/ip4/127.0.0.1/tcp/0', '--discovery', 'bootstrap', '--api', '127.0.0.1:0']
  // The folder of the log is made just before the node's own process.
  const begun = join(home, '.local/state/servent')
  const ran = await run(home, ['start', ...flags], {
    onProcess: child => {
      void eventually(async () => existsSync(begun), 'it begins').then(() => child.kill('SIGINT'))
    }
  })
  expect(ran.code).toBe(130)
  expect(ran.err).toContain('The node was not ready yet and was ended.')
  await eventually(async () => (await run(home, ['status'])).code === 5, 'no node runs')
  await rm(home, { recursive: true, force: true })
})
