/** What the benchmark needs to know of an overlay: its service, and when its tables are whole. */
import type { Libp2p } from '@libp2p/interface'
import type { ServiceFactoryMap } from 'libp2p'

export const SIDES = ['kad', 'chord', 'pastry', 'kelips'] as const
export type SideName = (typeof SIDES)[number]

/** Options of the overlay's own that differ from its defaults. */
export type Settings = Readonly<Record<string, unknown>>

export interface ServiceInit {
  readonly settings: Settings
  /** Addresses of peers that are there already. */
  readonly bootstrap: readonly string[]
}

export interface Side {
  /** Protocol id of its streams. */
  readonly protocol: string
  service(init: ServiceInit): ServiceFactoryMap[string]
  /** Meets peers whose addresses it was given, where its service does not do that by itself. */
  meet?(node: Libp2p, bootstrap: readonly string[]): Promise<void>
  /** Looks for peers now where it would only do so later; nothing where it does so by itself. */
  refresh?(service: unknown): Promise<void>
  /** How many entries its tables hold, and its first successor where it has one. */
  tables(service: unknown): Tables
}

export interface Tables {
  readonly entries: number
  /** PeerIds in text form, the nearest first; nothing where the overlay is not a ring. */
  readonly successors: readonly string[]
  /** That it keeps for the network, and those of them whose root it is; nothing where the overlay does not say. */
  readonly records?: number
  readonly rootRecords?: number
  /** Keys of the records that it keeps, hexadecimal. */
  readonly heldKeys?: readonly string[]
}

/** From its start until a peer is with others: a machine with other work takes minutes where it takes seconds else. */
export const MEET_MS_MAX = 180_000

export async function sideOf(name: SideName): Promise<Side> {
  switch (name) {
    case 'kad':
      return (await import('./side-kad.ts')).kad
    case 'chord':
      return (await import('./side-chord.ts')).chordSide
    case 'pastry':
      return (await import('./side-pastry.ts')).pastrySide
    case 'kelips':
      return (await import('./side-kelips.ts')).kelipsSide
  }
}
