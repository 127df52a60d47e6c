/**
 * What the documentation says of Helia: any structured overlay serves it where `chord-with-helia` has Chord. The
 * program is that one with another overlay in Chord's place, and looks the content up by both CIDs of its hash.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ownPackages, PROGRAMS, ROOT, runProgram } from './programs.ts'

const INSTALL_MS_MAX = 300_000
const RUN_MS_MAX = 120_000
const EXAMPLE = 'chord-with-helia'
const LEFT_BEHIND: ReadonlySet<string> = new Set(['node_modules', 'test'])
const OTHERS = ['pastry', 'kelips'] as const

/** Before the block is fetched: the CIDv0 is what IPFS calls the same hash where it is a file's. */
const FETCHES = 'const chunks: Uint8Array[] = []'
const BY_CIDV0 = `const old = CID.createV0(cid.multihash as never)
for await (const { id, router } of bob.routing.findProviders(old)) {
  if (router === 'libp2p-router' && id.equals(ada.libp2p.peerId.toCID()))
    console.log(\`by its old name \${old} it is at Ada\`)
  break
}
`

let folder: string
let clone: string

beforeAll(() => {
  clone = mkdtempSync(join(tmpdir(), 'servent-helia-'))
  const filter = (path: string) => !LEFT_BEHIND.has(basename(path))
  for (const own of [...ownPackages().values(), `examples/${EXAMPLE}`])
    cpSync(join(ROOT, own), join(clone, own), { recursive: true, filter })
  folder = join(clone, 'examples', EXAMPLE)
  const packages = OTHERS.map(overlay => `../../packages/${overlay}`)
  const { status, stdout, stderr } = spawnSync(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages],
    { cwd: folder, encoding: 'utf8', timeout: INSTALL_MS_MAX }
  )
  expect(status, `${stdout}${stderr}`).toBe(0)
}, INSTALL_MS_MAX)

afterAll(() => rmSync(clone, { recursive: true, force: true }), RUN_MS_MAX)

it.each(['chord', ...OTHERS])(
  'Helia finds a block by %s alone, by the CIDv1 and by the CIDv0 of its hash',
  overlay => {
    const title = overlay[0]!.toUpperCase() + overlay.slice(1)
    const example = readFileSync(join(ROOT, 'examples', EXAMPLE, 'main.ts'), 'utf8')
    expect(example).toContain(FETCHES)
    const program = example
      .replace(FETCHES, `${BY_CIDV0}${FETCHES}`)
      .replaceAll('chord', overlay)
      .replaceAll('Chord', title)
    writeFileSync(join(folder, 'main.ts'), program)
    const [found, fetched] = PROGRAMS[EXAMPLE]!
    const lines = runProgram(folder, [], RUN_MS_MAX)
    expect(lines).toHaveLength(3)
    expect(lines[0]!.replace(title, 'Chord')).toMatch(found!)
    expect(lines[1]).toMatch(/^by its old name Qm\w{44} it is at Ada$/)
    expect(lines[2]).toMatch(fetched!)
  },
  RUN_MS_MAX + 10_000
)
