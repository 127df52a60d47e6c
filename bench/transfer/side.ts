/** One process of a row: told by its parent over the channel of `fork` what to do, and answers what it cost. */
import { ALONE, type AloneName } from './alone.ts'
import { type Cost, Meter } from './measure.ts'
import { PAIRS, type PairName } from './pairs.ts'

export type Order =
  | { readonly do: 'send'; readonly row: PairName; readonly bytes: number }
  | { readonly do: 'receive'; readonly row: PairName; readonly bytes: number; readonly address: string }
  | { readonly do: 'alone'; readonly row: AloneName; readonly bytes: number; readonly folder: string }
  | { readonly do: 'stop' }

export type Report =
  | { readonly type: 'listening'; readonly address: string }
  | ({ readonly type: 'done'; readonly seconds: number } & Cost)

const say = (report: Report): void => void process.send!(report)

async function timed(work: () => Promise<void>): Promise<void> {
  const meter = await Meter.start()
  const startMs = performance.now()
  await work()
  const seconds = (performance.now() - startMs) / 1000
  say({ type: 'done', seconds, ...(await meter.stop()) })
}

let sending: Meter | undefined

process.on('message', async (order: Order) => {
  if (order.do === 'send') {
    const address = await PAIRS[order.row].send(order.bytes)
    sending = await Meter.start()
    say({ type: 'listening', address })
  } else if (order.do === 'receive') {
    await timed(await PAIRS[order.row].receive(order.address, order.bytes))
  } else if (order.do === 'alone') {
    await timed(await ALONE[order.row](order.folder, order.bytes))
  } else {
    if (sending !== undefined) say({ type: 'done', seconds: 0, ...(await sending.stop()) })
    process.exitCode = 0
    process.disconnect?.()
    setImmediate(() => process.exit())
  }
})
