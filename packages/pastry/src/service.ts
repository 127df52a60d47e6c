/** Pastry as a libp2p service: its machine under what every structured overlay gives (`StructuredService`). */
import { type StructuredComponents, StructuredService } from '@servent/key-routing'
import { PastryMachine } from './machine.ts'
import { limitsOf, type PastryInit, settingsOf } from './service-settings.ts'
import { pastryView, rolesOf } from './service-tables.ts'
import type { PastryNotice, PastryTypes } from './types.ts'
import { pastryCodec } from './wire.ts'

export const PASTRY_PROTOCOL = '/servent/pastry/1.0.0'

export type PastryComponents = StructuredComponents

export class PastryService extends StructuredService<PastryTypes, PastryMachine> {
  #mismatch: string | undefined

  /**
   * @throws TypeError   there is no private key
   * @throws RangeError  a bootstrap address has no `/p2p`
   * @throws Error       a bootstrap address is no multiaddr
   */
  constructor(components: PastryComponents, init: PastryInit = {}) {
    const settings = settingsOf(init)
    super(components, init, {
      name: 'pastry',
      protocol: PASTRY_PROTOCOL,
      codec: pastryCodec,
      createMachine: heldMax => new PastryMachine(settingsOf(init, heldMax)),
      ownLinks: settings.routing.ownLinks!,
      seek: contacts => ({ type: 'join', contacts }),
      leave: { type: 'leave' },
      hasLeft: ({ mode }) => mode === 'idle',
      whyAlone: () => this.#mismatch,
      limits: limitsOf(settings),
      onNotice: notice => this.#noticed(notice),
      rolesOf,
      describe: (tables, nameOf) => ({
        ...pastryView(tables, nameOf),
        ...(this.#mismatch === undefined ? {} : { mismatch: this.#mismatch })
      })
    })
  }

  override async start(): Promise<void> {
    this.#mismatch = undefined
    await super.start()
  }

  #noticed(notice: PastryNotice): void {
    if (notice.type === 'match') this.#mismatch = undefined
    if (notice.type === 'mismatch') {
      const { peer, leafSet, digitBits } = notice
      this.#mismatch = `${this.host.peerIdOf(peer)} has leaf sets of ${leafSet} and digits of ${digitBits} bits: networks of unlike sizes do not mix. Set leafSet and digitBits alike.`
    }
  }
}
