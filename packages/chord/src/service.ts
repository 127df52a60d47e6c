/** Chord as a libp2p service: its machine under what every structured overlay gives (`StructuredService`). */
import { type StructuredComponents, StructuredService } from '@servent/key-routing'
import { ChordMachine } from './machine.ts'
import { type ChordInit, limitsOf, settingsOf } from './service-settings.ts'
import { chordView, rolesOf } from './service-tables.ts'
import type { ChordNotice, ChordTypes } from './types.ts'
import { chordCodec } from './wire.ts'

export const CHORD_PROTOCOL = '/servent/chord/1.0.0'

export type ChordComponents = StructuredComponents

export class ChordService extends StructuredService<ChordTypes, ChordMachine> {
  #mismatch: string | undefined

  /**
   * @throws TypeError   there is no private key
   * @throws RangeError  a bootstrap address has no `/p2p`
   * @throws Error       a bootstrap address is no multiaddr
   */
  constructor(components: ChordComponents, init: ChordInit = {}) {
    const settings = settingsOf(init)
    super(components, init, {
      name: 'chord',
      protocol: CHORD_PROTOCOL,
      codec: chordCodec,
      createMachine: heldMax => new ChordMachine(settingsOf(init, heldMax)),
      ownLinks: settings.routing.ownLinks!,
      seek: contacts => ({ type: 'join', contacts }),
      leave: { type: 'leave' },
      hasLeft: ({ mode }) => mode === 'idle',
      whyAlone: () => this.#mismatch,
      limits: limitsOf(settings),
      onNotice: notice => this.#noticed(notice),
      rolesOf,
      describe: (tables, nameOf) => ({
        ...chordView(tables, nameOf),
        ...(this.#mismatch === undefined ? {} : { mismatch: this.#mismatch })
      })
    })
  }

  override async start(): Promise<void> {
    this.#mismatch = undefined
    await super.start()
  }

  #noticed(notice: ChordNotice): void {
    if (notice.type === 'mismatch') {
      this.#mismatch = `${this.host.peerIdOf(notice.peer)} has successor lists of ${notice.listLength}: rings of unlike lists do not mix. Set successors alike.`
    }
  }
}
