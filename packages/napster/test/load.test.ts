/** Two servers with their indexes in memory, users at both, and one server killed while searches go on. */
import { afterEach, expect, it } from 'vitest'
import { LoadNetwork } from './load-network.ts'
import { killServers } from './load-servers.ts'

/** From a server's death to the moment when all that its users share is found again. */
const FOUND_AGAIN_MS = 8_000

let network: LoadNetwork | undefined

afterEach(async () => {
  await network?.stop()
  killServers()
})

it('finds again whatever was acknowledged after one of two servers is killed', async () => {
  network = await LoadNetwork.start({ users: 20, files: 20, searchesPerSecond: 40 })
  const { servers, users, searches } = network
  await network.announced(10_000)
  const [a, b] = servers
  expect((await a!.state()).users).toBe(11)
  expect((await b!.state()).users).toBe(11)
  searches.start()
  await new Promise(resolve => setTimeout(resolve, 1_000))

  searches.phase = 'server A killed'
  const killedMs = performance.now()
  await a!.kill()
  await searches.sweep(users, FOUND_AGAIN_MS)
  const foundMs = performance.now() - killedMs
  expect(searches.failures).toEqual([])
  expect(users.map(({ server }) => server)).toEqual(users.map(() => b!.peerId))
  expect((await b!.state()).files).toBe(400)

  await searches.stop()
  console.log(
    [...searches.summary(), network.gaps(), `all found again after ${Math.round(foundMs)} ms`].join('\n')
  )
  expect(searches.failures).toEqual([])
  const before = searches.answered('before')
  // A machine that others use may be late for one or two; each says so then.
  expect(before.whole).toBeGreaterThan(0.9 * before.of)
  expect(before.of).toBeGreaterThan(20)
}, 60_000)
