/** This peer's own life: a chain of heartbeats from a secret, signed once. */
import { randomBytes } from '@servent/overlay/machine'
import { OwnChain } from './chain.ts'
import { CHAIN_LENGTH, PREFIX_BYTES } from './constants.ts'
import type { Kelips } from './kelips.ts'
import { lifeStatement } from './statements.ts'
import type { Fx } from './types.ts'

/** Begins a chain; the one before it goes on until this one is signed. */
export function beginChain(kelips: Kelips, fx: Fx, then?: (fx: Fx) => void): void {
  if (kelips.isSigning) return
  kelips.isSigning = true
  const { heartbeatMs } = kelips.settings
  // Later than the one before also where the clock was set back.
  const startS = Math.max(Math.floor(kelips.wallMs / 1000), (kelips.chain?.startS ?? 0) + 1)
  const secret = randomBytes(fx, PREFIX_BYTES)
  const chain = new OwnChain(kelips.oneWay, secret, startS, kelips.nowMs, heartbeatMs)
  kelips.ask(
    { type: 'sign', statements: [lifeStatement(startS, chain.anchor, heartbeatMs)] },
    (answer, later) => {
      kelips.isSigning = false
      if (answer?.type !== 'signed' || answer.signatures[0] === undefined) return
      chain.signature = answer.signatures[0]
      kelips.chain = chain
      kelips.chainTold = 0
      then?.(later)
    },
    fx
  )
}

/** The value that says that this peer is gone. */
export function farewellOf(kelips: Kelips): Uint8Array | undefined {
  return kelips.chain?.signature === undefined ? undefined : kelips.chain.valueAt(CHAIN_LENGTH)
}
