/** Upgraders of libp2p that are given another connection than the transport made, or none. */
import type { MultiaddrConnection, Upgrader } from '@libp2p/interface'

type Change = (connection: MultiaddrConnection) => MultiaddrConnection

/** Of connections that are dialled. */
export function upgradingOutbound(upgrader: Upgrader, change: Change): Upgrader {
  const upgradeOutbound: Upgrader['upgradeOutbound'] = (
    connection: MultiaddrConnection,
    options: Parameters<Upgrader['upgradeOutbound']>[1]
  ) => upgrader.upgradeOutbound(change(connection), options)
  return Object.create(upgrader, { upgradeOutbound: { value: upgradeOutbound } })
}

/** Of connections that come. What `change` throws refuses one. */
export function upgradingInbound(upgrader: Upgrader, change: Change): Upgrader {
  const upgradeInbound: Upgrader['upgradeInbound'] = async (
    connection: MultiaddrConnection,
    options: Parameters<Upgrader['upgradeInbound']>[1]
  ) => upgrader.upgradeInbound(change(connection), options)
  return Object.create(upgrader, { upgradeInbound: { value: upgradeInbound } })
}
