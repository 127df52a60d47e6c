/** A logger of libp2p that says nothing: hundreds of peers would only make strings. */
import type { ComponentLogger, Logger } from '@libp2p/interface'

const silent: Logger = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  enabled: false,
  newScope: () => silent
})

export const silentLogger: ComponentLogger = { forComponent: () => silent }
