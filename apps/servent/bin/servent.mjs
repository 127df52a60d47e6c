#!/usr/bin/env node
// The program. Written so that a Node of ten years ago can read it: it must at least say that it is too old.
var major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    'error: servent needs Node 24 or newer, and this is Node ' +
      process.versions.node +
      '.\n' +
      'try: install a newer one from https://nodejs.org, or run "npm ci" in the root of the repository and then "npx servent": it brings Node 26.'
  )
  process.exit(1)
}
import('../dist/main.js').then(
  main => main.main(),
  error => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    console.error(`error: servent is not built: ${error.message}\ntry: npm run build`)
    process.exit(1)
  }
)
