/** The program, patched: its peer takes itself for the root of every key, whoever is. The lab's truth must find it out. */
import { KeyRoutedService } from '@servent/key-routing'
import type { Contact } from '@servent/overlay'

const { lookup } = KeyRoutedService.prototype

KeyRoutedService.prototype.lookup = async function (...given) {
  const found = await lookup.apply(this, given)
  const { host } = this as unknown as { readonly host: { selfContact(): Contact } }
  return found && { ...found, root: host.selfContact() }
}

// As it was built: sources are checked where nothing is.
const { main } = await import(new URL('../../apps/servent/dist/main.js', import.meta.url).href)
await main()
