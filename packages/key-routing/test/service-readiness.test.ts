/** Calls that wait until their overlay is ready: how many, how long, and what ends them. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Clock, HostState } from '@servent/libp2p-host'
import { afterEach, describe, expect, it } from 'vitest'
import type { Membership } from '../src/index.ts'
import {
  CALLS_WAITING_MAX,
  CATALOGUE_SETTLE_MS,
  LOOK_MS,
  READY_MS,
  SEEK_MS
} from '../src/service-constants.ts'
import { Readiness, type ReadinessInit } from '../src/service-readiness.ts'
import { startNode, stopNodes, until } from './mesh.ts'

afterEach(stopNodes)

const bytes = (value: string) => new TextEncoder().encode(value)

/** Time that passes when the test says so. */
class HandClock implements Clock {
  ms = 0
  readonly #timers = new Map<number, { atMs: number; run: () => void }>()
  #next = 1

  nowMs(): number {
    return this.ms
  }

  wallMs(): number {
    return this.ms
  }

  setTimeout(run: () => void, ms: number): unknown {
    const id = this.#next
    this.#next += 1
    this.#timers.set(id, { atMs: this.ms + ms, run })
    return id
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number)
  }

  get timers(): number {
    return this.#timers.size
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.ms + ms
    for (;;) {
      const [due] = [...this.#timers]
        .filter(([, { atMs }]) => atMs <= endMs)
        .sort((a, b) => a[1].atMs - b[1].atMs)
      if (due === undefined) break
      this.ms = due[1].atMs
      this.#timers.delete(due[0])
      due[1].run()
    }
    this.ms = endMs
    await new Promise(resolve => setImmediate(resolve))
  }
}

const ALONE: Membership = { isMember: true, others: 0, sinceMs: undefined }
const MET: Membership = { isMember: true, others: 1, sinceMs: 0 }

function overlay(init: Partial<ReadinessInit> = {}) {
  const clock = new HandClock()
  const is: { state: HostState; membership: Membership } = { state: 'running', membership: ALONE }
  const sought: number[] = []
  const readiness = new Readiness({
    clock,
    overlay: 'pastry',
    protocol: '/servent/pastry/1.0.0',
    state: () => is.state,
    membership: () => is.membership,
    bootstrap: 1,
    aloneAfterMs: 0,
    seek: () => sought.push(clock.ms),
    why: () => undefined,
    ...init
  })
  readiness.start()
  return { clock, is, sought, readiness }
}

/** How a wait ended: with the time that was left, or with the name of an error. */
function ended(wait: Promise<number>): { with: unknown } {
  const end: { with: unknown } = { with: undefined }
  wait.then(
    left => {
      end.with = left
    },
    (error: Error) => {
      end.with = error.name
    }
  )
  return end
}

describe('a call', () => {
  it('that can be answered does not wait, and has all its time', async () => {
    const { clock, is, readiness } = overlay()
    is.membership = MET
    expect(await readiness.wait({ timeoutMs: 100 })).toBe(100)
    expect(clock.timers).toBe(0)
  })

  it('is answered at the first look after there are others, with the time that is left', async () => {
    const { clock, is, readiness } = overlay()
    const call = ended(readiness.wait({ timeoutMs: 100 * LOOK_MS }))
    const patient = ended(readiness.wait({ timeoutMs: 100 * LOOK_MS, peers: 3 }))
    await clock.pass(10 * LOOK_MS)
    expect(call.with).toBeUndefined()
    is.membership = MET
    await clock.pass(LOOK_MS)
    expect([call.with, patient.with]).toEqual([89 * LOOK_MS, undefined])
    is.membership = { ...MET, others: 2 }
    await clock.pass(LOOK_MS)
    expect(patient.with).toBe(88 * LOOK_MS)
    expect([clock.timers, readiness.waiting]).toEqual([0, 0])
  })

  it('waits until what was heard of others can be relied on, and where nobody is left for nobody', async () => {
    const { clock, is, readiness } = overlay()
    is.membership = { ...MET, sinceMs: 500 }
    const call = ended(readiness.wait({ timeoutMs: 1000 }))
    const hasty = readiness.wait({ timeoutMs: 400 }).catch((error: Error) => error.message)
    await clock.pass(499)
    expect([readiness.isReady(), call.with]).toEqual([false, undefined])
    expect(await hasty).toContain('it has only just met others. Give it more time.')
    await clock.pass(1)
    expect([readiness.isReady(), call.with]).toEqual([true, 500])
    is.membership = { ...ALONE, sinceMs: 500 }
    expect(readiness.isReady()).toBe(true)
  })

  it('waits for its own time, and not a millisecond longer', async () => {
    const { clock, readiness } = overlay()
    const call = ended(readiness.wait({ timeoutMs: 1000 }))
    await clock.pass(999)
    expect(call.with).toBeUndefined()
    await clock.pass(1)
    expect([call.with, readiness.waiting]).toEqual(['NotReadyError', 0])
  })

  it('is told what was missing', async () => {
    const told = async (
      init: Partial<ReadinessInit>,
      state: HostState,
      membership: Membership,
      peers = 1
    ) => {
      const { clock, is, readiness } = overlay(init)
      Object.assign(is, { state, membership })
      const call = readiness.wait({ timeoutMs: 5, peers }).catch((error: Error) => error.message)
      await clock.pass(5)
      return call
    }
    const began = 'The pastry overlay is not ready after 5 ms: '
    const out = { ...ALONE, isMember: false }
    expect(await told({}, 'starting', out)).toBe(
      `${began}its node is still starting. Try again, or give it more time.`
    )
    expect(await told({ bootstrap: 2 }, 'running', out)).toContain(
      'no bootstrap peer answers, of 2 that are named. Check that one of them runs'
    )
    expect(await told({ bootstrap: 0 }, 'running', out)).toBe(
      `${began}none of the peers that it knows answers. Check that this node is connected, and try again.`
    )
    expect(await told({}, 'running', MET, 3)).toBe(
      `${began}it is one of 2 peers, and 3 are wanted. Connect it to more of them, or want fewer.`
    )
    const why = () => 'They speak of other sizes. Set them alike.'
    expect(await told({ why }, 'running', ALONE)).toBe(`${began}They speak of other sizes. Set them alike.`)
  })

  it('finds as many others waiting as there may be, and is refused where there are more', async () => {
    const { readiness, is, clock } = overlay()
    const calls = Array.from({ length: CALLS_WAITING_MAX }, () => ended(readiness.wait({ timeoutMs: 1000 })))
    expect(readiness.waiting).toBe(CALLS_WAITING_MAX)
    await expect(readiness.wait({ timeoutMs: 1000 })).rejects.toMatchObject({
      name: 'LimitError',
      limit: 'CALLS_WAITING_MAX',
      message: `${CALLS_WAITING_MAX} calls wait already until pastry is ready: await ready() before so many.`
    })
    is.membership = MET
    await clock.pass(LOOK_MS)
    expect(calls.every(call => typeof call.with === 'number')).toBe(true)
    expect(readiness.waiting).toBe(0)
  })

  it('ends when the overlay fails, and where it does not run at all', async () => {
    const { clock, is, readiness } = overlay()
    const call = ended(readiness.wait({ timeoutMs: 1000 }))
    is.state = 'failed'
    await clock.pass(LOOK_MS)
    expect(call.with).toBe('OverlayStoppedError')
    is.state = 'new'
    await expect(readiness.wait({})).rejects.toThrow('The pastry overlay does not run: start its node first.')
  })
})

describe('while calls wait', () => {
  it('the contacts are asked again and again, by a peer that is alone and names some', async () => {
    const { clock, is, sought, readiness } = overlay()
    const left = new AbortController()
    ended(readiness.wait({ signal: left.signal }))
    await clock.pass(3 * SEEK_MS + 2 * LOOK_MS)
    expect(sought).toHaveLength(3)
    expect(sought[0]).toBeGreaterThanOrEqual(SEEK_MS)
    // The machine looks for a ring by itself.
    is.membership = { ...ALONE, isMember: false }
    await clock.pass(3 * SEEK_MS)
    expect(sought).toHaveLength(3)
    left.abort()
    is.membership = ALONE
    await clock.pass(3 * SEEK_MS)
    expect(sought).toHaveLength(3)
  })

  it('a peer that names none is the first of a network after its time alone', async () => {
    const { clock, sought, readiness } = overlay({ bootstrap: 0, aloneAfterMs: 10 * LOOK_MS })
    const call = ended(readiness.wait({ timeoutMs: 1000 }))
    await clock.pass(10 * LOOK_MS - 1)
    expect([readiness.isReady(), call.with]).toEqual([false, undefined])
    await clock.pass(1)
    expect([readiness.isReady(), call.with]).toEqual([true, 1000 - 10 * LOOK_MS])
    expect(sought).toEqual([])
  })
})

/** A real node whose bootstrap peer does not exist. */
async function waitingNode(clock?: Clock) {
  const peerId = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const bootstrap = [{ peerId, address: multiaddr(`/ip4/127.0.0.1/tcp/1/p2p/${peerId}`) }]
  return startNode({ bootstrap, ...(clock === undefined ? {} : { clock }) })
}

describe('a service', () => {
  it('announces nothing before there is anybody to tell', async () => {
    const [one, two] = [await waitingNode(), await startNode()]
    one.catalogue.add('one red')
    two.catalogue.add('two red')
    await until(() => two.service.snapshot().announced!.files === 1)
    await new Promise(resolve => setTimeout(resolve, 3 * CATALOGUE_SETTLE_MS))
    expect(one.service.snapshot()).toMatchObject({
      announced: { files: 0, of: 1 },
      counters: { recordsPublished: 0 }
    })
    await one.libp2p.dial(two.libp2p.getMultiaddrs())
    await until(() => one.service.snapshot().announced!.files === 1)
  })

  it('answers what waited when it meets a peer, and lets peer routing wait for nothing', async () => {
    const [one, two] = [await waitingNode(), await startNode()]
    const put = one.service.put('colour', bytes('blue'))
    // Dials ask it, and the overlay may need one of them to begin.
    const startMs = performance.now()
    await expect(one.libp2p.peerRouting.findPeer(two.libp2p.peerId)).rejects.toThrow()
    expect(performance.now() - startMs).toBeLessThan(READY_MS / 10)
    await one.libp2p.dial(two.libp2p.getMultiaddrs())
    expect((await put).copies).toBeGreaterThan(0)
  })

  it('is ready within a bound, or says why it is not', async () => {
    const clock = new HandClock()
    const { service } = await waitingNode(clock)
    const ready = service.ready().then(
      () => 'ready',
      (error: Error) => error.name
    )
    await clock.pass(READY_MS - LOOK_MS)
    expect(await Promise.race([ready, 'waiting'])).toBe('waiting')
    await clock.pass(LOOK_MS)
    expect(await ready).toBe('NotReadyError')
  })
})
