/**
 * How overlays look: a colour each, the same in every plot, told apart by shape and dash as well. Colours differ in
 * lightness too, so that people who see fewer of them tell them apart; on light paper and on dark each has a contrast
 * of three to one at least (WCAG 1.4.11). Plots are drawn in the light ones, and a style sheet changes them.
 */
import type { PointResults } from '@servent/lab'

export type OverlayId = PointResults['overlay']

export interface Look {
  readonly label: string
  readonly light: string
  readonly dark: string
  readonly dash: readonly number[]
  readonly shape: string
}

/** In the order in which they are shown. */
export const LOOKS: Readonly<Record<OverlayId, Look>> = {
  gnutella: { label: 'Gnutella', light: '#d05000', dark: '#ff9a52', dash: [7, 3], shape: 'triangle-up' },
  fasttrack: { label: 'FastTrack', light: '#8c7400', dark: '#f2dc5d', dash: [2, 2], shape: 'diamond' },
  chord: { label: 'Chord', light: '#0058a8', dark: '#4f9ff0', dash: [1, 0], shape: 'circle' },
  pastry: { label: 'Pastry', light: '#00906a', dark: '#5ee0b5', dash: [9, 2, 2, 2], shape: 'square' },
  kelips: { label: 'Kelips', light: '#c05a9c', dark: '#f3a6d6', dash: [4, 2], shape: 'cross' },
  kademlia: {
    label: 'Kademlia',
    light: '#3c4148',
    dark: '#d8dce2',
    dash: [5, 2, 1, 2],
    shape: 'triangle-down'
  }
}

/** What is drawn beside overlays. */
export const INK = { light: '#1b1d20', dark: '#e8e8e6' }
export const QUIET = { light: '#595e66', dark: '#a9aeb6' }
export const GRID = { light: '#dcdcd8', dark: '#3a3d43' }
export const PAPER = { light: '#ffffff', dark: '#15171a' }
/** What became of lookups, from the best to the worst, and those of which nothing could become. */
export const OUTCOMES = {
  correct: { light: '#7fb2dd', dark: '#2f6ea3' },
  incorrect: { light: '#b3261e', dark: '#ff8a80' },
  failed: { light: '#e59500', dark: '#ffc766' },
  unissued: { light: '#8a8f98', dark: '#7c828c' }
}

/** Every colour that is drawn, with what it is on dark paper. */
export const COLOURS = [...Object.values(LOOKS), INK, QUIET, GRID, ...Object.values(OUTCOMES)]

export const labelOf = (overlay: OverlayId) => LOOKS[overlay].label
