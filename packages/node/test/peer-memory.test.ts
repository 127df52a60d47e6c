import type { Libp2p } from '@libp2p/interface'
import { pino } from 'pino'
import { afterEach, expect, test, vi } from 'vitest'
import { PeerMemory } from '../src/peer-memory.ts'
import type { NodeStore } from '../src/store.ts'

afterEach(() => void vi.useRealTimers())

test('a full disk is told of, and the next time comes', async () => {
  vi.useFakeTimers()
  const lines: string[] = []
  const rememberPeers = vi.fn(() => {
    throw new Error('database or disk is full')
  })
  const store = { peersSeen: () => [], rememberPeers } as unknown as NodeStore
  const logger = pino({ base: null }, { write: line => void lines.push(line) })
  const memory = new PeerMemory({} as Libp2p, store, logger)
  memory.start(() => [])
  vi.advanceTimersByTime(20 * 60 * 1000)
  expect(rememberPeers).toHaveBeenCalledTimes(2)
  expect(lines.map(line => JSON.parse(line))).toMatchObject([
    { level: 40, msg: 'could not remember peers', err: { message: 'database or disk is full' } },
    { level: 40 }
  ])
  await memory.stop()
})
