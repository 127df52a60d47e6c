/** How slow a client may be: at the default limits, in time that does not pass. */
import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SERVER_LIMITS } from '../src/limits.ts'
import { Upload } from '../src/upload.ts'
import { randomBytes, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Sends 1 MiB to a client that takes this many bytes a second. */
async function sendAt(bytesPerSecond: number) {
  const share = new TestShare()
  const { id } = share.add('a.bin', randomBytes(MiB))
  const reader = (await share.open(id))!
  const upload = new Upload('slow', reader.file, reader, { start: 0, end: MiB }, SERVER_LIMITS, [])
  const response = new Writable({
    write: (bytes: Uint8Array, _encoding, done) => {
      if (bytesPerSecond > 0) setTimeout(done, (bytes.length * 1000) / bytesPerSecond)
    }
  }) as unknown as ServerResponse
  const outcome = { text: 'sending' }
  upload.send(response, await upload.first(), new AbortController().signal).then(
    () => Object.assign(outcome, { text: 'sent' }),
    ({ name, message }) => Object.assign(outcome, { text: `${name}: ${message}` })
  )
  return outcome
}

test('a client of 1 KiB a second gets its 1 MiB whole', async () => {
  const outcome = await sendAt(1024)
  await vi.advanceTimersByTimeAsync(1025_000)
  expect(outcome.text).toBe('sent')
})

test('one of 100 bytes a second is cut, and so is one that takes nothing, within 158 seconds', async () => {
  for (const bytesPerSecond of [100, 0]) {
    const outcome = await sendAt(bytesPerSecond)
    await vi.advanceTimersByTimeAsync(157_000)
    expect(outcome.text).toBe('sending')
    await vi.advanceTimersByTimeAsync(1_001)
    expect(outcome.text).toBe('SourceLostError: The client took too little of 65536 bytes.')
  }
})
