// Builds the program into one executable, build/servent: everything bundled into one script, and that script
// put into a copy of this Node by its own --build-sea. The executable needs no Node and no files beside it.
//
//     npm run binary [-- --out FILE]
//
// Never strip it: the script is found by a note that stripping moves.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { bundle } from './bundle.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SUFFIX = process.platform === 'win32' ? '.exe' : ''
// --build-sea came with Node 25.5.
const NODE_MAJOR_MIN = 26

const { values } = parseArgs({ options: { out: { type: 'string' } } })
if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  console.error(
    `error: an executable is built by Node ${NODE_MAJOR_MIN}, and this is Node ${process.versions.node}.\ntry:   npm ci, then npm run binary: it brings Node 26`
  )
  process.exit(1)
}
const out = resolve(values.out ?? join(ROOT, 'build', `servent${SUFFIX}`))
const folder = join(dirname(out), `.servent-${process.pid}`)
mkdirSync(folder, { recursive: true })
try {
  await build()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function build() {
  const entry = join(folder, 'entry.mjs')
  writeFileSync(
    entry,
    `import { main } from ${JSON.stringify(join(ROOT, 'apps/servent/dist/main.js'))}\nmain()\n`
  )
  const script = join(folder, 'servent.cjs')
  const worker = join(folder, 'library-worker.cjs')
  await bundle(entry, script)
  // A worker thread starts from a text of its own, which the executable carries beside its main script.
  await bundle(join(ROOT, 'packages/library/dist/worker.js'), worker)
  const indexWorker = join(folder, 'index-worker.cjs')
  await bundle(join(ROOT, 'packages/keyword-index/dist/sqlite-worker.js'), indexWorker)
  const labWorker = join(folder, 'lab-worker.cjs')
  await bundle(join(ROOT, 'packages/lab/dist/worker.js'), labWorker)
  const config = join(folder, 'sea.json')
  const built = join(folder, `servent${SUFFIX}`)
  writeFileSync(
    config,
    JSON.stringify({
      main: script,
      output: built,
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      assets: {
        'library-worker': worker,
        'index-worker': indexWorker,
        'lab-worker': labWorker,
        'lab-fingerprints': join(ROOT, 'packages/lab/data/fingerprints.json')
      }
    })
  )
  const { status, stderr } = spawnSync(process.execPath, ['--build-sea', config], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`node --build-sea ended with ${status}: ${stderr}`)
  chmodSync(built, 0o755)
  if (process.platform === 'darwin') spawnSync('codesign', ['--sign', '-', built], { stdio: 'inherit' })
  renameSync(built, out)
  console.log(`${out}  ${(statSync(out).size / 1e6).toFixed(0)} MB`)
  console.error(`Next: ${out} start`)
}
