/**
 * What of this process waits for a disk that does not answer. Node joins its threads when it exits, so the process would
 * stand still for as long as the disk does, with everything else stopped. It is ended by a signal then.
 */
let hung = 0

/** Something waits from now on. Gives a function that says that it no longer does. */
export function waiting(): () => void {
  if (hung === 0) process.on('exit', end)
  hung += 1
  let isOver = false
  return () => {
    if (isOver) return
    isOver = true
    hung -= 1
    if (hung === 0) process.off('exit', end)
  }
}

export function waitsForDisk(): boolean {
  return hung > 0
}

function end(): void {
  process.kill(process.pid, 'SIGKILL')
}
