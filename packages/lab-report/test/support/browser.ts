/**
 * Pages in a browser. Chromium is that of the system (`CHROMIUM` says where, or Debian's `/usr/bin/chromium`); where there
 * is none tests are left out, and their title says that it is not there.
 */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { describe } from 'vitest'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const inPage = readFileSync(new URL('./in-page.js', import.meta.url), 'utf8')
const hasBrowser = existsSync(executablePath)

export const describeInBrowser = (tests: () => void) =>
  describe.skipIf(!hasBrowser)(`in ${executablePath}${hasBrowser ? '' : ', which is not there'}`, tests)

export interface Look {
  readonly width: number
  readonly colorScheme: 'light' | 'dark'
}

/** Pages are large, and machines that run tests have other work. */
const NAVIGATION_MS = 120_000

export class Pages {
  readonly #folder = mkdtempSync(join(tmpdir(), 'report-page-'))
  #browser: Browser | undefined

  async start(): Promise<void> {
    // Whoever runs tests as root, as in a container, has no sandbox; the page is our own.
    this.#browser = await chromium.launch({
      executablePath,
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : []
    })
  }

  async end(): Promise<void> {
    await this.#browser?.close()
  }

  /** Gives the address. */
  write(name: string, html: string): string {
    const file = join(this.#folder, `${name}.html`)
    writeFileSync(file, html)
    return pathToFileURL(file).href
  }

  /** With what `in-page.js` asks of it. `said` has what was told on its console, and of what went wrong. */
  async open(
    address: string,
    { width, colorScheme }: Look,
    run: (page: Page, said: readonly string[]) => Promise<void>
  ): Promise<void> {
    // Axe is a script, which the page's own policy keeps out.
    const context = await this.#browser!.newContext({
      viewport: { width, height: 900 },
      colorScheme,
      bypassCSP: true
    })
    try {
      context.setDefaultNavigationTimeout(NAVIGATION_MS)
      const page = await context.newPage()
      const said: string[] = []
      page.on('console', message => said.push(message.text()))
      page.on('pageerror', error => said.push(error.message))
      await page.goto(address)
      await page.evaluate(inPage)
      await run(page, said)
    } finally {
      await context.close()
    }
  }

  /** As its readers have it, under its own policy. */
  async plain(): Promise<Page> {
    const page = await this.#browser!.newPage()
    page.setDefaultNavigationTimeout(NAVIGATION_MS)
    return page
  }
}
