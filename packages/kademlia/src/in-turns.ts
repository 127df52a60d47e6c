/** Work of many parts of which some are under way at a time, each of which may be done before it has begun. */
import type { Fx } from './kad.ts'

/**
 * Begins the parts in their order, at most `atATime` under way. `act` is given what to call when its part is done, once;
 * `done` is called after the last. Parts that are done at once do not pile up on the stack.
 */
export function inTurns<Part>(
  parts: readonly Part[],
  atATime: number,
  act: (part: Part, done: (fx: Fx) => void, fx: Fx) => void,
  done: (fx: Fx) => void,
  fx: Fx
): void {
  let next = 0
  let left = parts.length
  let isPumping = false
  const pump = (now: Fx): void => {
    if (isPumping) return
    isPumping = true
    while (next < parts.length && next - (parts.length - left) < atATime) {
      const part = parts[next]!
      next += 1
      act(part, onDone, now)
    }
    isPumping = false
    if (left === 0) {
      left = -1
      done(now)
    }
  }
  const onDone = (later: Fx): void => {
    left -= 1
    pump(later)
  }
  pump(fx)
}
