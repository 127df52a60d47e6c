/** Colours: seen on light and dark, and told apart by people who see fewer of them. */
import { describe, expect, it } from 'vitest'
import { COLOURS, INK, LOOKS, OUTCOMES, PAPER, QUIET } from '../src/looks.ts'

type Colour = readonly [red: number, green: number, blue: number]

const linear = (hex: string): Colour =>
  [1, 3, 5].map(at => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }) as unknown as Colour

function contrast(a: string, b: string): number {
  const light = (hex: string) => {
    const [red, green, blue] = linear(hex)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
  }
  return Math.max(light(a), light(b)) / Math.min(light(a), light(b))
}

/** Machado, Oliveira and Fernandes (2009), table 1, severity 1: who lacks one kind of cone. */
const SIGHTS: Readonly<Record<string, readonly Colour[]>> = {
  all: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1]
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998]
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881]
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039]
  ]
}

/** Ottosson's OKLab: distances are about as far as people see them. */
function lab(colour: Colour): Colour {
  const [r, g, b] = colour.map(value => Math.max(0, value)) as unknown as Colour
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s
  ]
}

const seen = (hex: string, sight: string) => {
  const colour = linear(hex)
  return lab(
    SIGHTS[sight]!.map(row => row.reduce((sum, part, at) => sum + part * colour[at]!, 0)) as unknown as Colour
  )
}
const distance = (a: Colour, b: Colour) => Math.hypot(...a.map((value, at) => value - b[at]!))
/** Some five of the smallest steps that are seen side by side. */
const APART = 0.11

const overlays = Object.values(LOOKS)

describe.each(['light', 'dark'] as const)('on %s paper', mode => {
  it('lines and points have a contrast of 3 to 1 at least, and text one of 4.5 (WCAG 1.4.11 and 1.4.3)', () => {
    for (const { label = '', [mode]: colour } of [...overlays, ...Object.values(OUTCOMES)] as {
      label?: string
      light: string
      dark: string
    }[])
      expect(contrast(colour, PAPER[mode]), label).toBeGreaterThanOrEqual(3)
    for (const text of [INK, QUIET]) expect(contrast(text[mode], PAPER[mode])).toBeGreaterThanOrEqual(4.5)
  })

  it.each(Object.keys(SIGHTS))('overlays are told apart by their colours: sight %s', sight => {
    for (const a of overlays)
      for (const b of overlays)
        if (a.label < b.label)
          expect(
            distance(seen(a[mode], sight), seen(b[mode], sight)),
            `${a.label} and ${b.label}`
          ).toBeGreaterThan(APART)
  })

  it('what became of lookups is told apart by lightness alone', () => {
    const light = Object.values(OUTCOMES).map(({ [mode]: colour }) => lab(linear(colour))[0])
    const sorted = light.toSorted((a, b) => a - b)
    for (const [at, value] of sorted.slice(1).entries()) expect(value - sorted[at]!).toBeGreaterThan(0.04)
  })
})

it('no two colours are alike, for each is changed to another in the dark', () => {
  expect(new Set(COLOURS.map(({ light }) => light)).size).toBe(COLOURS.length)
})

it('and without colours by shape and by dash', () => {
  expect(new Set(overlays.map(({ shape }) => shape)).size).toBe(overlays.length)
  expect(new Set(overlays.map(({ dash }) => `${dash}`)).size).toBe(overlays.length)
})
