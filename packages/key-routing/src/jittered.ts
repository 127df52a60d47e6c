import type { RandomSource } from '@servent/overlay/machine'

/**
 * A round comes after half to one and a half of its period, by chance, so that peers which began together do not stay
 * so (Chord, ToN 2003, section VI-D).
 */
export function jittered(source: RandomSource, periodMs: number): number {
  return Math.floor(periodMs / 2) + (source.random() % periodMs)
}
