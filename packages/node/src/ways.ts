/**
 * Ways around firewalls: relays that this node is called over, the relay that it serves as, calls back, and ports that a
 * router opens. Hole punching is left to libp2p's DCUtR, which over TCP seldom works: nothing here counts on it.
 */
import type { Connection, Ed25519PrivateKey, ServiceMap } from '@libp2p/interface'
import { isLoopback } from '@servent/libp2p-host'
import type { CallBack, RelayServer, RelayUse } from '@servent/relay'
import type { createLibp2p, ServiceFactoryMap } from 'libp2p'
import type { Config } from './config.ts'
import type { NodeStatus } from './types.ts'

type Services = ServiceFactoryMap<ServiceMap>
type Transports = NonNullable<NonNullable<Parameters<typeof createLibp2p>[0]>['transports']>

export class Ways {
  /** Beside TCP. */
  readonly transports: Transports
  /** Beside the addresses of the configuration. */
  readonly listen: readonly string[]
  readonly services: Services
  readonly #mode: Config['relay']
  readonly #use: RelayUse | undefined
  #server: RelayServer | undefined
  #callBack: CallBack | undefined

  private constructor(config: Config, use: RelayUse | undefined, services: Services) {
    this.#mode = config.relay
    this.#use = use
    this.transports = use === undefined ? [] : [use.transport]
    // A relay can be called itself, and so can a node whose user says how.
    const isCallable = config.relay === 'serve' || (!config.noInbound && config.announce.length > 0)
    this.listen = isCallable ? [] : (use?.listen ?? [])
    this.services = services
  }

  /** What is not wanted is not loaded. */
  static async load(config: Config, privateKey: Ed25519PrivateKey): Promise<Ways> {
    const router = await portMapping(config)
    if (config.relay === 'off') return new Ways(config, undefined, router)
    const { CallBack, CallRules, holePunching, RelayServer, RelayUse } = await import('@servent/relay')
    const rules = new CallRules()
    const use = new RelayUse()
    const services: Services = {
      ...router,
      relays: use.service,
      callBack: components => {
        ways.#callBack = new CallBack(components, rules)
        return ways.#callBack
      },
      holePunching: holePunching(rules)
    }
    if (config.relay === 'serve') {
      services.relay = components => {
        ways.#server = new RelayServer(components, {
          privateKey,
          limits: { bytesPerSecond: config.maxRelayRate }
        })
        return ways.#server
      }
    }
    const ways = new Ways(config, use, services)
    return ways
  }

  /** A direct connection in place of a relayed one, where the peer at its other end calls when it is asked to. */
  async callBack(relayed: Connection, signal: AbortSignal): Promise<Connection | undefined> {
    return this.#callBack?.ask(relayed, signal)
  }

  status(): NodeStatus['relay'] {
    return {
      mode: this.#mode,
      relays: this.#use?.relays() ?? [],
      ...(this.#server === undefined ? {} : { serving: this.#server.status() })
    }
  }
}

/** Routers are looked for on the local network, so only where this node is there for others than its own machine. */
async function portMapping(config: Config): Promise<Services> {
  if (config.noInbound || config.portMapping === 'off' || config.listen.every(isLoopback)) return {}
  const { uPnPNAT } = await import('@libp2p/upnp-nat')
  const gateways = config.portMapping === 'auto' ? {} : { gateways: [config.portMapping] }
  // Nobody else tells whether the port is open from outside, and this node claims it only when it was called.
  return { portMapping: uPnPNAT({ autoConfirmAddress: true, ...gateways }) as unknown as Services[string] }
}
