/**
 * Forty processes, a peer in each, of which twelve are killed at once with SIGKILL: whatever a living peer provides is
 * found afterwards by others. For each structured overlay; ours have fewer connections than there are peers.
 *
 * They are lean: libp2p and the overlay's service, as `docs/` puts it into a program. Forty whole daemons would fit into
 * memory, and take so much of two cores to start that the test would tell of little else.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Network } from '../../bench/lookup/network.ts'
import type { Lookup } from '../../bench/lookup/plan.ts'

const PEERS = 40
const KILLED = 12
const CONTENTS = 2 * PEERS
/** Libp2p's own Kademlia is never told where a record found no place for a connection: with 32, some are lost. */
const CONNECTIONS_MAX = { chord: 32, pastry: 32, kelips: 32, kad: 100 } as const
/** Others that look for each content. */
const ASKERS = 2
const AT_ONCE = 2
/** In the whole network: forty processes share two cores, and a lookup has ten seconds. */
const LOOKUPS_AT_ONCE = 4
/** Records come to their homes, and tables to rest. */
const REST_MS = 5_000
/** From the kill until everything is found, with the tables that are there and what mends them meanwhile. */
const FOUND_MS_MAX = 180_000
const TEST_MS_MAX = 1_500_000

/** Each content of a living provider, by some who live and are not its provider. */
function tasks(network: Network): Lookup[] {
  const alive = Array.from({ length: PEERS }, (_, peer) => peer).filter(peer => network.alive(peer))
  return Array.from({ length: CONTENTS * ASKERS }, (_, turn) => {
    const content = turn % CONTENTS
    const provider = content % PEERS
    const others = alive.filter(peer => peer !== provider)
    return { asker: others[(turn * 7 + Math.floor(turn / CONTENTS)) % others.length]!, content, provider }
  }).filter(({ provider }) => alive.includes(provider))
}

/** Those of the lookups that did not find the right provider. */
async function notFound(network: Network, lookups: readonly Lookup[]): Promise<Lookup[]> {
  const missed: Lookup[] = []
  const waiting = [...lookups]
  const worker = async () => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      const [finding] = await network.find([task], 1)
      if (finding!.outcome !== 'right') missed.push(task)
    }
  }
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, worker))
  return missed
}

/** Looks again for what was not found, until all is. Gives what was missed at first, and at last. */
async function findAll(network: Network, lookups: readonly Lookup[]) {
  const startMs = performance.now()
  const first = await notFound(network, lookups)
  let last = first
  while (last.length > 0 && performance.now() - startMs < FOUND_MS_MAX) last = await notFound(network, last)
  return { first: first.length, last, seconds: (performance.now() - startMs) / 1000 }
}

it.each(['chord', 'pastry', 'kelips', 'kad'] as const)(
  '%s: of forty processes twelve are killed at once, and what the living provide is found',
  async side => {
    await using network = await Network.start({
      side,
      seed: `forty of ${side}`,
      processes: Array.from({ length: PEERS }, () => 1),
      introductions: 3,
      connectionsMax: CONNECTIONS_MAX[side]
    })
    await network.refresh()
    await sleep(REST_MS)
    const provided = await network.provide(CONTENTS, AT_ONCE)
    expect(provided.map(({ outcome }) => outcome)).toEqual(Array(CONTENTS).fill('right'))
    const before = tasks(network)
    expect(before).toHaveLength(ASKERS * CONTENTS)
    expect((await findAll(network, before)).last).toEqual([])

    await Promise.all(Array.from({ length: KILLED }, (_, at) => network.kill(PEERS - 1 - at)))
    const wanted = tasks(network)
    expect(wanted).toHaveLength((ASKERS * CONTENTS * (PEERS - KILLED)) / PEERS)
    const { first, last, seconds } = await findAll(network, wanted)
    console.log(
      `${side}: ${wanted.length - first} of ${wanted.length} found at the first try after the kill, all after ${seconds.toFixed(1)} s`
    )
    expect(last).toEqual([])
    const states = await network.state()
    expect(states).toHaveLength(PEERS - KILLED)
    for (const { connections } of states) expect(connections).toBeLessThanOrEqual(CONNECTIONS_MAX[side])
  },
  TEST_MS_MAX
)
