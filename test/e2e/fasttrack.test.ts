/** Three real processes in a FastTrack network, one of them its supernode: files are found by their tags, and fetched. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { mp3 } from '../../packages/library/test/helpers/media.ts'
import { Daemon, eventually } from './harness.ts'

const FLAGS = ['--overlays', 'fasttrack']
const SONG = mp3({ artist: 'Miles Davis', title: 'So What', album: 'Kind of Blue', year: '1959' })
const OTHER = mp3({ artist: 'John Coltrane', title: 'Blue Train', album: 'Blue Train', year: '1957' })

interface Tables {
  readonly role: string
  readonly supernode: string | null
  readonly users: number
  readonly indexedFiles: number
}

let peers: Daemon[] = []

async function tables(daemon: Daemon): Promise<Tables> {
  return (await (await daemon.api('/v1/overlays/fasttrack')).json()) as Tables
}

beforeAll(async () => {
  const first = await Daemon.start({ flags: [...FLAGS, '--set', 'fasttrack.role=supernode'] })
  peers = [first]
  for (let number = 0; number < 2; number += 1)
    peers.push(await Daemon.start({ flags: [...FLAGS, '--bootstrap', first.address] }))
}, 60_000)

afterAll(async () => {
  for (const daemon of peers) await daemon[Symbol.asyncDispose]()
}, 60_000)

it('one is the supernode of the others; what one shares another finds by tags and fetches', async () => {
  await eventually(
    async () => {
      const all = await Promise.all(peers.map(tables))
      const supernodes = all.filter(({ role }) => role === 'supernode')
      return (
        supernodes.length > 0 &&
        all.every(({ role, supernode }) => role === 'supernode' || supernode !== null)
      )
    },
    'each is a supernode or has one',
    30_000
  )
  const [, sharer, seeker] = peers as [Daemon, Daemon, Daemon]
  const music = join(sharer.home, 'Music')
  await mkdir(music)
  await writeFile(join(music, '01.mp3'), SONG)
  await writeFile(join(music, '02.mp3'), OTHER)
  await sharer.json(['share', music])
  await eventually(
    async () => (await sharer.json(['status'])).overlays[0].announced.files === 2,
    'both files are announced'
  )

  const query = ['search', '--tag', 'artist=miles davis', '--tag', 'year=1959']
  const found = (await seeker.run(['--json', ...query, '--timeout', '3'])).json
  expect(found).toMatchObject([
    { event: 'hit', name: '01.mp3', provider: sharer.ready.peerId, overlay: 'fasttrack' },
    { event: 'done', hits: 1, overlays: [{ name: 'fasttrack', hits: 1 }] }
  ])
  const done = await seeker.json(['get', '1'])
  expect(Buffer.compare(await readFile(done.path), SONG)).toBe(0)
  expect((await seeker.run(['search', 'blue', '--tag', 'artist=monk', '--timeout', '1'])).code).toBe(3)

  for (const daemon of peers) {
    const { role } = await tables(daemon)
    const shown = await daemon.run(['overlay', 'fasttrack'])
    expect(shown.out).toMatch(/^fasttrack: running, \d neighbours?, announced \d of \d files$/m)
    expect(shown.out).toMatch(new RegExp(`^role +${role}$`, 'm'))
  }
}, 120_000)
