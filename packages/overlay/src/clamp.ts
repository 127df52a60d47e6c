/** A whole number from `least` to `most`, for settings and for counts that come in; what is no number is the least. */
export function clamp(value: number, least: number, most: number): number {
  return value >= least ? Math.floor(Math.min(value, most)) : least
}
