/** Writes of one peer that meet: renewals, puts under one key, and a content that is provided no more. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { describe, expect, it } from 'vitest'
import { PUBLISHED_LIFETIME_MS, PUBLISHED_RENEW_MS } from '../src/service-constants.ts'
import { valueRecord } from '../src/service-sealing.ts'
import { Turns } from '../src/service-turns.ts'
import { SEQUENCE_AHEAD_MS_MAX } from '../src/store-constants.ts'
import { OwnWrites, START_MS } from './own-writes.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const KEY = bytes('key')
const CONTENT = Uint8Array.of(0x12, 1, 7)
const { signal } = new AbortController()
const DUE_MS = PUBLISHED_LIFETIME_MS - PUBLISHED_RENEW_MS

/** A promise, and what resolves it. */
function gate() {
  return Promise.withResolvers<void>()
}

describe('a renewal', () => {
  it('does not bring back what a put has replaced while it waited for its budget', async () => {
    const own = await OwnWrites.create()
    await own.values.put(KEY, bytes('old'), {})
    own.wallMs += DUE_MS
    await own.values.renew(signal, async () => {
      await own.values.put(KEY, bytes('new'), {})
    })
    expect(own.texts()).toEqual(['new'])
    expect(own.published).toHaveLength(2)
  })

  it('does not bring back what a put replaces while it is under way', async () => {
    const own = await OwnWrites.create()
    await own.values.put(KEY, bytes('old'), {})
    own.wallMs += DUE_MS
    const { promise, resolve } = gate()
    const begun = gate()
    own.hold = async () => {
      own.hold = async () => {}
      begun.resolve()
      await promise
    }
    const renewed = own.values.renew(signal, async () => {})
    await begun.promise
    const put = own.values.put(KEY, bytes('new'), {})
    resolve()
    await Promise.all([renewed, put])
    expect(own.texts()).toEqual(['new'])
    // What is renewed from now on is the newer one.
    own.wallMs += DUE_MS
    await own.values.renew(signal, async () => {})
    expect(own.texts()).toEqual(['new'])
    expect(own.published).toHaveLength(4)
  })

  it('leaves it to another writer who has put in the meantime, and goes on where that is the same value', async () => {
    const other = await OwnWrites.create()
    for (const [theirs, values] of [
      ['theirs', 0],
      ['old', 1]
    ] as const) {
      const own = await OwnWrites.create()
      await own.values.put(KEY, bytes('old'), {})
      own.wallMs += DUE_MS
      other.wallMs = own.wallMs + SEQUENCE_AHEAD_MS_MAX / 2
      other.kept.clear()
      await other.values.put(KEY, bytes(theirs), {})
      own.hold = async () => {
        for (const [name, record] of other.kept) own.kept.set(name, record)
      }
      await own.values.renew(signal, async () => {})
      expect(own.texts()).toEqual([theirs])
      expect(own.values.own.values).toBe(values)
    }
  })

  it('leaves it to another writer who has put since', async () => {
    const [own, other] = [await OwnWrites.create(), await OwnWrites.create()]
    await own.values.put(KEY, bytes('mine'), {})
    other.wallMs += DUE_MS / 2
    await other.values.put(KEY, bytes('theirs'), {})
    for (const [name, record] of other.kept) own.kept.set(name, record)
    own.wallMs += DUE_MS
    await own.values.renew(signal, async () => {})
    expect([own.texts(), own.values.own.values]).toEqual([['theirs'], 0])
  })

  it('does not tell of a content again that was cancelled before its turn, or in it', async () => {
    const own = await OwnWrites.create()
    await own.values.provide(CONTENT, {})
    own.wallMs += DUE_MS
    await own.values.renew(signal, async () => own.values.cancelProvide(CONTENT, undefined))
    expect(own.published).toHaveLength(1)
    await own.values.provide(CONTENT, {})
    own.wallMs += DUE_MS
    let cancelled: Promise<void> | undefined
    own.hold = async () => {
      cancelled = own.values.cancelProvide(CONTENT, signal)
    }
    await own.values.renew(signal, async () => {})
    await cancelled
    expect(own.values.own.provided).toBe(0)
  })
})

describe('two puts of one key at once', () => {
  it('leave the later one there, though the earlier one is held up and its clock is behind', async () => {
    const own = await OwnWrites.create()
    const stranger = await OwnWrites.create()
    stranger.wallMs = START_MS + SEQUENCE_AHEAD_MS_MAX / 2
    await stranger.values.put(KEY, bytes('theirs'), {})
    for (const [name, record] of stranger.kept) own.kept.set(name, record)
    const { promise, resolve } = gate()
    own.hold = async () => {
      own.hold = async () => {}
      await promise
    }
    const first = own.values.put(KEY, bytes('first'), {})
    const second = own.values.put(KEY, bytes('second'), {})
    setTimeout(resolve, 20)
    await Promise.all([first, second])
    expect(own.texts()).toEqual(['second'])
  })

  it('of which the first is given up let the second have its turn', async () => {
    const own = await OwnWrites.create()
    const abort = new AbortController()
    own.hold = () => new Promise(() => {})
    const first = own.values.put(KEY, bytes('first'), { signal: abort.signal })
    const waiting = new AbortController()
    const second = own.values.put(KEY, bytes('second'), { signal: waiting.signal })
    const third = own.values.put(KEY, bytes('third'), {})
    waiting.abort(new Error('no time'))
    await expect(second).rejects.toThrow('no time')
    await new Promise(resolve => setTimeout(resolve, 20))
    own.hold = async () => {}
    abort.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    await third
    expect(own.texts()).toEqual(['third'])
  })

  it('fail where they cannot be put above what is there', async () => {
    const own = await OwnWrites.create()
    const far = await recordFarAhead()
    own.kept.set(`value ${String.fromCharCode(...far.key)}`, far)
    await expect(own.values.put(KEY, bytes('mine'), {})).rejects.toThrow('a newer value is there')
  })
})

async function recordFarAhead() {
  const privateKey = await generateKeyPair('Ed25519')
  const self = { id: privateKey.publicKey.toMultihash().bytes, addresses: [] }
  const sequence = START_MS + 2 * SEQUENCE_AHEAD_MS_MAX
  return valueRecord(KEY, bytes('far'), { privateKey, self, sequence, expiresMs: START_MS * 2 })
}

describe('turns', () => {
  it('are forgotten when all have left', async () => {
    const turns = new Turns()
    const first = turns.enter('a')
    const second = turns.enter('a')
    turns.enter('b').leave()
    first.leave()
    await second.reached()
    second.leave()
    await new Promise(resolve => setImmediate(resolve))
    expect(turns.size).toBe(0)
  })
})
