/**
 * Eight real processes on a Chord ring: what is shared is found by its words and by its id, and values by their
 * keys, also after the peers that were their homes were killed with kill -9.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { betweenRightClosed, type Key, keyFromHex, keyOfWord } from '@servent/overlay'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Daemon, eventually } from './harness.ts'

const PEERS = 8
/** Three successors, so that eight make a ring; timers so short that a test need not wait. */
const SETTINGS = ['successors=3', 'stabilise-ms=500', 'fix-fingers-ms=500', 'check-predecessor-ms=500']
const FLAGS = ['--overlays', 'chord', ...SETTINGS.flatMap(setting => ['--set', `chord.${setting}`])]
const CONTENT = randomBytes(1_234_567)

interface Tables {
  readonly mode: string
  readonly places: readonly { readonly key: string; readonly member: boolean }[]
  readonly predecessors: readonly { readonly peerId: string }[]
  readonly successors: readonly { readonly peerId: string }[]
}

interface Member {
  readonly daemon: Daemon
  readonly key: Key
}

let ring: Member[] = []
/** Those that were not killed. */
let alive: Member[] = []

async function tablesOf(daemon: Daemon): Promise<Tables> {
  return (await (await daemon.api('/v1/overlays/chord')).json()) as Tables
}

/** The first of them at the key or clockwise after it: the key's home. */
function homeOf(key: Key, members: readonly Member[]): Member {
  const sorted = members.toSorted((a, b) => Buffer.compare(a.key, b.key))
  return sorted.find((member, place) => betweenRightClosed(key, sorted.at(place - 1)!.key, member.key))!
}

/** Each has the one after it for its first successor, and the one before it for its predecessor. */
async function isWhole(members: readonly Member[]): Promise<boolean> {
  const sorted = members.toSorted((a, b) => Buffer.compare(a.key, b.key))
  const tables = await Promise.all(sorted.map(({ daemon }) => tablesOf(daemon)))
  return tables.every(
    ({ mode, successors, predecessors }, place) =>
      mode === 'ring' &&
      successors[0]?.peerId === sorted[(place + 1) % sorted.length]!.daemon.ready.peerId &&
      predecessors[0]?.peerId === sorted.at(place - 1)!.daemon.ready.peerId
  )
}

async function kill(member: Member): Promise<void> {
  await member.daemon.end('SIGKILL')
  alive = alive.filter(other => other !== member)
}

/** Of words that no file has yet, one whose home is none of these. */
function wordNotAt(members: readonly Member[]): { word: string; home: Member } {
  for (let number = 0; ; number += 1) {
    const word = `mandolin${number}`
    const home = homeOf(keyOfWord(word), alive)
    if (!members.includes(home)) return { word, home }
  }
}

describe('a ring of eight', () => {
  beforeAll(async () => {
    const first = await Daemon.start({ flags: FLAGS })
    const others = Array.from({ length: PEERS - 1 }, () =>
      Daemon.start({ flags: [...FLAGS, '--bootstrap', first.address] })
    )
    for (const daemon of [first, ...(await Promise.all(others))])
      ring.push({ daemon, key: keyFromHex((await tablesOf(daemon)).places[0]!.key) })
    alive = [...ring]
    await eventually(() => isWhole(alive), 'the ring is whole', 80_000)
  }, 120_000)

  afterAll(async () => {
    for (const { daemon } of ring) await daemon[Symbol.asyncDispose]()
    ring = []
  }, 60_000)

  it('finds a file by two of its words and by its id, and fetches it, after the home of a word was killed', async () => {
    const [sharer, seeker, other] = ring as [Member, Member, Member]
    const { word, home } = wordNotAt([sharer, seeker, other])
    const path = join(sharer.daemon.home, `Überlandleitung ${word} am Fluss.bin`)
    await writeFile(path, CONTENT)
    const shared = await sharer.daemon.json(['share', path])
    const announced = async () => {
      const [overlay] = (await sharer.daemon.json(['status'])).overlays
      return overlay.announced.files === 1 && overlay.announced.of === 1
    }
    await eventually(announced, 'the file is announced', 20_000)

    await kill(home)

    const words = ['uberlandleitung', word]
    const [hit, end] = (await seeker.daemon.run(['--json', 'search', ...words, '--limit', '1'])).json
    expect(hit).toMatchObject({
      event: 'hit',
      id: shared.ids[0],
      size: CONTENT.length,
      provider: sharer.daemon.ready.peerId,
      overlay: 'chord'
    })
    expect(end).toMatchObject({
      event: 'done',
      hits: 1,
      overlays: [{ name: 'chord', hits: 1, total: 1, more: false }]
    })
    const done = await seeker.daemon.json(['get', '1'])
    expect(
      createHash('sha256')
        .update(await readFile(done.path))
        .digest()
    ).toEqual(createHash('sha256').update(CONTENT).digest())
    // This one has searched for nothing: the id is all that it has.
    const again = await other.daemon.json(['get', shared.ids[0]])
    expect(again).toMatchObject({ event: 'done', bytes: CONTENT.length })
    expect(Buffer.compare(await readFile(again.path), CONTENT)).toBe(0)
    expect((await seeker.daemon.run(['search', word, 'xylophone'])).code).toBe(3)
  }, 60_000)

  it('has a value under its key after the key’s owner was killed, and takes a newer one', async () => {
    const [writer, reader] = ring as [Member, Member]
    let number = 0
    const ownerOf = (key: string) => homeOf(createHash('sha256').update(key).digest(), alive)
    while ([writer, reader].includes(ownerOf(`greeting ${number}`))) number += 1
    const key = `greeting ${number}`
    const owner = ownerOf(key)

    const put = await writer.daemon.json(['put', key, 'hello'])
    expect(put).toMatchObject({ key, bytes: 5, overlays: [{ name: 'chord' }] })
    expect(put.overlays[0].copies).toBeGreaterThanOrEqual(2)
    await kill(owner)
    const found = await reader.daemon.json(['value', key])
    expect(found).toMatchObject({ value: 'hello', writer: writer.daemon.ready.peerId, overlay: 'chord' })

    await reader.daemon.json(['put', key, 'goodbye'])
    const newer = await writer.daemon.run(['value', key])
    expect(newer).toMatchObject({ code: 0, out: 'goodbye\n' })
    expect((await reader.daemon.run(['value', 'nobody put this'])).code).toBe(3)
  }, 60_000)

  it('shows its tables, and mends them', async () => {
    await eventually(() => isWhole(alive), 'the ring is whole again', 20_000)
    const shown = await alive[0]!.daemon.run(['overlay', 'chord'])
    expect(shown.out).toMatch(/^chord: running, \d neighbours, announced 1 of 1 file$/m)
    for (const part of ['meaning', 'predecessors', 'successors']) expect(shown.out).toContain(part)
  }, 30_000)
})
