/**
 * Has a peer listed by one introducer, over each family of IP that it has addresses of. Only such addresses go out as
 * concern the introducer: one on the Internet is not told of private networks.
 *
 * A peer behind a NAT does not see the address that others call it by. Where the introducer sees it at a public one that
 * it does not have itself, it announces its port there: if that is forwarded, the call back proves it.
 */
import { isIP } from 'node:net'
import type { PrivateKey } from '@libp2p/interface'
import { CODE_P2P, type Multiaddr } from '@multiformats/multiaddr'
import { hostOf } from '@servent/libp2p-host'
import { CONTACT_ADDRESSES_MAX } from '@servent/overlay'
import { isCallable, isWithin, readMultiaddr, type Scope, scopeOf } from './addresses.ts'
import { type OverlayRole, sealAnnouncement } from './announcement.ts'
import type { IntroducerClient } from './client.ts'
import { IntroducerError } from './errors.ts'
import { ANNOUNCE_AGAIN_MS, ANNOUNCED_OVERLAYS_MAX } from './limits.ts'

/** An introducer may ask for announcements sooner or later than usual, within this. */
const AGAIN_MS_MIN = 60_000
const AGAIN_MS_MAX = 6 * ANNOUNCE_AGAIN_MS

export interface OwnPlace {
  /** Multiaddrs in text form, with or without `/p2p`. */
  readonly addresses: readonly string[]
  readonly overlays: readonly OverlayRole[]
}

export interface AnnounceInit {
  readonly client: IntroducerClient
  /** Without overlays it withdraws. */
  readonly place: OwnPlace
  /** Where the introducer is, and as what it sees this peer. */
  readonly scope: Scope
  readonly seen: string
  readonly peerId: string
  readonly privateKey: PrivateKey
  readonly nextMs: () => number
  readonly signal: AbortSignal
}

/** @throws IntroducerError  it lists this peer over neither family; of several reasons the first */
export async function announceTo(init: AnnounceInit): Promise<{ listed: string[]; againMs: number }> {
  const addresses = announcedAddresses(init)
  const [first] = addresses
  if (first === undefined) throw new IntroducerError(whyNone(init))
  const overlays = init.place.overlays.slice(0, ANNOUNCED_OVERLAYS_MAX)
  const listed = new Set<string>()
  let againMs: number | undefined
  let failure: unknown
  for (const family of familiesOf(addresses, init)) {
    const { peerId, privateKey, client, signal } = init
    const sealed = await sealAnnouncement(
      { peerId, addresses: addresses.map(String), overlays, issuedMs: init.nextMs() },
      privateKey
    )
    try {
      const answer = await client.announce(sealed, family, signal)
      for (const text of answer.addresses) listed.add(text)
      againMs = Math.min(AGAIN_MS_MAX, Math.max(AGAIN_MS_MIN, answer.againMs))
    } catch (error) {
      failure ??= error
    }
  }
  if (againMs === undefined) throw failure
  return { listed: [...listed], againMs }
}

/** Those at which it is seen first: of a longer list only the beginning goes out. */
function announcedAddresses({ place, scope, seen }: AnnounceInit): Multiaddr[] {
  const own = place.addresses
    .flatMap(text => readMultiaddr(text)?.decapsulateCode(CODE_P2P) ?? [])
    .filter(isCallable)
  const at = readMultiaddr(seen)
  const near = own.filter(address => isWithin(address, scope))
  if (at === undefined) return near.slice(0, CONTACT_ADDRESSES_MAX)
  const host = hostOf(at)
  const here = near.filter(address => hostOf(address) === host)
  const elsewhere = near.filter(address => hostOf(address) !== host)
  const guessed = here.length === 0 && scopeOf(at) === 'public' ? forwarded(own, at) : []
  return [...here, ...guessed, ...elsewhere].slice(0, CONTACT_ADDRESSES_MAX)
}

/** The port of this peer at the address of its NAT: the usual way to forward one. */
function forwarded(own: readonly Multiaddr[], at: Multiaddr): Multiaddr[] {
  const family = at.getComponents()[0]!.name
  const behind = own.find(
    address => address.getComponents()[0]!.name === family && scopeOf(address) === 'private'
  )
  return behind === undefined ? [] : [at.encapsulate(`/tcp/${behind.getComponents()[1]!.value}`)]
}

/** That of the address at which it is seen first. A host that is an address itself is reached over its own alone. */
function familiesOf(addresses: readonly Multiaddr[], { client, seen }: AnnounceInit): (4 | 6)[] {
  const literal = isIP(new URL(client.base).hostname.replace(/^\[|\]$/g, ''))
  if (literal !== 0) return [literal as 4 | 6]
  const familyOf = (text: string) => (text.startsWith('/ip6/') ? 6 : 4)
  return [...new Set([seen, ...addresses.map(String)].map(familyOf))]
}

const whyNone = ({ place, scope, seen }: AnnounceInit): string =>
  place.addresses.length === 0
    ? 'This node takes no calls, so that nobody can be sent to it.'
    : `None of this node's addresses can be called from where the introducer is (${scope}); it sees this node at ${seen}.`
