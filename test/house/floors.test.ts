/** A room may import from the floors below it, never from its own floor or above (ARCHITECTURE.md). */
import { describe, expect, it } from 'vitest'
import { importsOf, read, sourceFiles } from './sources.ts'

const FLOORS: Readonly<Record<string, number>> = {
  'packages/overlay': 0,
  'packages/database': 1,
  'packages/libp2p-host': 1,
  'packages/simulator': 1,
  'packages/key-routing': 2,
  'packages/keyword-index': 2,
  'packages/library': 2,
  'packages/transfer': 2,
  'packages/relay': 2,
  'packages/introducer': 2,
  'packages/napster': 3,
  'packages/gnutella': 3,
  'packages/fasttrack': 3,
  'packages/bittorrent': 3,
  'packages/chord': 3,
  'packages/pastry': 3,
  'packages/kelips': 3,
  'packages/kademlia': 3,
  'packages/node': 4,
  'packages/lab': 5,
  'packages/lab-report': 6,
  'packages/lab-real': 6,
  'apps/servent': 7,
  'apps/web': 7
}

/** The service of an overlay: `service.ts`, its parts `service-….ts`, and the factory. */
const SERVICE_FILES = /\/(service(-[a-z]+)?|index)\.ts$/

/** Why an import is against the house's order, or nothing. */
function objection(file: string, specifier: string): string | undefined {
  const room = file.split('/').slice(0, 2).join('/')
  const floor = FLOORS[room]
  if (floor === undefined) return `${room} has no floor: give it one here and in ARCHITECTURE.md`
  if (specifier.startsWith('.')) {
    const depth = file.split('/').length - 4
    const climbs = specifier.split('/').filter(part => part === '..').length
    return climbs > depth ? `${file} leaves its room by ${specifier}` : undefined
  }
  const name = /^@servent\/([^/]+)/.exec(specifier)?.[1]
  if (name === undefined) return undefined
  const below = FLOORS[`packages/${name}`]
  if (below === undefined) return `${file} imports ${specifier}, which has no floor`
  if (below >= floor) return `${file} (floor ${floor}) imports ${specifier} (floor ${below})`
  return undefined
}

describe('floors', () => {
  it('every import goes down', () => {
    const objections = sourceFiles().flatMap(file =>
      importsOf(read(file)).map(({ specifier }) => objection(file, specifier))
    )
    expect(objections.filter(text => text !== undefined)).toEqual([])
  })

  it('only the service of an overlay imports the libp2p host', () => {
    const overlays = Object.keys(FLOORS).filter(room => FLOORS[room] === 3)
    const found = sourceFiles()
      .filter(file => overlays.some(room => file.startsWith(`${room}/`)) && !SERVICE_FILES.test(file))
      .filter(file =>
        importsOf(read(file)).some(
          ({ specifier, typeOnly }) => !typeOnly && specifier.startsWith('@servent/libp2p-host')
        )
      )
    expect(found).toEqual([])
  })

  it('sees an import that goes up, sideways or out of its room', () => {
    expect(objection('packages/overlay/src/key.ts', '@servent/node')).toContain('floor 0')
    expect(objection('packages/library/src/index.ts', '@servent/transfer')).toContain('floor 2')
    expect(objection('packages/library/src/scan/walk.ts', '../../../overlay/src/key.ts')).toContain(
      'leaves its room'
    )
    expect(objection('packages/unknown/src/index.ts', './x.ts')).toContain('has no floor')
    expect(objection('packages/gnutella/src/machine.ts', '@servent/overlay/machine')).toBeUndefined()
  })
})
