/** A process of its own that fetches one folder, so that a test can kill it: root, port and id are its arguments. */
import { ContentId } from '@servent/overlay'
import { Desk } from './desk.ts'

const [, , root, port, id] = process.argv
const desk = Desk.at(root!)
const downloads = await desk.open()
console.log('open')
const download = await downloads.start({
  id: ContentId.parse(id!),
  name: 'Music',
  folder: true,
  providers: [{ peerId: 'honest', addresses: [`/ip4/127.0.0.1/tcp/${port}`] }]
})
console.log(JSON.stringify(await download.finished))
await desk.shut()
