/** A source file that passes 400 lines has two subjects. */
import { expect, it } from 'vitest'
import { read, sourceFiles } from './sources.ts'

const LINES_MAX = 400

it('no source file passes 400 lines', () => {
  const long = sourceFiles()
    .map(file => ({ file, lines: read(file).split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX)
  expect(long).toEqual([])
})
