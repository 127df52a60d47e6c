/** A whole number from 1 to the most; a setting that is none is taken for 1. */
export function clamp(value: number, most: number): number {
  return Math.max(1, Math.min(most, Math.trunc(value) || 1))
}
