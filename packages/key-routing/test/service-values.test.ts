/** How often, and when, a value is brought to its root again while nobody takes it, and read while too few answer. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Clock, contactOf } from '@servent/libp2p-host'
import { describe, expect, it } from 'vitest'
import { ServiceCommands } from '../src/service-commands.ts'
import { READ_TRIES_MAX, STORE_RETRY_MS, STORE_TRIES_MAX, VALUE_MS } from '../src/service-constants.ts'
import type { PublishOutcome } from '../src/service-outcomes.ts'
import { ServiceValues } from '../src/service-values.ts'
import type { RoutingNotice } from '../src/types.ts'
import { Validators } from '../src/validators.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

type Answer =
  | {
      readonly type: 'published'
      readonly outcomes: readonly PublishOutcome[]
      readonly copies: readonly number[]
    }
  | { readonly type: 'value-read'; readonly holders: number; readonly incomplete: true }

/** Values over a host whose n-th answer to a publish is the n-th outcome, and the last one from then on. */
const valuesWith = (outcomes: readonly PublishOutcome[]) =>
  valuesOver(asked => ({
    type: 'published',
    outcomes: [outcomes[Math.min(asked, outcomes.length) - 1]!],
    copies: [1]
  }))

/** Values over a host that gives these answers, and none where there is none. `late`: the time of the call is over. */
async function valuesOver(answer: (asked: number) => Answer | undefined) {
  const privateKey = await generateKeyPair('Ed25519')
  const peerId = peerIdFromPrivateKey(privateKey)
  const pauses: number[] = []
  let asked = 0
  let late = (): void => undefined
  let waits = (): void => undefined
  const unanswered = new Promise<void>(resolve => {
    waits = resolve
  })
  const commands: ServiceCommands = new ServiceCommands({
    command: () => {
      asked += 1
      const command = asked
      const answered = answer(asked)
      if (answered === undefined) waits()
      else setImmediate(() => commands.onNotice({ ...answered, command } as RoutingNotice))
      return command
    }
  })
  const clock: Clock = {
    nowMs: () => 0,
    wallMs: () => Date.now(),
    // Pauses pass at once; the time of the whole call does not.
    setTimeout: (run, ms) => {
      if (ms >= VALUE_MS) {
        late = run
        return undefined
      }
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
  return { values, pauses, asked: () => asked, late: () => late(), unanswered }
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

const few: Answer = { type: 'value-read', holders: 1, incomplete: true }

describe('a read that too few answer', () => {
  it('is tried so many times, and says so', async () => {
    const { values, asked } = await valuesOver(() => few)
    await expect(values.get(bytes('key'), {})).rejects.toMatchObject({ name: 'QuorumError' })
    expect(asked()).toBe(READ_TRIES_MAX)
  })

  it('says so, too, where the time ends in a later try', async () => {
    const { values, late, unanswered } = await valuesOver(asked => (asked === 1 ? few : undefined))
    const read = values.get(bytes('key'), {})
    await unanswered
    late()
    await expect(read).rejects.toMatchObject({ name: 'QuorumError' })
  })

  it('was answered by nobody where the time ends in the first try', async () => {
    const { values, late, unanswered } = await valuesOver(() => undefined)
    const read = values.get(bytes('key'), {})
    await unanswered
    late()
    await expect(read).rejects.toMatchObject({ name: 'ValueError', message: /Nobody answered/ })
  })

  it('ends as its caller says, in whatever try', async () => {
    const { values, late, unanswered } = await valuesOver(asked => (asked === 1 ? few : undefined))
    const abort = new AbortController()
    const read = values.get(bytes('key'), { signal: abort.signal })
    await unanswered
    abort.abort(new Error('enough'))
    late()
    await expect(read).rejects.toThrow('enough')
  })
})
