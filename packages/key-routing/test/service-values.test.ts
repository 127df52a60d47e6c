/** How often, and when, a value is brought to its root again while nobody takes it. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Clock, contactOf } from '@servent/libp2p-host'
import { describe, expect, it } from 'vitest'
import { ServiceCommands } from '../src/service-commands.ts'
import { STORE_RETRY_MS, STORE_TRIES_MAX, VALUE_MS } from '../src/service-constants.ts'
import type { PublishOutcome } from '../src/service-outcomes.ts'
import { ServiceValues } from '../src/service-values.ts'
import type { RoutingNotice } from '../src/types.ts'
import { Validators } from '../src/validators.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

/** Values over a host whose n-th answer to a publish is the n-th outcome, and the last one from then on. */
async function valuesWith(outcomes: readonly PublishOutcome[]) {
  const privateKey = await generateKeyPair('Ed25519')
  const peerId = peerIdFromPrivateKey(privateKey)
  const pauses: number[] = []
  let asked = 0
  const commands: ServiceCommands = new ServiceCommands({
    command: () => {
      asked += 1
      const command = asked
      const outcome = outcomes[Math.min(asked, outcomes.length) - 1]!
      const notice = { type: 'published', command, outcomes: [outcome], copies: [1] }
      setImmediate(() => commands.onNotice(notice as unknown as RoutingNotice))
      return command
    }
  })
  const clock: Clock = {
    nowMs: () => 0,
    wallMs: () => Date.now(),
    // Pauses pass at once; the time of the whole call does not.
    setTimeout: (run, ms) => {
      if (ms >= VALUE_MS) return undefined
      pauses.push(ms)
      return setImmediate(run)
    },
    clearTimeout: timer => clearImmediate(timer as NodeJS.Immediate)
  }
  const values = new ServiceValues({
    commands,
    readiness: { wait: async () => VALUE_MS },
    clock,
    overlay: 'chord',
    self: peerId.toString(),
    stamp: () => ({ privateKey, self: contactOf(peerId, []), sequence: 1, expiresMs: Date.now() + 60_000 }),
    validators: new Validators({}, {})
  })
  return { values, pauses, asked: () => asked }
}

const failing = (count: number, outcome: PublishOutcome = 'unreachable') =>
  Array.from({ length: count }, () => outcome)

describe('a put that nobody takes', () => {
  it('is tried so many times, each pause twice as long, and kept by the last one', async () => {
    const { values, pauses, asked } = await valuesWith([...failing(STORE_TRIES_MAX - 1), 'kept'])
    await expect(values.put(bytes('key'), bytes('value'), {})).resolves.toEqual({ copies: 1 })
    expect(asked()).toBe(STORE_TRIES_MAX)
    expect(pauses).toEqual(Array.from({ length: STORE_TRIES_MAX - 1 }, (_, at) => STORE_RETRY_MS * 2 ** at))
  })

  it.each(['unreachable', 'not-root', 'busy'] as const)(
    'and one time past it says why: %s',
    async outcome => {
      const { values, asked } = await valuesWith([...failing(STORE_TRIES_MAX, outcome), 'kept'])
      await expect(values.put(bytes('key'), bytes('value'), {})).rejects.toMatchObject({ name: 'ValueError' })
      expect(asked()).toBe(STORE_TRIES_MAX)
    }
  )

  it.each(['refused', 'full'] as const)(
    'for a reason that does not pass is not tried again: %s',
    async outcome => {
      const { values, asked } = await valuesWith([outcome, 'kept'])
      await expect(values.put(bytes('key'), bytes('value'), {})).rejects.toMatchObject({ name: 'ValueError' })
      expect(asked()).toBe(1)
    }
  )

  it('ends in a pause when its signal says so', async () => {
    const { values, asked } = await valuesWith(failing(1))
    const abort = new AbortController()
    const put = values.provide(Uint8Array.of(0x12, 1, 0), { signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(put).rejects.toThrow('enough')
    expect(asked()).toBeLessThan(STORE_TRIES_MAX)
  })
})
