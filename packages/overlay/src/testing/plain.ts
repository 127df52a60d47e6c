/** Comparing and freezing of what goes in and out of machines. */

/** Whether two values are the same data: arrays, maps, sets, bytes and objects by what they hold. */
export function sameData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
  if (ArrayBuffer.isView(a) || Array.isArray(a))
    return sameList(Array.from(a as never), Array.from(b as never))
  if (a instanceof Map) return sameList([...a], [...(b as typeof a)])
  if (a instanceof Set) return sameList([...a], [...(b as typeof a)])
  const keys = Object.keys(a)
  if (!sameList(keys, Object.keys(b))) return false
  return keys.every(key => sameData((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => sameData(item, b[index]))
}

/** Freezes plain objects and arrays all the way down. What has a class of its own looks after itself. */
export function freezePlain<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const prototype = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return value
  Object.freeze(value)
  for (const item of Object.values(value)) freezePlain(item)
  return value
}
