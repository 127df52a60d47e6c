/** Made-up hits, and overlays that give what they are told to. */
import type { KeyRoutedSearchOptions, SearchExtent } from '@servent/key-routing'
import { ContentId, given, type Hit, type Overlay, type OverlayName, type Provider } from '@servent/overlay'

/** A plain id out of one number. */
export const idOf = (number: number): ContentId => ContentId.fromRoot(new Uint8Array(32).fill(number), 100)

export const PEER_A = '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf'
export const PEER_B = '12D3KooWRBhwfeP2Y4TCx1SM6s9rUoHhR5STiGwxBhgFRcw3UERE'

export function hit(
  number: number,
  provider: string,
  overlay: OverlayName = 'gnutella',
  more: Partial<Hit> = {}
): Hit {
  return {
    record: {
      id: idOf(number),
      size: 100,
      name: `file ${number}.txt`,
      type: 'text/plain',
      tags: {},
      provider,
      sequence: 1,
      expiresMs: 0
    },
    provider: { peerId: provider, addresses: ['/ip4/192.0.2.1/tcp/6346'] },
    overlay,
    hops: 1,
    elapsedMs: 10,
    ...more
  }
}

const SOMEBODY = { peerId: PEER_B, inbound: false, connectedMs: 1, agent: '' }

export interface FakeOverlay extends Overlay {
  /** What `search` was asked, in order. */
  readonly asked: {
    text: string
    ttl: number | undefined
    signal: AbortSignal | undefined
    minLinkSpeed?: number | undefined
  }[]
}

/** Gives each of `script` in turn: a hit, or an error that it throws. */
export function fakeOverlay(
  name: OverlayName,
  script: readonly (Hit | Error | 'wait')[],
  providers: readonly Provider[] = [],
  extent?: SearchExtent,
  isAlone = false
): FakeOverlay {
  const asked: FakeOverlay['asked'] = []
  return {
    name,
    asked,
    attach() {},
    async *search(query, options?: KeyRoutedSearchOptions) {
      if (options?.extent !== undefined && extent !== undefined) Object.assign(options.extent, extent)
      const { minLinkSpeed } = (options ?? {}) as { minLinkSpeed?: number }
      asked.push({ text: query.text, ttl: options?.ttl, signal: options?.signal, ...given({ minLinkSpeed }) })
      for (const step of script) {
        if (step === 'wait') {
          await new Promise<void>(resolve =>
            options?.signal?.addEventListener('abort', () => resolve(), { once: true })
          )
          return
        }
        if (step instanceof Error) throw step
        if (options?.traffic !== undefined) {
          options.traffic.messages += 1
          options.traffic.bytes += 50
        }
        yield step
      }
    },
    async *findProviders() {
      yield* providers
    },
    snapshot: () => ({ name, state: 'running', neighbours: isAlone ? [] : [SOMEBODY], counters: {} })
  }
}
