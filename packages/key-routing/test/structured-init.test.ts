/** What a user gives the service of a structured overlay, and what comes of it. */
import { expect, it } from 'vitest'
import {
  inspectRecord,
  linkLimits,
  STRUCTURED_SETTINGS,
  servedSettings,
  settingsGiven
} from '../src/index.ts'

it('of what is given, settings are those that the defaults name, and that have a value', () => {
  const init = {
    replicas: 2,
    style: undefined,
    bootstrap: [],
    store: { repairMs: 5 },
    trace: () => undefined
  }
  expect(settingsGiven(init, STRUCTURED_SETTINGS)).toEqual({ replicas: 2 })
})

it('records are looked into, and links opened within a bound, unless the user says otherwise', () => {
  const { routing, store } = servedSettings(STRUCTURED_SETTINGS, {}, 32, 300)
  expect([routing, store]).toEqual([{ ownLinks: 32, heldLinks: 32 }, { inspect: inspectRecord }])
  const chosen = servedSettings(
    STRUCTURED_SETTINGS,
    { routing: { ownLinks: 8 }, records: { repairMs: 0 } },
    32,
    12
  )
  expect([chosen.routing, chosen.store]).toEqual([
    { ownLinks: 8, heldLinks: 12 },
    { inspect: inspectRecord, repairMs: 0 }
  ])
})

it('a host has room for what its machine opens beside what others open', () => {
  const settings = servedSettings(STRUCTURED_SETTINGS, {}, 32, 300)
  expect(linkLimits(settings, 64)).toEqual({ linksMax: 96, inboundLinksMax: 64 })
})
