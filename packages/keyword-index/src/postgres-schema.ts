/**
 * Tables of the store in PostgreSQL. Files are parted by a hash of their owner, which stands first in every key, so that
 * an owner's files lie together and the parts can be moved to machines of their own.
 */
import type pg from 'pg'
import { IndexUnavailableError } from './errors.ts'
import { FILE_NUMBERS } from './file-numbers.ts'

const PARTITIONS = 16
/** Held while tables are made or brought forward: "servent", and this component. */
const MIGRATION_LOCK = 0x7365_7276

/** Columns that an announcement brings, in their order. */
export const FILE_COLUMNS = ['owner', 'key', 'content', 'words', 'size', 'type', ...FILE_NUMBERS, 'body']

const NUMBERS = FILE_NUMBERS.map(name => `${name} integer NOT NULL`).join(', ')

/** `steps[i]` leads from version i to i + 1. `$S` stands for the schema. */
const STEPS = [
  `CREATE TABLE $S.servers (
     id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     name text NOT NULL,
     seen timestamptz NOT NULL,
     is_lost boolean NOT NULL DEFAULT false
   );
   -- A server whose files are being taken away comes back under another number.
   CREATE UNIQUE INDEX servers_by_name ON $S.servers (name) WHERE NOT is_lost;
   CREATE TABLE $S.files (
     owner text COLLATE "C" NOT NULL,
     key text COLLATE "C" NOT NULL,
     server integer NOT NULL,
     content bytea,
     words tsvector NOT NULL,
     size bigint NOT NULL,
     type text NOT NULL,
     ${NUMBERS},
     body bytea NOT NULL,
     PRIMARY KEY (owner, key)
   ) PARTITION BY HASH (owner);
   ${Array.from({ length: PARTITIONS }, (_, part) => partition(part)).join('\n   ')}
   -- What waits to be sorted in is read by every search: it is kept short.
   CREATE INDEX files_by_words ON $S.files USING gin (words) WITH (gin_pending_list_limit = 256);
   CREATE INDEX files_by_content ON $S.files (content) WHERE content IS NOT NULL;
   CREATE INDEX files_by_server ON $S.files (server);`
]

function partition(part: number): string {
  return `CREATE TABLE $S.files_${part} PARTITION OF $S.files
     FOR VALUES WITH (MODULUS ${PARTITIONS}, REMAINDER ${part});`
}

/** Where a connection puts what it copies, until it is taken over. Nobody else sees it, and no log is written of it. */
export const STAGING_TABLE = `CREATE TEMPORARY TABLE IF NOT EXISTS servent_staging (
  owner text, key text, content bytea, words text[], size bigint, type text, ${NUMBERS}, body bytea
) ON COMMIT DELETE ROWS`

/**
 * Makes the tables, or brings them to the newest version: all missing steps, or none. Whoever comes second waits.
 *
 * @param schema  quoted
 * @throws IndexUnavailableError  a newer program wrote them, or the database is not in UTF-8
 */
export async function migrate(client: pg.ClientBase, schema: string): Promise<void> {
  const encoding = (await client.query('SHOW server_encoding')).rows[0].server_encoding
  if (encoding !== 'UTF8')
    throw new IndexUnavailableError(`The database is in ${encoding}. Make one with the encoding UTF8.`)
  await client.query('BEGIN')
  try {
    await client.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`)
    await client.query(
      `CREATE SCHEMA IF NOT EXISTS ${schema}; CREATE TABLE IF NOT EXISTS ${schema}.version (version integer NOT NULL)`
    )
    const { rows } = await client.query(`SELECT version FROM ${schema}.version`)
    const version = rows[0]?.version ?? 0
    if (version > STEPS.length)
      throw new IndexUnavailableError(
        `A newer Servent wrote the index (version ${version}, and this program knows ${STEPS.length}). Install the newer program.`
      )
    for (const step of STEPS.slice(version)) await client.query(step.replaceAll('$S', schema))
    if (version < STEPS.length)
      await client.query(
        `DELETE FROM ${schema}.version; INSERT INTO ${schema}.version VALUES (${STEPS.length})`
      )
    await client.query('COMMIT')
  } catch (error) {
    // The connection may be what broke.
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}
