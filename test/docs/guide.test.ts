/** The guide shows what happened: its pictures and steps are those that `plans/guide.yaml` gives, with this code. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

it('every picture and every step is what the plan gives; else `npm run guide:pictures` draws them anew', async () => {
  const { guideFiles } = await import(join(ROOT, 'scripts/guide-pictures.mjs'))
  const files: Map<string, string> = await guideFiles(ROOT)
  expect(files.size).toBe(14)
  for (const [file, text] of files) expect(readFileSync(join(ROOT, file), 'utf8'), file).toBe(text)
  // And there is no picture that nothing gives.
  const drawn = readdirSync(join(ROOT, 'docs/guide/pictures')).map(name => `docs/guide/pictures/${name}`)
  expect(drawn.filter(file => !files.has(file))).toEqual([])
}, 120_000)
