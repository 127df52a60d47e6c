/** A logger of libp2p that says nothing: hundreds of peers in one process would only make strings. */
import type { ComponentLogger, Logger } from '@libp2p/interface'

export const silentLogger: Logger = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  enabled: false,
  newScope: () => silentLogger
})

export const silentComponentLogger: ComponentLogger = { forComponent: () => silentLogger }
