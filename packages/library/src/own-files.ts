/** The files that make a node itself: its key, its token, its database and the lock on that. */
import { basename, dirname } from 'node:path'

/**
 * In any case of letters, as some file systems do not tell them apart, and with what is written beside them
 * (`servent.db-wal`, `identity.key.` and digits while a key is made).
 */
const OWN_NAMES = /^(identity\.key|api\.token|servent\.(db|lock|pid)|daemon\.json)([-.].*)?$/is

/**
 * Whether a file is one of those, in the folder of the node's database. They are neither shared nor opened,
 * whatever is shared and whatever the settings say: whoever has the key is the node, and closing a second
 * handle on a database frees the locks that SQLite holds on it (https://www.sqlite.org/howtocorrupt.html,
 * 2.2). Both paths are real.
 */
export function isOwnFile(databasePath: string, path: string): boolean {
  if (dirname(path) !== dirname(databasePath)) return false
  const name = basename(path)
  const database = basename(databasePath)
  return OWN_NAMES.test(name) || name === database || name.startsWith(`${database}-`)
}
