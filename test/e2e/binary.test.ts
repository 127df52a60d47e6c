/** The single executable: built, then run with an empty environment, sharing and fetching. */
import { execFile, execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PgliteServer } from '../../packages/keyword-index/test/pglite-server.ts'
import { Daemon, eventually, neighbours, run } from './harness.ts'

const ROOT = join(import.meta.dirname, '../..')
const BUILD_MS_MAX = 120_000

let folder: string
let binary: string
/** `env -i` leaves the executable nothing: no PATH on which it could find a Node. */
let command: string[]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-binary-'))
  const built = join(folder, 'built')
  await promisify(execFile)(process.execPath, [join(ROOT, 'scripts/binary.mjs'), '--out', built])
  // Alone in a folder under another name: it may need nothing that stood beside it.
  binary = join(folder, 'elsewhere')
  await copyFile(built, binary)
  await rm(built)
  command = ['env', '-i', `HOME=${folder}`, binary]
}, BUILD_MS_MAX)
afterAll(() => rm(folder, { recursive: true, force: true }))

it('runs with an empty environment, and knows its verbs', () => {
  const said = execFileSync('env', ['-i', `HOME=${folder}`, binary, '--help'], { encoding: 'utf8' })
  expect(said).toContain('share <PATH...>')
  expect(
    execFileSync('env', ['-i', `HOME=${folder}`, binary, 'config', '--json'], { encoding: 'utf8' })
  ).toContain(`${folder}/.local/share/servent`)
})

it('shares and fetches', async () => {
  await using sharer = await Daemon.start({ command })
  await using seeker = await Daemon.start({ command, flags: ['--bootstrap', sharer.address] })
  await neighbours(seeker, 1)
  const song = randomBytes(2_500_000)
  await writeFile(join(sharer.home, 'banjo.ogg'), song)
  const shared = await sharer.run(['--json', 'share', join(sharer.home, 'banjo.ogg')])
  expect(shared.json.at(-1)).toMatchObject({ event: 'done', files: 1, bytes: 2_500_000 })
  const found = await seeker.run(['--json', 'search', 'banjo', '--limit', '1'])
  expect(found.json[0]).toMatchObject({ event: 'hit', name: 'banjo.ogg', provider: sharer.ready.peerId })
  const got = await seeker.run(['--json', 'get', '1'])
  expect(got.json.at(-1)).toMatchObject({ event: 'done', bytes: 2_500_000 })
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  expect(sha256(await readFile(got.json.at(-1).path))).toBe(sha256(song))
})

/** Each in a thread, a file or a connection of its own, which the executable brings along. */
it.each(['memory', 'sqlite', 'postgres'])(
  'is a Napster server with its index in %s, and a user of one',
  async index => {
    await using database = index === 'postgres' ? await startDatabase() : undefined
    const set = [
      `napster.index=${index}`,
      ...(database === undefined ? [] : [`napster.database=${database.url}`])
    ]
    const flags = ['--overlays', 'napster,napster-server', ...set.flatMap(setting => ['--set', setting])]
    await using server = await Daemon.start({ command, flags })
    const user = ['--overlays', 'napster', '--set', `napster.servers=${server.address}`]
    await using sharer = await Daemon.start({ command, flags: user })
    await using seeker = await Daemon.start({ command, flags: user })
    const song = randomBytes(300_000)
    await writeFile(join(sharer.home, 'banjo.ogg'), song)
    await sharer.run(['share', join(sharer.home, 'banjo.ogg')])
    const found = await eventually(async () => {
      const { json } = await seeker.run(['--json', 'search', 'banjo', '--limit', '1', '--timeout', '2'])
      return json[0].event === 'hit' ? json[0] : undefined
    }, `the server finds what is shared (${index})`)
    expect(found).toMatchObject({ name: 'banjo.ogg', provider: sharer.ready.peerId, overlay: 'napster' })
    const got = await seeker.run(['--json', 'get', '1'])
    expect((await readFile(got.json.at(-1).path)).equals(song)).toBe(true)
    expect((await server.run(['status'])).out).not.toContain('The index is away')
    if (index === 'sqlite') expect(await readdir(server.dataDir)).toContain('napster-index.db')
  },
  180_000
)

async function startDatabase(): Promise<AsyncDisposable & { readonly url: string }> {
  const running = await PgliteServer.start()
  return { url: running.url, [Symbol.asyncDispose]: () => running.stop() }
}

it('starts itself in the background', async () => {
  const flags = ['--listen', '/ip4/127.0.0.1/tcp/0', '--discovery', 'bootstrap', '--api', '127.0.0.1:0']
  const started = await run(folder, ['--json', 'start', ...flags], { command })
  expect(started).toMatchObject({ code: 0, err: '' })
  expect((await run(folder, ['status'], { command })).out).toContain(started.json[0].peerId)
  expect(await run(folder, ['stop'], { command })).toMatchObject({
    code: 0,
    out: `Stopped the node (pid ${started.json[0].pid}).\n`
  })
})
