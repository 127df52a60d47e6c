/**
 * Publishing: one peer of several shares thousands of files. Announcing ends within its budget, or `status` says which
 * limit holds it back and how long it takes yet; what others have no room for is counted, with why; and all the while
 * whoever searches is answered. `SERVENT_PUBLISH_FILES`, `_PEERS` and `_OVERLAYS` change the size: with 100,000 files and
 * 20 peers an overlay takes most of an hour.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { Daemon, eventually, neighbours } from './harness.ts'
import {
  announcedOf,
  COMMON_WORD,
  costOf,
  countersOf,
  follow,
  numberOf,
  percentile,
  type Sample,
  search,
  writeLibrary
} from './publishing.ts'

const FILES = Number(process.env.SERVENT_PUBLISH_FILES ?? 2000)
const PEERS = Number(process.env.SERVENT_PUBLISH_PEERS ?? 8)
const OVERLAYS = (process.env.SERVENT_PUBLISH_OVERLAYS ?? 'chord,pastry,kelips,kademlia').split(',')
/** More than two cores can do, so that the answers are what holds announcing back. */
const PUBLISH_RATE = 16 * 1024 * 1024
/** Kademlia's budget of keys has no setting, and would take over an hour: it is followed for so long, and says so. */
const KADEMLIA_S = 120
/** A twentieth of what two quiet cores do. */
const FILES_PER_S_MIN = 5
const START_S = 300
const STARTS_AT_A_TIME = 2
/** A search ends by itself a second before this; of 20 one may wait for a machine that has too much to do. */
const ANSWER_MS_MAX = 6_000
const SEARCHES_AFTER = 60
/** As many listen for this process's end. */
process.setMaxListeners(2 * PEERS + process.getMaxListeners())

const daemons: Daemon[] = []

afterEach(async () => {
  await Promise.all(daemons.splice(0).map(daemon => daemon[Symbol.asyncDispose]()))
}, 120_000)

async function startPeers(overlay: string): Promise<Daemon[]> {
  const rate = overlay === 'kademlia' ? [] : ['--set', `${overlay}.publishRate=${PUBLISH_RATE}`]
  const flags = ['--overlays', overlay, ...rate]
  daemons.push(await Daemon.start({ flags }))
  while (daemons.length < PEERS) {
    const count = Math.min(STARTS_AT_A_TIME, PEERS - daemons.length)
    const known = { flags: [...flags, '--bootstrap', daemons[0]!.address] }
    daemons.push(...(await Promise.all(Array.from({ length: count }, () => Daemon.start(known)))))
  }
  // Kademlia keeps no links, but those of its first lookups.
  const links = overlay === 'kademlia' ? 1 : Math.min(3, PEERS - 1)
  for (const daemon of daemons) await neighbours(daemon, links, overlay)
  return daemons
}

const deadlineS = FILES / FILES_PER_S_MIN

it.each(OVERLAYS)(
  `%s: ${FILES} files at one of ${PEERS} peers`,
  async overlay => {
    const [giver, ...others] = (await startPeers(overlay)) as [Daemon, ...Daemon[]]
    const folder = join(giver.home, 'library')
    await mkdir(folder)
    await writeLibrary(folder, FILES)
    const before = await Promise.all(daemons.map(costOf))
    const sharing = giver.json(['share', folder])
    const withinS = overlay === 'kademlia' ? KADEMLIA_S : deadlineS
    const course = await follow(giver, others, overlay, FILES, withinS)
    expect(await sharing).toMatchObject({ files: FILES })
    const after = await Promise.all(daemons.map(costOf))
    const { end, searches, seconds, samples } = course
    report(overlay, { end, seconds, searches, before, after, samples })

    // It is over, and every file is announced, or was refused for a limit that is named; or it says when it will be over.
    const isOver = end.files + (end.refused ?? 0) >= FILES
    if (isOver) {
      expect(end.of).toBe(FILES)
      expect(end.limit).toBeUndefined()
      if (end.refused !== undefined) expect(end.why).toMatch(/others fill|keep no more|are full/)
    } else {
      expect(overlay).toBe('kademlia')
      expect(end.limit).toBeDefined()
      expect(end.leftMs).toBeGreaterThan(0)
    }
    // While it went on, it was said what held it back.
    const working = samples.filter(({ files, refused = 0, of }) => files > 0 && files + refused < of)
    expect(working.filter(({ limit }) => limit === undefined)).toEqual([])

    // Whoever searches is answered meanwhile, and in time.
    expect(searches.length).toBeGreaterThan(0)
    expect(searches.filter(({ reason }) => reason !== undefined)).toEqual([])
    const late = percentile(
      searches.map(({ ms }) => ms),
      0.95
    )
    expect(late).toBeLessThan(ANSWER_MS_MAX)
    const common = searches.filter(({ word }) => word === COMMON_WORD)
    expect(common.at(-1)?.hits).toBe(1)

    // What is announced is found: as many as are announced of all, but for chance.
    const last = await announcedOf(giver, overlay)
    let found = 0
    for (let turn = 0; turn < SEARCHES_AFTER; turn += 1) {
      const file = Math.floor((turn * FILES) / SEARCHES_AFTER)
      found += (await search(others[turn % others.length]!, numberOf(file), overlay)).hits
    }
    if (isOver) expect(found / SEARCHES_AFTER).toBeGreaterThan((0.8 * last.files) / FILES - 0.1)
    console.log(`${overlay}: found after it ${found} of ${SEARCHES_AFTER}`)
    await eventually(async () => (await giver.run(['status'])).out.includes('announced'), 'status says so')
    const { sentBytes = 0 } = await countersOf(giver, overlay)
    console.log(`${overlay}: sent by the giver ${(sentBytes / 2 ** 20).toFixed(1)} MiB`)
  },
  1000 * (START_S + 2 * deadlineS)
)

interface Measured {
  readonly end: Awaited<ReturnType<typeof announcedOf>>
  readonly seconds: number
  readonly searches: readonly { readonly ms: number; readonly word: string }[]
  readonly before: readonly Awaited<ReturnType<typeof costOf>>[]
  readonly after: readonly Awaited<ReturnType<typeof costOf>>[]
  readonly samples: readonly Sample[]
}

function report(overlay: string, { end, seconds, searches, before, after, samples }: Measured): void {
  const cpu = after.map(({ cpuS }, at) => cpuS - before[at]!.cpuS)
  const mebibytes = after.map(({ residentBytes }) => Math.round(residentBytes / 2 ** 20))
  const ms = (part: number) =>
    Math.round(
      percentile(
        searches.map(one => one.ms),
        part
      )
    )
  console.log(
    [
      `${overlay}: ${JSON.stringify(end)} in ${seconds.toFixed(0)} s, ${(end.files / seconds).toFixed(1)} files a second`,
      `CPU: giver ${cpu[0]!.toFixed(0)} s, others ${cpu
        .slice(1)
        .reduce((sum, one) => sum + one, 0)
        .toFixed(0)} s together`,
      `memory: giver ${mebibytes[0]} MiB, others up to ${Math.max(...mebibytes.slice(1))} MiB`,
      `searches meanwhile: ${searches.length}, p50 ${ms(0.5)} ms, p95 ${ms(0.95)} ms`,
      `half way: ${JSON.stringify(samples[Math.floor(samples.length / 2)])}`
    ].join('\n')
  )
}
