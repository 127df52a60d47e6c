/**
 * The catalogue's tables.
 *
 * A root is a path that the user shared. A file is a path with what `stat` said when it was hashed; a content
 * is what several files may have in common, and its number is the file index that overlays show. Numbers are
 * never given twice, so a stale index leads nowhere. Times and inodes are text: they have 64 bits, more than
 * a JavaScript number holds.
 *
 * `library_words` holds the tokens of each file's name and of its content's tags. SQLite's `ascii` tokenizer parts at ASCII characters
 * that are no letter or digit and changes nothing but ASCII capitals, so tokens, which have neither, go
 * through it as they are and SQLite finds exactly what `matches` finds.
 */
import type { ServentDatabase } from '@servent/database'

const COMPONENT = 'library'

/** At its path, as it was hashed. */
export const HERE = 1
/** Deleted or moved away; remembered for a while. */
export const GONE = 2
/** Its root, or a folder above it, cannot be reached now; remembered until it can. */
export const UNPLUGGED = 3

/** Of a content `c`, as JSON. */
export const TAGS = "coalesce(c.tags, '{}') AS tags"

/** Contents as others see them, under the name of the first file that has them. */
export const SHOWN = `SELECT c.id AS "index", c.cid, c.size, c.sha1, ${TAGS}, f.name, f.type
  FROM library_content c JOIN library_file f ON f.id = (SELECT min(id) FROM library_file WHERE content = c.id AND state = ${HERE})`

/** The roots above a content's parts, from an index that has nothing else. */
export const PART_ROOTS =
  'SELECT root FROM library_layer INDEXED BY library_layer_root WHERE content = ? ORDER BY part'

export const STEPS = [
  `
  CREATE TABLE library_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  CREATE TABLE library_root (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    -- As the user gave it, before symbolic links were resolved.
    given TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('folder', 'file')),
    -- 'leaving': unshared, and its files are being taken out.
    state TEXT NOT NULL CHECK (state IN ('present', 'missing', 'leaving')),
    device TEXT
  ) STRICT;

  CREATE TABLE library_folder (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    parent INTEGER,
    path TEXT NOT NULL UNIQUE
  ) STRICT;
  CREATE INDEX library_folder_parent ON library_folder (parent);

  CREATE TABLE library_content (
    -- The file index, 32 bits on the wire.
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id < 4294967296),
    -- The whole CID: a digest alone does not tell a small file from the tree above it.
    cid BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    sha1 BLOB NOT NULL
  ) STRICT;
  CREATE INDEX library_content_sha1 ON library_content (sha1);

  -- The 1 MiB layer in parts of 1024 hashes, and the root above each part.
  CREATE TABLE library_layer (
    content INTEGER NOT NULL REFERENCES library_content (id) ON DELETE CASCADE,
    part INTEGER NOT NULL,
    root BLOB NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (content, part)
  ) STRICT;
  -- The roots of a file of 4 TiB are read at once: here they do not lie scattered among 128 MiB of hashes.
  CREATE INDEX library_layer_root ON library_layer (content, part, root);

  CREATE TABLE library_file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    folder INTEGER NOT NULL REFERENCES library_folder (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    size INTEGER NOT NULL,
    -- Device and inode, and nanoseconds of mtime and ctime.
    inode TEXT NOT NULL,
    written TEXT NOT NULL,
    changed TEXT NOT NULL,
    state INTEGER NOT NULL,
    gone_ms INTEGER,
    content INTEGER REFERENCES library_content (id),
    -- Why it could not be hashed.
    reason TEXT,
    -- To be hashed, the lowest first: minus the number of a share that waits for it, or not before this time.
    due INTEGER,
    UNIQUE (folder, name)
  ) STRICT;
  CREATE INDEX library_file_content ON library_file (content, id) WHERE content IS NOT NULL;
  CREATE INDEX library_file_inode ON library_file (inode);
  CREATE INDEX library_file_due ON library_file (due, id) WHERE due IS NOT NULL;
  CREATE INDEX library_file_gone ON library_file (gone_ms) WHERE gone_ms IS NOT NULL;

  CREATE VIRTUAL TABLE library_words USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
  );
  `,
  `
  -- A map in JSON, which belongs to the bytes; nothing while nobody has looked for tags in them.
  ALTER TABLE library_content ADD COLUMN tags TEXT;

  -- Contents of media files whose tags are to be read.
  CREATE TABLE library_untagged (
    content INTEGER PRIMARY KEY REFERENCES library_content (id) ON DELETE CASCADE
  ) STRICT;
  INSERT INTO library_untagged SELECT DISTINCT content FROM library_file
    WHERE content IS NOT NULL AND (type LIKE 'audio/%' OR type LIKE 'video/%');
  `
]

export function migrateLibrary(database: ServentDatabase): void {
  database.migrate(COMPONENT, STEPS)
}
