/** How fairly: what is not the same of every overlay is said where it is so, and nowhere else. */
import type { StudyResults } from '@servent/lab'
import { beforeAll, describe, expect, it } from 'vitest'
import { askedHtml } from '../src/asked.ts'
import { NBSP } from '../src/numbers.ts'
import { tooFewWords } from '../src/seeds.ts'
import { studyOf, withRealBackend } from './support/studies.ts'

const ALL = '[napster, gnutella, fasttrack, chord, pastry, kelips, kademlia]'
let study: StudyResults
beforeAll(async () => {
  study = await studyOf(`
title: Everybody
common: {nodes: 16, lookups: 10, duration: 10, warmup: 10}
parts:
  - {name: all, title: All, overlays: ${ALL}}
  - {name: keys, title: Keys, overlays: [chord, pastry]}
  - {name: files, title: Files, overlays: [gnutella, fasttrack]}
  - {name: dead, title: The dead, overlays: [gnutella, chord, kademlia], failures: 0.25}
  - {name: words, title: Words, overlays: [gnutella, chord], lookups: 0, searches: 5}
`)
}, 60_000)

const partOf = (name: string) => study.parts.find(part => part.name === name)!
const asked = (...names: string[]) =>
  askedHtml(names.map(partOf))
    .text.replace(/<[^>]*>/g, '')
    .replaceAll(NBSP, ' ')

describe('what lookups are for', () => {
  it('is not the same of all overlays, where both kinds are compared', () => {
    const text = asked('all')
    expect(text).toContain(
      'What is looked up. Not the same thing: Chord, Pastry, Kelips and Kademlia for the root of a random key, which is one peer, and Napster, Gnutella and FastTrack for a random file'
    )
    expect(text).toContain('Most files have a single copy')
  })

  it('is said of one kind alone, and by part where parts differ', () => {
    expect(asked('keys')).toContain('What is looked up. Lookups are for the root of a random key')
    expect(asked('keys')).not.toContain('file')
    expect(asked('files')).toContain('What is looked up. Lookups are for a random file')
    expect(asked('files')).not.toContain('random key')
    const text = asked('all', 'keys', 'files')
    expect(text).toContain('In “All”: Not the same thing')
    expect(text).toContain('In “Keys”: Lookups are for the root')
    expect(text).toContain('In “Files”: Lookups are for a random file')
  })

  it('is not said where nothing is looked up', () => expect(asked('words')).toBe(''))
})

describe('how long lookups and their requests wait', () => {
  it('of the overlays that are there', () => {
    expect(asked('all')).toContain(
      'Time that a lookup has: 5 s in Napster, 10 s in Gnutella, FastTrack, Chord, Pastry, Kelips and Kademlia. Who has more time fails less often'
    )
    expect(asked('all')).toContain(
      'Patience with a silent peer: Chord, Pastry and Kelips 0.2 s to 5 s for an answer, by round trips, and 3 s for a connection; Kademlia 5 s for an answer, and 6 s for a connection.'
    )
    expect(asked('keys')).toContain('Time that a lookup has: 10 s in every overlay.')
    expect(asked('keys')).not.toContain('Patience')
    expect(asked('files')).not.toContain('Patience')
  })

  it('by the settings that the results have', () => {
    const part = structuredClone(partOf('keys'))
    part.points[0]!.results.settings['lookup-budget-ms'] = 4000
    expect(askedHtml([part]).text.replaceAll(NBSP, ' ')).toContain('4 s in Chord, 10 s in Pastry.')
    delete part.points[0]!.results.settings['lookup-budget-ms']
    expect(askedHtml([part]).text.replaceAll(NBSP, ' ')).toContain('10 s in every overlay')
  })

  it('with failures, and of real peers, apart', () => {
    expect(asked('dead')).toContain('Time that a lookup has: 10 s in Gnutella, 3 min in Chord and Kademlia.')
    expect(asked('dead')).toContain(
      'Chord 0.2 s to 3 s for an answer, by round trips, and 6 s for a connection; Kademlia 3 s for an answer, and 6 s for a connection.'
    )
    const [both] = withRealBackend({ ...study, parts: [partOf('all')] }).parts
    const text = askedHtml([both!]).text.replaceAll(NBSP, ' ')
    expect(text).toContain('Simulated: 5 s in Napster, 10 s in Gnutella, ')
    expect(text).toContain(
      'Real peers: 10 s in Napster, Gnutella, FastTrack, Chord, Pastry and Kelips, 30 s in Kademlia.'
    )
  })
})

describe('too few runs to quote', () => {
  const withSeeds = (name: string, seeds: number) => {
    const part = structuredClone(partOf(name))
    for (const { results } of part.points) results.seeds = Array.from({ length: seeds }, (_, at) => at + 1)
    return part
  }

  it('below five there are no intervals, below ten they are wide; ten are enough', () => {
    const none = 'too few for intervals: what differs may differ by chance, and is not to be quoted.'
    const wide = 'intervals of fewer than ten are wide and rough, and figures are not to be quoted.'
    expect(tooFewWords([withSeeds('keys', 1)])).toEqual([`There is one run of a point, ${none}`])
    expect(tooFewWords([withSeeds('keys', 4)])).toEqual([`There are four runs of a point, ${none}`])
    expect(tooFewWords([withSeeds('keys', 5)])).toEqual([`There are five runs of a point: ${wide}`])
    expect(tooFewWords([withSeeds('keys', 9)])).toEqual([`There are nine runs of a point: ${wide}`])
    expect(tooFewWords([withSeeds('keys', 10)])).toEqual([])
  })

  it('names the parts, where others have enough', () => {
    expect(
      tooFewWords([withSeeds('keys', 10), withSeeds('files', 3), withSeeds('all', 4), withSeeds('dead', 5)])
    ).toEqual([
      expect.stringMatching(/^In “Files” and “All” there are three to four runs of a point, /),
      expect.stringMatching(/^In “The dead” there are five runs of a point: /)
    ])
    expect(tooFewWords([withSeeds('keys', 1), withSeeds('files', 1)])[0]).toMatch(
      /^In every part there is one run of a point, /
    )
  })
})
