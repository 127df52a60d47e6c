/** A process of its own that serves one file to whoever says its name in a first line; port, file and rate are its own. */
import { openDatabase } from '@servent/database'
import { FileServer, Ledger } from '../../src/index.ts'
import { TestShare } from './share.ts'
import { firstLine, listen } from './sockets.ts'

const [, , file, rate] = process.argv
const share = new TestShare()
const { id } = share.addFile('a.bin', file!)
const server = new FileServer({
  catalogue: share,
  blocks: share,
  ledger: new Ledger(openDatabase(':memory:')),
  maxUploadBytesPerSecond: Number(rate)
})
const { port } = await listen(socket => {
  socket.on('error', () => {})
  void firstLine(socket).then(peer => server.serve(socket, peer))
})
console.log(JSON.stringify({ port, id }))
