// Says in one sentence that Node is too old, before anything else can fail on it.
const [major] = process.versions.node.split('.').map(Number)
if (major < 24) {
  console.error(
    `servent needs Node 24 or newer, and this is Node ${process.versions.node}. ` +
      'Run "npm ci" in the root of the repository: it brings Node 26 for npm scripts and npx.'
  )
  process.exit(1)
}
