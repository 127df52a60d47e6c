/**
 * A process of its own with many peers that misuse one server, each by a connection that it opens again whenever it
 * is cut: a third dribble their requests a byte a second, a third flood it with requests, a third ask for the file and
 * read nothing of it. It says how many have connected, and what they did, once a second.
 */
import { connect } from 'node:net'

const [, , port, id, countText] = process.argv
const count = Number(countText)
const AGAIN_MS = 200
const did = { connected: 0, dribbled: 0, flooded: 0, held: 0, cut: 0 }
const ever = new Set<number>()

function misuse(peer: number): void {
  const socket = connect(Number(port), '127.0.0.1')
  let timer: NodeJS.Timeout | undefined
  socket.on('error', () => {})
  socket.once('close', () => {
    clearInterval(timer)
    did.cut += 1
    setTimeout(misuse, AGAIN_MS, peer)
  })
  socket.once('connect', () => {
    ever.add(peer)
    socket.write(`attacker-${peer}\n`)
    if (peer % 3 === 0) {
      const request = `GET /ipfs/${id} HTTP/1.1\r\nHost:\r\nX: ${'x'.repeat(4096)}`
      socket.resume()
      let at = 0
      timer = setInterval(() => {
        socket.write(request[at % request.length]!)
        at += 1
        did.dribbled += 1
      }, 1_000)
    } else if (peer % 3 === 1) {
      socket.resume()
      const requests = `HEAD /ipfs/${id} HTTP/1.1\r\nHost:\r\n\r\nGET /nothing HTTP/1.1\r\nHost:\r\n\r\n`
      timer = setInterval(() => {
        socket.write(requests.repeat(2))
        did.flooded += 4
      }, 250)
    } else {
      socket.pause()
      socket.write(`GET /ipfs/${id} HTTP/1.1\r\nHost:\r\nRange: bytes=0-\r\n\r\n`)
      did.held += 1
    }
  })
}

for (let peer = 0; peer < count; peer += 1) misuse(peer)
setInterval(() => {
  did.connected = ever.size
  console.log(JSON.stringify(did))
}, 500)
