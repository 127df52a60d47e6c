/** How lines of settings that vary look: in the colour of their overlay, told apart by the shape of their points, dashes and a name. */
import { LOOKS, type Look, labelOf, type OverlayId } from '../looks.ts'
import { overlaysOf } from '../spec.ts'
import { distinct, type Row } from '../view.ts'

/** Lines that a legend names. Of more the table does. */
const NAMED_MOST = 10
/** Letters of a line's name that a legend has room for, beside those that a paper's line has more. Longer ones are numbered. */
const NAME_LETTERS_MOST = 40

type Corner = readonly [x: number, y: number]

/** A regular polygon about the middle of a mark, in halves of its height, from `turn` of a circle on. */
const polygon = (corners: number, radius: number, turn = 0): Corner[] =>
  Array.from({ length: corners }, (_, at) => {
    const angle = 2 * Math.PI * (at / corners + turn)
    return [radius * Math.sin(angle), -radius * Math.cos(angle)]
  })
const pathOf = (corners: readonly Corner[]) =>
  `M${corners.map(place => place.map(value => Number(value.toFixed(2))).join(',')).join('L')}Z`
/** Its inner edge goes the other way round, so that nothing is painted in it. */
const hollow = (corners: number, turn = 0) =>
  pathOf(polygon(corners, 1.35, turn)) + pathOf(polygon(corners, 0.75, turn).reverse())
const star = (rays: number) =>
  pathOf(polygon(2 * rays, 1.4).map(([x, y], at) => (at % 2 === 0 ? [x, y] : [0.35 * x, 0.35 * y])))

/** None of them is an overlay's own. */
const SHAPES = [
  hollow(24),
  hollow(4, 1 / 8),
  star(5),
  hollow(3),
  'M-1,-1.2L1,-1.2L-1,1.2L1,1.2Z',
  hollow(4),
  'M-1.2,-1L-1.2,1L1.2,-1L1.2,1Z',
  hollow(3, 1 / 2),
  'M-0.45,-1.4L0.45,-1.4L0.45,1.4L-0.45,1.4Z'
]
const DASHES = [
  [6, 2],
  [2, 2],
  [8, 2, 2, 2],
  [4, 4],
  [10, 3, 3, 3]
]

export interface Line extends Pick<Look, 'label' | 'light' | 'dash' | 'shape'> {
  readonly overlay: OverlayId
}

export interface Lines {
  /** In the order of the looks. */
  readonly all: readonly Line[]
  /** The label of the line that a row is on. */
  readonly of: (row: Row) => string
  /** Whether there are more than a legend names, so that each overlay has one look for all its settings. */
  readonly areTooMany: boolean
  /** Of a caption: what the legend does not say of settings. */
  readonly words: readonly string[]
}

/** A line for each overlay, or for each of its settings where it has several. */
export function linesOf(rows: readonly Row[]): Lines {
  const groups = overlaysOf(rows).map(overlay => ({
    overlay,
    sets: distinct(rows.filter(({ point }) => point.overlay === overlay).map(({ set }) => set))
  }))
  const areTooMany = groups.reduce((sum, { sets }) => sum + sets.length, 0) > NAMED_MOST
  const isNamed = new Set(
    areTooMany ? [] : groups.filter(({ sets }) => sets.length > 1).map(({ overlay }) => overlay)
  )
  const labelWith = (overlay: OverlayId, set: string) =>
    [labelOf(overlay), ...(isNamed.has(overlay) && set !== '' ? [set] : [])].join(', ')
  const isShort = groups.every(({ overlay, sets }) =>
    sets.every(set => labelWith(overlay, set).length <= NAME_LETTERS_MOST)
  )
  const numberOf = (overlay: OverlayId, set: string) =>
    `${labelOf(overlay)} ${groups.find(group => group.overlay === overlay)!.sets.indexOf(set) + 1}`
  const nameOf = (overlay: OverlayId, set: string) =>
    isShort || !isNamed.has(overlay) ? labelWith(overlay, set) : numberOf(overlay, set)
  const lines = groups.flatMap(({ overlay, sets }) =>
    (areTooMany ? sets.slice(0, 1) : sets).map((set, at) => ({
      overlay,
      isFirst: at === 0,
      label: nameOf(overlay, set)
    }))
  )
  const others = lines.filter(({ isFirst }) => !isFirst)
  const all = lines.map((line): Line => {
    const { overlay, label } = line
    const { light, dash, shape } = LOOKS[overlay]
    const at = others.indexOf(line)
    if (at === -1) return { overlay, label, light, dash, shape }
    return { overlay, label, light, dash: DASHES[at % DASHES.length]!, shape: SHAPES[at % SHAPES.length]! }
  })
  const of = ({ point: { overlay }, set }: Row) => nameOf(overlay, set)
  const sets = [...isNamed].flatMap(overlay =>
    groups
      .find(group => group.overlay === overlay)!
      .sets.map(set => `${nameOf(overlay, set)}: ${set || 'as it is'}`)
  )
  const words = areTooMany
    ? ['Lines of one overlay are of its settings, which the table tells apart.']
    : isShort
      ? []
      : [`${sets.join('; ')}.`]
  return { all, of, areTooMany, words }
}
