/** One part of the benchmark in a process of its own: sends its figures to its parent and ends. */
import { SCAN_PLANS, scan } from './scan.ts'
import { SEARCH_PLANS, search } from './search.ts'

const [name, size, folder] = process.argv.slice(2) as ['scan' | 'search', 'full' | 'small', string]
const figures =
  name === 'scan'
    ? await scan({ ...SCAN_PLANS[size], folder })
    : await search({ ...SEARCH_PLANS[size], folder })
process.send?.(figures)
process.disconnect?.()
