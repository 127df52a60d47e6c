/** Participation levels of users, as the service has them told to the machine. */
import { systemClock, type TraceStep } from '@servent/libp2p-host'
import { afterEach, expect, it } from 'vitest'
import { CIRCUMSTANCES_MS, LEVELS_TOLD_MAX } from '../src/constants.ts'
import { UserLevels } from '../src/service-levels.ts'
import type { FastTrackTypes } from '../src/types.ts'
import { startNode, stopNodes, until } from './real-nodes.ts'

afterEach(stopNodes)

it('LEVELS_TOLD_MAX of them are told each time, the others the next', () => {
  const told: string[] = []
  const levels = new UserLevels({
    levelOf: peerId => Number(peerId),
    tell: (peerId, level) => {
      expect(level).toBe(Number(peerId))
      told.push(peerId)
    }
  })
  const users = Array.from({ length: LEVELS_TOLD_MAX + 1 }, (_, place) => String(place))
  levels.again(() => users.slice(1))
  expect(told.splice(0)).toEqual(users.slice(1))
  levels.again(() => users)
  expect(told.splice(0)).toEqual(users.slice(0, LEVELS_TOLD_MAX))
  levels.again(() => users)
  expect(told.splice(0)).toEqual([users.at(-1), ...users.slice(0, LEVELS_TOLD_MAX - 1)])
  levels.again(() => [])
  expect(told).toEqual([])
})

it('are asked when a user comes, and again', async () => {
  let level = 10
  const told: (readonly [string, number])[] = []
  const trace = ({ input }: TraceStep<FastTrackTypes>) => {
    if (input.type === 'command' && input.command.type === 'level')
      told.push([input.command.peerId, input.command.level])
  }
  const supernode = await startNode({
    role: 'supernode',
    levelOf: () => level,
    trace,
    clock: {
      ...systemClock,
      setTimeout: (run, afterMs) => systemClock.setTimeout(run, afterMs === CIRCUMSTANCES_MS ? 50 : afterMs)
    }
  })
  const user = await startNode({ role: 'ordinary' })
  await user.libp2p.dial(supernode.libp2p.getMultiaddrs())
  await until(() => told.length > 0)
  expect(told[0]).toEqual([user.peerId, 10])
  level = 500
  await until(() => told.some(([peerId, known]) => peerId === user.peerId && known === 500))
})
