/** A process of its own that fetches one file, so that a test can kill it: root, port and id are its arguments. */
import { ContentId } from '@servent/overlay'
import { Partials } from '../../src/index.ts'
import { Desk } from './desk.ts'

const [, , root, port, id, limits] = process.argv
const desk = Desk.at(root!)
const downloads = await desk.open({
  limits: JSON.parse(limits ?? '{}'),
  partials: new Partials(),
  random: Math.random
})
console.log('open')
const download = await downloads.start({
  id: ContentId.parse(id!),
  name: 'a.bin',
  providers: [{ peerId: 'honest', addresses: [`/ip4/127.0.0.1/tcp/${port}`] }]
})
const finished = await download.finished
const rssBytesMax = process.resourceUsage().maxRSS * 1024
console.log(JSON.stringify({ ...finished, rssBytesMax }))
await desk.shut()
