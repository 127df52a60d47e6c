/**
 * Participation levels in a node that takes part in FastTrack: who gave to others goes before strangers here. What
 * computes them is loaded with the first transfer, for a node that only relays queries needs none of it; then receipts
 * are exchanged until the node stops.
 */
import type { Ed25519PrivateKey } from '@libp2p/interface'
import type { ServentDatabase } from '@servent/database'
import type { HostComponents } from '@servent/libp2p-host'
import type { Ledger, Participation } from '@servent/transfer'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { overlaysOf } from './overlay-names.ts'
import type { ParticipationView } from './types.ts'

/** How others stand, and what they are told of this node. */
export interface Levels extends Participation {
  /** 0 to 1000, where nothing is to be given for it. */
  shownLevelOf(peer: string): number
  /** A peer gave verified bytes that the ledger has counted. Never throws. */
  gave(peer: string): void
  /** This node's own level, by the receipts that it has. */
  own(): ParticipationView
  /** No receipts are given any more; what is not written yet is written. */
  stop(): Promise<void>
}

export interface LevelsInit {
  readonly config: Config
  readonly privateKey: Ed25519PrivateKey
  readonly database: ServentDatabase
  readonly logger: Logger
}

/** A service of libp2p that holds a place for the real one until somebody transfers something. */
export class LevelsSlot {
  readonly #init: LevelsInit
  #components: HostComponents | undefined

  constructor(init: LevelsInit) {
    this.#init = init
  }

  /** Called by libp2p when it makes its services. */
  service = (components: HostComponents): object => {
    this.#components = components
    return {}
  }

  /**
   * Nothing where this node takes no part in levels, or they cannot be had now: then the ledger alone says who goes first.
   * Never rejects.
   */
  async open(ledger: Ledger): Promise<Levels | undefined> {
    const { config, privateKey, database, logger } = this.#init
    const components = this.#components
    const isWanted = overlaysOf(config.overlays).includes('fasttrack') && config.fasttrack.receipts === 'on'
    if (!isWanted || components === undefined) return undefined
    try {
      const { bandOf, receiptExchange } = await import('@servent/fasttrack/credit')
      const exchange = receiptExchange({ privateKey, database, own: peer => ledger.of(peer) })(components)
      await exchange.start()
      return {
        standingOf: peer => exchange.standingOf(peer),
        levelOf: peer => exchange.levelOf(peer),
        bandOf: level => bandOf(level),
        shownLevelOf: peer => exchange.shownLevelOf(peer),
        gave: peer => exchange.gave(peer),
        own: () => {
          const { level, band } = exchange.own()
          return { level, band }
        },
        stop: () => exchange.stop()
      }
    } catch (error) {
      logger.error({ err: error }, 'participation levels failed, so what peers gave this node counts alone')
      return undefined
    }
  }
}
