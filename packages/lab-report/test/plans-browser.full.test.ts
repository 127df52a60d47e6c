/** The report of every shipped plan in a browser, of few peers: nothing that its plots and tables show is hidden from anybody. */
import axe from 'axe-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { reportOf } from '../src/index.ts'
import { describeInBrowser, type Look, Pages } from './support/browser.ts'
import { PLANS, shrunken } from './support/shrunken.ts'

const LOOKS: readonly Look[] = [
  { width: 1280, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
  { width: 320, colorScheme: 'light' },
  { width: 320, colorScheme: 'dark' }
]
/** Of each table. */
const ROWS = 2

it('there are plans', () => {
  expect(PLANS).toContain('partition.yaml')
  expect(PLANS.length).toBeGreaterThan(10)
})

describeInBrowser(() => {
  const pages = new Pages()
  // Where all processors have work a browser takes long to start.
  beforeAll(() => pages.start(), 180_000)
  afterAll(() => pages.end())

  it.each(PLANS)(
    '%s',
    async plan => {
      const { html, plots } = await reportOf([await shrunken(plan)])
      expect(plots.length).toBeGreaterThan(3)
      const address = pages.write(plan, html)
      // Each page has a process of its own.
      await Promise.all(
        LOOKS.map(look =>
          pages.open(address, look, async (page, said) => {
            await page.evaluate('unfold()')
            const found = {
              look,
              misplaced: await page.evaluate('misplaced()'),
              width: await page.evaluate('pageWidth()')
            }
            expect(found).toEqual({ look, misplaced: [], width: look.width })
            await page.evaluate(axe.source)
            await page.evaluate(`shorten(${ROWS})`)
            expect({ look, broken: await page.evaluate('broken()') }).toEqual({ look, broken: [] })
            expect(said).toEqual([])
          })
        )
      )
    },
    600_000
  )
})
