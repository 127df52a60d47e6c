/** Reports in a browser: whether everybody can use them, and whether all of them is to be seen. */
import type { StudyResults } from '@servent/lab'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Report, reportOf } from '../src/index.ts'
import { TEXT_CHARACTERS_MAX } from '../src/limits.ts'
import { describeInBrowser, Pages } from './support/browser.ts'
import { EVERY_KIND, studyOf, withRealBackend } from './support/studies.ts'

/** With texts as long as they may be. */
function longer(study: StudyResults): StudyResults {
  const copy = structuredClone(study)
  const word = 'x'.repeat(TEXT_CHARACTERS_MAX)
  copy.title = word
  copy.name = word
  for (const part of copy.parts) {
    part.title = word
    part.about = word
    for (const { at, plan, results } of part.points) {
      if (at.churn !== undefined) at.churn = `${at.churn}${word}`.slice(0, TEXT_CHARACTERS_MAX)
      plan.latency = word
      results.bytes_per_node_per_s!.by_type = { ...results.bytes_per_node_per_s!.by_type, [word]: 1e6 }
    }
  }
  return copy
}

/** Of another network in much of what a plan says. */
function unlike(study: StudyResults): StudyResults {
  const copy = structuredClone(study)
  copy.name = 'unlike'
  for (const { points } of copy.parts)
    for (const { plan } of points)
      Object.assign(plan, {
        latency: 'constant:300',
        bandwidth: '128kB/1MB',
        resets: '0.1/m',
        firewalled: 0.3,
        demand: 'zipf',
        start: 'joined',
        lookups: 1_000_000
      })
  return copy
}

describeInBrowser(() => {
  let report: Report
  const pages = new Pages()
  const files: Record<string, string> = {}

  beforeAll(async () => {
    const study = await studyOf(EVERY_KIND)
    report = await reportOf([study])
    const both = await reportOf([study, { ...withRealBackend(study), name: 'again' }])
    const long = await reportOf([longer(study), { ...longer(study), name: 'again' }])
    const other = await reportOf([study, unlike(study)])
    for (const [name, { html }] of Object.entries({ one: report, both, long, other }))
      files[name] = pages.write(name, html)
    await pages.start()
  }, 180_000)
  afterAll(() => pages.end())

  const open = (
    file: string,
    width: number,
    colorScheme: 'light' | 'dark',
    run: (page: Page) => Promise<void>
  ) => pages.open(files[file]!, { width, colorScheme }, run)

  it('asks for nothing but itself, and breaks no rule of its own policy', async () => {
    const page = await pages.plain()
    const asked: string[] = []
    const said: string[] = []
    page.on('request', request => asked.push(request.url()))
    page.on('console', message => said.push(message.text()))
    page.on('pageerror', error => said.push(error.message))
    await page.goto(files.one!)
    expect(asked).toEqual([files.one!])
    expect(said).toEqual([])
    await page.close()
  })

  it.each([
    ['one', 1280, 'light'],
    ['one', 1280, 'dark'],
    ['one', 320, 'light'],
    ['both', 320, 'dark'],
    ['other', 1280, 'dark'],
    ['long', 320, 'light']
  ] as const)(
    'axe finds nothing: %s at %i px, %s',
    async (file, width, scheme) => {
      await open(file, width, scheme, async page => {
        await page.evaluate(axe.source)
        expect(await page.evaluate('broken()')).toEqual([])
      })
    },
    180_000
  )

  it.each([
    ['both', 320],
    ['both', 768],
    ['both', 1280],
    ['other', 320],
    ['long', 320],
    ['long', 1280]
  ])('nothing is wider than its window: %s, %i px', async (file, width) => {
    await open(file, width, 'light', async page => {
      expect(await page.evaluate('pageWidth()')).toBe(width)
    })
  })

  it('no two labels of a plot overlap, and none is cut off', async () => {
    for (const file of ['one', 'both', 'long', 'other'])
      await open(file, 1280, 'light', async page => {
        expect(await page.evaluate('misplaced()')).toEqual([])
      })
  })

  it('letters of plots are large enough on the narrowest screen', async () => {
    await open('both', 320, 'light', async page => {
      expect(await page.evaluate('leastLetterPx()')).toBeGreaterThan(9)
    })
  })

  it('in the dark every line, point and letter changes its colour', async () => {
    await open('one', 1280, 'dark', async page => {
      expect(await page.evaluate('unchanged()')).toEqual([])
    })
    await open('one', 1280, 'light', async page => {
      expect(((await page.evaluate('unchanged()')) as string[]).length).toBeGreaterThan(8)
    })
  })

  it('a plot is a file of its own, which a reader of XML takes', async () => {
    await open('one', 1280, 'light', async page => {
      for (const { name, svg } of report.plots)
        expect(await page.evaluate(`xmlError(${JSON.stringify(svg)})`), name).toBe('')
      expect(await page.evaluate(`xmlError('<svg>')`)).not.toBe('')
    })
  })

  it('by keys: first past the contents', async () => {
    await open('one', 320, 'light', async page => {
      await page.keyboard.press('Tab')
      const { text, left } = (await page.evaluate('focused()')) as { text: string; left: number }
      expect(text).toBe('To the report')
      expect(left).toBeGreaterThan(0)
      await page.keyboard.press('Enter')
      expect(new URL(page.url()).hash).toBe('#main')
    })
  })

  it('is printed, on light paper whatever the reader’s theme', async () => {
    await open('one', 1280, 'dark', async page => {
      expect(await page.evaluate('paper()')).not.toBe('rgb(255, 255, 255)')
      await page.emulateMedia({ media: 'print' })
      expect(await page.evaluate('paper()')).toBe('rgb(255, 255, 255)')
      expect((await page.pdf({ format: 'A4' })).subarray(0, 5).toString()).toBe('%PDF-')
    })
  })
})
