/**
 * Searches of two words right after three in ten peers died at once, maintenance standing still: of the files that those
 * who live have, each structured overlay still finds 99 in 100. `words.full.test.ts` has 300 and 1,000 peers, and the two
 * whose announcing takes long.
 */
import { it } from 'vitest'
import type { OverlayId } from '../src/overlays/settings.ts'
import { expectWordsFound } from './words.ts'

it.each<OverlayId>(['chord', 'pastry'])('of %s', overlay => expectWordsFound(overlay, 120), 120_000)
