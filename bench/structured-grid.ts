/**
 * Cost against latency under churn, after Li, Stribling, Morris and Kaashoek (INFOCOM 2005): for each structured overlay
 * a grid of settings, each point a whole network, and of all points the lower hulls.
 *
 *     npm run bench:grid -- [--overlays chord,pastry,kelips,kademlia] [--addresses 1024] [--hours 6] [--rate 600]
 *       [--points 8] [--seeds 1] [--workers 1] [--price encoded] [--out FILE] [--json]
 *
 * As there: each address is up for an hour on average and down for as long, so that half of them live, and whoever comes
 * is somebody new; all live peers look up random keys, each every `--rate` seconds (600: churn decides; 9: lookups do); a
 * lookup has 4 s; the first half of the hours is not measured; failures are told apart from latency. Unlike there,
 * nobody looks up anything in the first half, round trips are the lab's model of PlanetLab's, of which the median is
 * smaller than that of their 1,024 DNS servers, and bytes are those of the real encoding: `--price p2psim` draws the hulls by
 * their formula, 20 bytes a message and 4 an id. Networks begin with ideal tables.
 *
 * A point takes a minute to an hour. With `--out` each is one line of that file, the lab's whole results, and points
 * that are there already are not run again: what was interrupted goes on, and more `--points` are added to fewer.
 */
import { parseArgs } from 'node:util'
import { compare, type Plan, PlanError, resolvePlan } from '@servent/lab'
import { type Figures, figuresOf, hullRows, PRICES, type Price, tableOf } from './structured-grid/figures.ts'
import {
  GRID_OVERLAYS,
  type GridOverlay,
  gridPoints,
  gridSize,
  planSettings,
  type Settings
} from './structured-grid/grids.ts'
import { PointStore } from './structured-grid/store.ts'
import { lookupsOf } from './structured-grid/workload.ts'

const { values } = parseArgs({
  options: {
    overlays: { type: 'string', default: GRID_OVERLAYS.join(',') },
    addresses: { type: 'string', default: '1024' },
    hours: { type: 'string', default: '6' },
    rate: { type: 'string', default: '600' },
    points: { type: 'string', default: '8' },
    seeds: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    price: { type: 'string', default: 'encoded' },
    out: { type: 'string' },
    json: { type: 'boolean', default: false }
  }
})

const overlays = values.overlays.split(',') as GridOverlay[]
const price = values.price as Price
const rateS = above0('rate')
const hours = above0('hours')
const points = above0('points')
for (const overlay of overlays)
  if (!GRID_OVERLAYS.includes(overlay)) fail('overlays', GRID_OVERLAYS.join(', '))
if (!PRICES.includes(price)) fail('price', PRICES.join(' or '))

function above0(name: 'rate' | 'hours' | 'points'): number {
  const number = Number(values[name])
  return number > 0 && Number.isFinite(number) ? number : fail(name, 'a number above 0')
}

function fail(name: keyof typeof values, takes: string): never {
  console.error(`--${name} takes ${takes}, and it says ${values[name]}.`)
  process.exit(2)
}

function planOf(overlay: GridOverlay, point: Settings): Plan {
  const addresses = Number(values.addresses)
  const halfS = Math.round(hours * 1800)
  return resolvePlan({
    overlays: [overlay],
    nodes: addresses,
    churn: 'exp:1h/exp:1h',
    warmup: halfS,
    duration: halfS,
    lookups: lookupsOf({ addresses, halfS, rateS }),
    seeds: Number(values.seeds),
    workers: Number(values.workers),
    set: planSettings(overlay, point)
  })
}

const store = new PointStore(values.out)
const say = (text: string) => console.error(text)
if (store.unreadable > 0)
  say(`${values.out}: ${store.unreadable} lines are no results of the lab, and are passed over.`)

async function measure(overlay: GridOverlay, point: Settings): Promise<Figures> {
  const plan = planOf(overlay, point)
  const known = store.find(plan)
  const results = known ?? (await compare(plan))
  if (known === undefined) store.add(results)
  const figures = figuresOf(point, results, price)
  const { success, latencyMs, bytesPerS, wallS } = figures
  say(
    `${known === undefined ? 'ran' : 'had'} ${overlay} ${JSON.stringify(point)}: success ${success.toFixed(4)}, ` +
      `${latencyMs.toFixed(0)} ms, ${bytesPerS.toFixed(1)} bytes/s; ${wallS.toFixed(0)} s`
  )
  return figures
}

// Point by point, so that all overlays have some when it is interrupted.
const measured = new Map<GridOverlay, Figures[]>(overlays.map(overlay => [overlay, []]))
try {
  for (let index = 0; index < points; index += 1) {
    for (const overlay of overlays) {
      const point = gridPoints(overlay, index + 1)[index]
      if (point !== undefined) measured.get(overlay)!.push(await measure(overlay, point))
    }
  }
} catch (error) {
  if (!(error instanceof PlanError)) throw error
  say(error.message)
  process.exit(2)
}

const what = { addresses: Number(values.addresses), hours, rate_s: rateS, seeds: Number(values.seeds), price }
if (values.json) {
  console.log(JSON.stringify({ ...what, overlays: Object.fromEntries(measured) }))
} else {
  console.log(
    `${what.addresses} addresses, half of them up, sessions of an hour; ${hours} h, the second half measured; a lookup ` +
      `every ${rateS} s a peer; ${what.seeds} runs of each point; hulls by ${price} bytes.`
  )
  for (const [overlay, figures] of measured) {
    console.log(
      `\n**${overlay}**, ${figures.length} of ${gridSize(overlay)} points\n\n${tableOf(hullRows(figures))}`
    )
  }
}
