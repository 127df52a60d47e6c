/** How far announcing is, as `status` and `overlay` say it. */
import { expect, it } from 'vitest'
import { announcedParts } from '../src/cli/announced.ts'

it.each([
  ['nothing is shared', { files: 0, of: 0 }, ['announced 0 of 0 files']],
  ['all is announced', { files: 1, of: 1 }, ['announced 1 of 1 file']],
  [
    'the budget holds it back',
    {
      files: 12_340,
      of: 100_000,
      filesPerS: 9.8,
      leftMs: 8_940_000,
      limit: { name: 'publishRate', perS: 32_768 }
    },
    ['announced 12,340 of 100,000 files (9.8 a second, 2 h 29 min left, as publishRate allows 32.8 kB/s)']
  ],
  [
    'so does that of Kademlia, which counts keys',
    { files: 5, of: 9, leftMs: 61_000, limit: { name: 'providesPerSecond', perS: 20 } },
    ['announced 5 of 9 files (1 min left, at 20 keys a second)']
  ],
  [
    'others take their time',
    { files: 5, of: 9, limit: { name: 'answers' } },
    ['announced 5 of 9 files (as fast as others answer)']
  ],
  [
    'nobody is there',
    { files: 0, of: 9, limit: { name: 'nobody' } },
    ['announced 0 of 9 files (nobody to tell yet)']
  ],
  [
    'others had no room',
    { files: 60, of: 100, partly: 50, refused: 40, why: 'the peers are full' },
    [
      'announced 60 of 100 files',
      '50 by some of their words, as others are full',
      '40 refused (the peers are full)'
    ]
  ]
] as const)('%s', (_, announced, parts) => {
  expect(announcedParts(announced)).toEqual(parts)
})

it('an overlay that announces nothing says nothing of it', () => {
  expect(announcedParts(undefined)).toEqual([])
})
