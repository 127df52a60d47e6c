// A small private network of real nodes on this machine: one shares files, another finds and fetches one over
// every overlay there is, and the bytes are compared. Nothing leaves loopback, nothing
// is left behind.
//
//     npm run demo [-- --json]
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Daemon, eventually, neighbours } from '../test/e2e/harness.ts'

const OVERLAYS = 'napster,gnutella,fasttrack,chord,pastry,kelips,kademlia'
// The first shares and the last looks for it. Both are weak peers where an overlay tells them apart: leaves of
// Gnutella, ordinary peers of FastTrack. Those in between are ultrapeers and supernodes, and one is Napster's server.
const WEAK = ['--overlays', OVERLAYS, '--set', 'gnutella.role=leaf', '--set', 'fasttrack.role=ordinary']
const STRONG = ['--set', 'gnutella.role=ultrapeer', '--set', 'fasttrack.role=supernode']
const NODES = [
  { flags: WEAK, is: 'shares' },
  {
    flags: ['--overlays', `${OVERLAYS},napster-server`, ...STRONG],
    is: 'ultrapeer, supernode, Napster server'
  },
  { flags: ['--overlays', OVERLAYS, ...STRONG], is: 'ultrapeer, supernode' },
  { flags: WEAK, is: 'searches and fetches' }
]
const SERVER = 1
const FILE_BYTES = 5_000_000
const SMALL_BYTES = 30_000
// Names that are written without spaces are found by any two of their characters.
const CHARACTERS = [
  ['月亮代表我的心 - 邓丽君.ogg', '月亮'],
  ['夜来香.ogg', '来香'],
  ['茉莉花 江苏民歌.ogg', '莉花'],
  ['🎷蓝色狂想曲.ogg', '狂想']
]
const SEARCHES_MAX = 3
// Everything must be over within a minute, whatever hangs.
const DEMO_MS_MAX = 55_000

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const say = text => {
  if (!values.json) console.error(text)
}

const daemons = []
const started = []
const interrupted = new AbortController()
let ending
/** Ends every node by its pid and removes its folder, also one that is about to start. */
function end() {
  interrupted.abort()
  ending ??= Promise.allSettled(started.map(async daemon => (await daemon)[Symbol.asyncDispose]()))
  return ending
}
let givenUp = false
async function giveUp(code, why) {
  if (givenUp) return
  givenUp = true
  console.error(why)
  await end()
  process.exit(code)
}
process.on('SIGINT', () => giveUp(130, '\nInterrupted: ending the nodes.'))
process.on('SIGTERM', () => giveUp(143, 'Ended: ending the nodes.'))
setTimeout(
  () => giveUp(1, `error: the demo took more than ${DEMO_MS_MAX / 1000} s and was given up.`),
  DEMO_MS_MAX
).unref()

const startedMs = performance.now()
try {
  const { overlays, together } = await demo()
  await end()
  const ok = overlays.length > 0 && overlays.every(overlay => overlay.ok) && together.files === 1
  const seconds = Number(((performance.now() - startedMs) / 1000).toFixed(1))
  if (values.json) console.log(JSON.stringify({ ok, nodes: NODES.length, overlays, together, seconds }))
  else show(overlays, together, ok, seconds)
  process.exit(ok ? 0 : 1)
} catch (error) {
  await giveUp(1, `error: ${error.message}`)
}

async function demo() {
  say(`Starting ${NODES.length} nodes on loopback, each knowing the one before it …`)
  for (const [index, { flags, is }] of NODES.entries()) {
    const known = index === 0 ? [] : ['--bootstrap', daemons[index - 1].address]
    // Others hear of the server from whom they meet; who meets no server is told of one.
    if (index > SERVER) known.push('--set', `napster.servers=${daemons[SERVER].address}`)
    interrupted.signal.throwIfAborted()
    started.push(Daemon.start({ flags: [...flags, ...known], signal: interrupted.signal }))
    const daemon = await started[index]
    daemons.push(daemon)
    say(`  node ${index + 1}   ${daemon.ready.peerId}   pid ${daemon.pid}   ${is}`)
  }
  const [first] = daemons
  const last = daemons.at(-1)
  const names = first.ready.overlays
  for (const name of names) await Promise.all(daemons.map(daemon => neighbours(daemon, 1, name)))

  const folder = join(first.home, 'Samples')
  await mkdir(folder)
  const files = []
  for (const name of names) {
    // One file for each overlay: a file that was fetched is there already.
    const file = { name: `Sample song of ${name}.ogg`, bytes: randomBytes(FILE_BYTES) }
    await writeFile(join(folder, file.name), file.bytes)
    files.push(file)
  }
  for (const [name] of CHARACTERS) await writeFile(join(folder, name), randomBytes(SMALL_BYTES))
  say(`\nnode 1 $ servent share ${folder}`)
  const shared = await first.json(['share', folder])
  say(`         ${shared.files} file${shared.files === 1 ? '' : 's'}, ${shared.bytes} bytes`)
  await announced(first)

  const rows = []
  for (const [index, overlay] of names.entries()) rows.push(await findAndFetch(last, overlay, files[index]))
  let together
  for (const [name, characters] of CHARACTERS) {
    const { overlays, done } = await findBy(last, characters, name, names.length)
    together = { text: characters, ...done }
    for (const row of rows) {
      row.foundByCharacters = (row.foundByCharacters ?? 0) + (overlays.includes(row.overlay) ? 1 : 0)
      row.ok &&= overlays.includes(row.overlay)
      if (!overlays.includes(row.overlay)) row.why ??= `${characters} did not find ${name}`
    }
  }
  return { overlays: rows, together }
}

/** The overlays on which these characters find the file, asked at once, and what that cost. */
async function findBy(daemon, characters, name, overlays) {
  say(`node ${NODES.length} $ servent search ${characters}`)
  const { json } = await daemon.run(['--json', 'search', characters, '--limit', String(overlays)])
  const hits = json.filter(event => event.event === 'hit' && event.name === name)
  const found = hits.map(({ overlay }) => overlay)
  say(`         ${name}: ${found.join(', ') || 'not found'}`)
  return { overlays: found, done: json.at(-1) }
}

/** Overlays that route by key tell others of a file before anybody asks. */
async function announced(daemon) {
  const done = ({ announced: { files, of } = { files: 0, of: 0 } }) => files === of
  await eventually(
    async () => (await daemon.json(['status'])).overlays.every(done),
    'every file is announced',
    DEMO_MS_MAX
  )
}

async function findAndFetch(daemon, overlay, { name, bytes }) {
  const query = `sample song ${overlay}`
  say(`node ${NODES.length} $ servent search ${query} --overlay ${overlay}`)
  const search = () => daemon.run(['--json', 'search', query, '--overlay', overlay, '--limit', '1'])
  let { json } = await search()
  // What a leaf shares is in the route tables between ultrapeers some seconds later.
  for (let tries = 1; tries < SEARCHES_MAX && json[0]?.event !== 'hit'; tries += 1)
    ({ json } = await search())
  const hit = json.find(event => event.event === 'hit')
  const done = json.at(-1)
  if (hit === undefined) return { overlay, ok: false, why: 'not found' }
  say(`         ${hit.name}, ${hit.hops} hops away`)
  say(`node ${NODES.length} $ servent get ${hit.row}`)
  const fetched = await daemon.run(['--json', 'get', String(hit.row)])
  const result = fetched.json.at(-1)
  if (result?.event !== 'done') return { overlay, ok: false, why: result?.message ?? fetched.err }
  say(`         ${result.path}\n`)
  const sha256 = data => createHash('sha256').update(data).digest('hex')
  const got = sha256(await readFile(result.path))
  const [traffic] = done.overlays
  return {
    overlay,
    ok: hit.name === name && got === sha256(bytes),
    file: hit.name,
    bytes: result.bytes,
    hops: hit.hops,
    firstHitMs: traffic.firstHitMs,
    messages: traffic.messages,
    searchBytes: traffic.bytes,
    fetchSeconds: result.seconds,
    sha256: got
  }
}

function show(overlays, together, ok, seconds) {
  const rows = overlays.map(row => [
    row.overlay,
    row.ok ? 'yes' : `no: ${row.why ?? 'other bytes'}`,
    ...(row.file === undefined
      ? ['', '', '', '', '', '']
      : [
          row.hops,
          `${Math.round(row.firstHitMs)} ms`,
          row.messages,
          `${row.fetchSeconds.toFixed(2)} s`,
          row.sha256.slice(0, 16),
          `${row.foundByCharacters} of ${CHARACTERS.length}`
        ])
  ])
  const table = [
    [
      'OVERLAY',
      'FETCHED, SAME BYTES',
      'HOPS',
      'FIRST HIT',
      'MESSAGES',
      'FETCHED IN',
      'SHA-256',
      'BY 2 CHARACTERS'
    ],
    ...rows
  ]
  print(table)
  console.log(
    `\nOne search over all of them, for ${together.text}: ${together.hits} hits of ${together.files} file`
  )
  print([
    ['OVERLAY', 'HITS', 'FIRST HIT', 'MESSAGES', 'BYTES'],
    ...together.overlays.map(({ name, hits, firstHitMs, messages, bytes }) => [
      name,
      hits,
      firstHitMs === null ? '' : `${Math.round(firstHitMs)} ms`,
      messages,
      bytes
    ])
  ])
  say(
    `\n${ok ? 'All is well' : 'Something is wrong'}: ${NODES.length} nodes, ${seconds} s, everything cleaned up.`
  )
  if (ok) say('Next: npx servent start')
}

function print(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map(row => String(row[column]).length)))
  for (const row of table)
    console.log(
      row
        .map((cell, column) => String(cell).padEnd(widths[column]))
        .join('  ')
        .trimEnd()
    )
}
