/** What became of the addresses to listen on. */
import type { Libp2p } from '@libp2p/interface'
import type { Config } from './config.ts'
import { ListenError } from './errors.ts'

/**
 * libp2p's word on a failed start, as a sentence that says what to do. Other errors pass through.
 */
export function explainListen(error: unknown): unknown {
  const { name, message } = error as Error
  if (name !== 'UnsupportedListenAddressesError') return error
  // libp2p gives the reasons of all addresses in one text; the system's words are in it.
  const taken = /EADDRINUSE[^\n]*?(\S+):(\d+)\s*$/m.exec(message)
  if (taken !== null) {
    const [, host, port] = taken
    return new ListenError(
      `Port ${port} of ${host} is taken by another program, perhaps by another node. Stop that, or choose another port: --listen /ip4/0.0.0.0/tcp/0 takes any that is free.`
    )
  }
  const foreign = /EADDRNOTAVAIL[^\n]*?(\S+):\d+\s*$/m.exec(message)
  if (foreign !== null) {
    return new ListenError(
      `This machine does not have the address ${foreign[1]}. Listen on one that it has: --listen /ip4/0.0.0.0/tcp/6346 is all of them.`
    )
  }
  if (message.includes('EACCES')) {
    return new ListenError(
      'The system does not let you listen on that port: those below 1024 are kept. Choose a higher one by --listen.'
    )
  }
  const why = message.slice(message.indexOf('\n')).replaceAll(/\s+/g, ' ').trim()
  return new ListenError(
    `This node cannot listen: ${why}. Choose another address by --listen, or take no calls by --no-inbound.`
  )
}

/** A sentence where IPv6 was wanted and this machine has none: libp2p goes on with IPv4 in silence. */
export function missingIpv6(config: Config, network: Libp2p): string | undefined {
  if (config.noInbound || !config.listen.some(address => address.startsWith('/ip6/'))) return undefined
  if (network.getMultiaddrs().some(address => address.toString().startsWith('/ip6/'))) return undefined
  return 'IPv6 cannot be listened on here, or its port is taken. The node listens on IPv4 alone.'
}
