/** Lets one loop sleep until something happens. */
export class Waker {
  #next = Promise.withResolvers<void>()

  wake(): void {
    this.#next.resolve()
    this.#next = Promise.withResolvers<void>()
  }

  /** Ends with the next `wake`. Ask before looking whether there is work, and none is missed. */
  next(): Promise<void> {
    return this.#next.promise
  }

  /** Ends with `woken` or after so many milliseconds. */
  async orAfter(woken: Promise<void>, afterMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, afterMs)
    })
    await Promise.race([woken, late])
    clearTimeout(timer)
  }
}
