/** The same object but for some of its members: how code of others is held to the rules of this house. */
export function replaced<T extends object>(whole: T, members: Readonly<Record<string, unknown>>): T {
  return new Proxy(whole, {
    get: (target, name) => {
      if (typeof name === 'string' && Object.hasOwn(members, name)) return members[name]
      const member = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    }
  })
}
