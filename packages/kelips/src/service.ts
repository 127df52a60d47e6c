/** Kelips as a libp2p service: its machine under what every structured overlay gives (`StructuredService`). */
import type { PrivateKey } from '@libp2p/interface'
import { type StructuredComponents, StructuredService } from '@servent/key-routing'
import { KelipsMachine } from './machine.ts'
import { type KelipsInit, limitsOf, settingsOf } from './service-settings.ts'
import { answerSigning } from './service-signing.ts'
import { kelipsView, rolesOf } from './service-tables.ts'
import type { KelipsNotice, KelipsTypes } from './types.ts'
import { kelipsCodec } from './wire.ts'

export const KELIPS_PROTOCOL = '/servent/kelips/1.0.0'

export type KelipsComponents = StructuredComponents

export class KelipsService extends StructuredService<KelipsTypes, KelipsMachine> {
  #mismatch: string | undefined

  /**
   * @throws TypeError   there is no private key, or its public key is not part of the PeerId (RSA)
   * @throws RangeError  a bootstrap address has no `/p2p`
   * @throws Error       a bootstrap address is no multiaddr
   */
  constructor(components: KelipsComponents, init: KelipsInit = {}) {
    const settings = settingsOf(init)
    const privateKey = init.privateKey ?? components.privateKey
    if (privateKey !== undefined) checkKey(privateKey)
    super(components, init, {
      name: 'kelips',
      protocol: KELIPS_PROTOCOL,
      codec: kelipsCodec,
      createMachine: heldMax => new KelipsMachine(settingsOf(init, heldMax)),
      ownLinks: settings.routing.ownLinks!,
      // Without a key there is no service.
      answer: question => answerSigning(question, privateKey!),
      seek: contacts => ({ type: 'join', contacts }),
      leave: { type: 'leave' },
      // The farewell goes out at once: only values that are under way to others are waited for.
      hasLeft: ({ calls }) => calls === 0,
      whyAlone: () => this.#mismatch,
      limits: limitsOf(settings),
      onNotice: notice => this.#noticed(notice),
      rolesOf,
      describe: (tables, nameOf) => ({
        ...kelipsView(tables, nameOf),
        ...(this.#mismatch === undefined ? {} : { mismatch: this.#mismatch })
      })
    })
  }

  override async start(): Promise<void> {
    this.#mismatch = undefined
    await super.start()
  }

  #noticed(notice: KelipsNotice): void {
    if (notice.type === 'mismatch') {
      this.#mismatch = `${this.host.peerIdOf(notice.peer)} has a heartbeat of ${notice.heartbeatMs} ms: networks of unlike heartbeats do not mix. Set heartbeatMs alike.`
    }
  }
}

function checkKey({ type }: PrivateKey): void {
  if (type !== 'Ed25519' && type !== 'secp256k1')
    throw new TypeError(
      'Others check what Kelips signs by the PeerId alone: the node needs an Ed25519 or secp256k1 key, not RSA.'
    )
}
