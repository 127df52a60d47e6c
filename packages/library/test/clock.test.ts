/** The wall clock is set back: a file that was to rest until then is hashed all the same, and none is withdrawn. */
import { openDatabase } from '@servent/database'
import { expect, test } from 'vitest'
import { namesOf, openLibrary, record, until, workplace, write } from './helpers.ts'

const DAY_MS = 86_400_000

test.each([262_000, DAY_MS])(
  'by %i ms while a file rests: it is shared again soon',
  async ms => {
    const place = workplace()
    write(place.folder, { 'resting/old.txt': 'old', 'other/first.txt': 'first' })
    const library = await openLibrary(place)
    await library.share(place.folder)
    const seen = record(library)
    // What a file looks like that changed while it was read, once the clock is set back: due so much later.
    const database = openDatabase(place.databasePath)
    const row = () =>
      database.sql.prepare("SELECT due, content FROM library_file WHERE name = 'old.txt'").get()!
    database.sql
      .prepare("UPDATE library_file SET due = ?, content = NULL WHERE name = 'old.txt'")
      .run(Date.now() + ms)
    // Something else comes, and then the library has nothing to do but to wait.
    write(place.folder, { 'other/new.txt': 'new' })
    await until(library, () => row().due === null && row().content !== null)
    database.close()
    await until(library, async () => (await namesOf(library)).join() === 'first.txt,new.txt,old.txt')
    expect(seen.filter(line => line.startsWith('removed'))).toEqual([])
  },
  30_000
)
