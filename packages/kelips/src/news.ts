/** What is told before the next round: joiners, tuples and farewells, where the setting `news` says so. */
import { FAREWELLS_MAX, NEWS_MS } from './constants.ts'
import type { Kelips } from './kelips.ts'
import type { Beat } from './messages.ts'
import type { Fx } from './types.ts'

export const NEWS_TIMER = 'news'

/** Sees to it that what was told to nobody yet is told soon, or when there is room for it. */
export function armNews(kelips: Kelips, fx: Fx, waitMs = 0): void {
  if (kelips.newsArmed || !kelips.maintenance || kelips.settings.news === 'by-round') return
  if (kelips.mode !== 'member' || !hasNews(kelips)) return
  kelips.newsArmed = true
  fx.setTimer(NEWS_TIMER, Math.max(NEWS_MS, waitMs))
}

function hasNews({ view, tuples, farewells }: Kelips): boolean {
  return view.untold > 0 || tuples.fresh > 0 || farewells.some(({ told }) => told === 0)
}

export function noteFarewell({ farewells }: Kelips, beat: Beat): void {
  if (farewells.length >= FAREWELLS_MAX) farewells.shift()
  farewells.push({ beat, told: 0 })
}
