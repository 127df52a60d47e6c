// The pictures of docs/guide, and the steps under them, come from real runs: `npm run guide:pictures` runs
// plans/guide.yaml and writes docs/guide/pictures/*.svg, and into each page the steps of its lookup, between two comments.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'
import { resolveStudy, runStudy } from '@servent/lab'
import { reportOf } from '@servent/lab-report'

const PLAN = 'plans/guide.yaml'
const GUIDE = 'docs/guide'
const STEPS = /(<!-- steps -->\n).*?(<!-- end of steps -->)/s

/** By path from the root: what the plan gives. */
export async function guideFiles(root) {
  const study = resolveStudy(await readFile(join(root, PLAN), 'utf8'), PLAN)
  const folder = await mkdtemp(join(tmpdir(), 'guide-'))
  try {
    const { pictures } = await reportOf([await runStudy(study, { folder })])
    const files = new Map()
    for (const { overlay, svg, steps } of pictures) {
      files.set(`${GUIDE}/pictures/${overlay}.svg`, `${svg}\n`)
      const page = `${GUIDE}/${overlay}.md`
      const text = await readFile(join(root, page), 'utf8')
      if (!STEPS.test(text)) throw new Error(`${page} has no place for its steps.`)
      const list = steps.map((step, at) => `${at + 1}. ${step}\n`).join('')
      files.set(
        page,
        text.replace(STEPS, (_, before, after) => `${before}\n${list}\n${after}`)
      )
    }
    return files
  } finally {
    await rm(folder, { recursive: true })
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(import.meta.dirname, '..')
  for (const [file, text] of await guideFiles(root)) {
    await mkdir(dirname(join(root, file)), { recursive: true })
    await writeFile(join(root, file), text)
    console.log(file)
  }
}
