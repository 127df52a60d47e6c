import { VALUE_BYTES_MAX, VALUE_KEY_BYTES_MAX } from '@servent/key-routing/machine'
import type { Overlay, OverlayName } from '@servent/overlay'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { type ValueOverlay, Values } from '../src/values.ts'
import { fakeOverlay, PEER_A } from './support/hits.ts'

type Found = NonNullable<Awaited<ReturnType<ValueOverlay['get']>>>

const text = (words: string) => new TextEncoder().encode(words)

function found(words: string, sequence: number): Found {
  return { value: text(words), writer: PEER_A, sequence, expiresMs: 9, holders: 2 }
}

/** Keeps nothing: gives what it is told to. */
function keeper(name: OverlayName, given: Found | Error | undefined) {
  const asked: unknown[][] = []
  return Object.assign(fakeOverlay(name, []), {
    asked: asked as never,
    calls: asked,
    async put(key: string, value: Uint8Array) {
      asked.push([key, value])
      if (given instanceof Error) throw given
      return { copies: 3 }
    },
    async get(key: string) {
      asked.push([key])
      if (given instanceof Error) throw given
      return given
    }
  })
}

function values(...overlays: readonly Overlay[]): Values {
  const here = new Map<OverlayName, Overlay | undefined>(overlays.map(overlay => [overlay.name, overlay]))
  here.set('kademlia', undefined)
  return new Values({ overlays: () => here, logger: pino({ level: 'silent' }) })
}

test('a value is put on every overlay that keeps some, and each says how many copies it made', async () => {
  const [chord, pastry] = [keeper('chord', undefined), keeper('pastry', undefined)]
  const them = values(fakeOverlay('gnutella', []), chord, pastry)
  expect(await them.put({ key: 'k', value: text('hé') })).toEqual({
    key: 'k',
    bytes: 3,
    overlays: [
      { name: 'chord', copies: 3 },
      { name: 'pastry', copies: 3 }
    ]
  })
  await them.put({ key: 'l', value: text('v'), overlays: ['pastry'] })
  expect([chord.calls.length, pastry.calls.length]).toEqual([1, 2])
})

test('of two values the newer one is the answer', async () => {
  const them = values(keeper('chord', found('old', 3)), keeper('pastry', found('new', 4)))
  expect(await them.value({ key: 'k' })).toEqual({ ...found('new', 4), key: 'k', overlay: 'pastry' })
  expect(await them.value({ key: 'k', overlays: ['chord'] })).toMatchObject({ overlay: 'chord', sequence: 3 })
})

test('one overlay that fails is told of, and is no failure of the others', async () => {
  const broken = keeper('pastry', new Error('It knows nobody yet.'))
  const them = values(keeper('chord', found('v', 1)), broken)
  expect((await them.put({ key: 'k', value: text('v') })).overlays).toEqual([
    { name: 'chord', copies: 3 },
    { name: 'pastry', copies: 0, reason: 'It knows nobody yet.' }
  ])
  expect(await them.value({ key: 'k' })).toMatchObject({ overlay: 'chord' })
  await expect(values(broken).put({ key: 'k', value: text('v') })).rejects.toThrow('It knows nobody yet.')
  await expect(values(broken).value({ key: 'k' })).rejects.toThrow('It knows nobody yet.')
})

test('what is not there is told apart: no value, no overlay that keeps values, no overlay at all', async () => {
  const refusal = (them: Values, overlays?: OverlayName[]) =>
    them.value({ key: 'k', ...(overlays && { overlays }) }).then(
      () => undefined,
      (error: Error) => [error.name, error.message]
    )
  expect(await refusal(values(keeper('chord', undefined)))).toEqual([
    'NoValueError',
    'Nobody on chord has a value under "k".'
  ])
  expect((await refusal(values(fakeOverlay('gnutella', []))))![1]).toContain('No overlay that keeps values')
  expect((await refusal(values(keeper('chord', undefined)), ['kademlia']))![0]).toBe('NotFoundError')
  expect((await refusal(values(keeper('chord', undefined)), ['kelips']))![1]).toContain(
    'does not run overlay kelips'
  )
})

test('a key and a value are as long as their limits, and not one byte longer', async () => {
  const them = values(keeper('chord', found('v', 1)))
  const [key, value] = ['é'.repeat(VALUE_KEY_BYTES_MAX / 2), new Uint8Array(VALUE_BYTES_MAX)]
  expect(await them.put({ key, value })).toMatchObject({ bytes: VALUE_BYTES_MAX })
  expect(await them.value({ key })).toMatchObject({ sequence: 1 })
  const tooLong = (limit: string) => expect.objectContaining({ name: 'LimitError', limit })
  await expect(them.put({ key, value: new Uint8Array(VALUE_BYTES_MAX + 1) })).rejects.toThrow(
    tooLong('VALUE_BYTES_MAX')
  )
  await expect(them.put({ key: `${key}k`, value })).rejects.toThrow(tooLong('VALUE_KEY_BYTES_MAX'))
  await expect(them.value({ key: `${key}k` })).rejects.toThrow(tooLong('VALUE_KEY_BYTES_MAX'))
})

test('who left is not answered', async () => {
  const them = values(keeper('chord', found('v', 1)))
  await expect(them.value({ key: 'k' }, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' })
})
