/**
 * Many small nodes in one process, each sharing a few files of its own: `node sharers.ts FOLDER NODES FILES BYTES`. Prints
 * a JSON line with a ticket for each file, and ends with its standard input.
 */
import { randomFillSync } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createNode, loadConfig, type ServentNode } from '@servent/node'

const [folder, ...numbers] = process.argv.slice(2)
const [nodes, files, bytes] = numbers.map(Number) as [number, number, number]

const started: ServentNode[] = []
const tickets: string[] = []
for (let index = 0; index < nodes; index += 1) {
  const shared = join(folder!, `shared-${index}`)
  mkdirSync(shared, { recursive: true })
  const { config } = await loadConfig({
    env: {},
    dataDir: join(folder!, `data-${index}`),
    flags: { listen: '/ip4/127.0.0.1/tcp/0', discovery: 'bootstrap', overlays: 'gnutella', relay: 'off' }
  })
  const node = await createNode(config)
  await node.start()
  started.push(node)
  for (let file = 0; file < files; file += 1) {
    const path = join(shared, `file-${index}-${file}.bin`)
    writeFileSync(path, randomFillSync(new Uint8Array(bytes)))
    for await (const event of node.share(path)) if (event.event === 'done') tickets.push(event.ticket!)
  }
}
console.log(JSON.stringify(tickets))
process.stdin.resume().once('end', async () => {
  for (const node of started) await node.stop()
  process.exit(0)
})
