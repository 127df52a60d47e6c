/**
 * How overlays look: a colour each, the same in every plot, told apart by shape and dash as well. Of
 * colours near their hues those were sought that lie furthest apart for people who lack one kind of cone; on light paper and on dark each has a contrast
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
  napster: { label: 'Napster', light: '#839c33', dark: '#69841a', dash: [12, 3], shape: 'triangle-right' },
  gnutella: { label: 'Gnutella', light: '#8b1b0c', dark: '#fa9a4f', dash: [7, 3], shape: 'triangle-up' },
  fasttrack: { label: 'FastTrack', light: '#965e00', dark: '#fde16f', dash: [2, 2], shape: 'diamond' },
  chord: { label: 'Chord', light: '#0a4995', dark: '#6093ff', dash: [1, 0], shape: 'circle' },
  pastry: { label: 'Pastry', light: '#068b75', dark: '#8dfee3', dash: [9, 2, 2, 2], shape: 'square' },
  kelips: { label: 'Kelips', light: '#cc6dd0', dark: '#cd57a3', dash: [4, 2], shape: 'cross' },
  kademlia: {
    label: 'Kademlia',
    light: '#202129',
    dark: '#b1b5c2',
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
  correct: { light: '#3f7fb5', dark: '#3b76ab' },
  incorrect: { light: '#8c1d18', dark: '#ffa599' },
  failed: { light: '#cf8400', dark: '#ffcf70' },
  unissued: { light: '#5d626b', dark: '#858a93' }
}

/** Every colour that is drawn, with what it is on dark paper. */
export const COLOURS = [...Object.values(LOOKS), INK, QUIET, GRID, PAPER, ...Object.values(OUTCOMES)]

export const labelOf = (overlay: OverlayId) => LOOKS[overlay].label
