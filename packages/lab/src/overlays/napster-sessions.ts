/** Which user is logged in where: by the users' own word, and by that of servers. */
import type { NodeIndex } from '@servent/simulator'

export class NapsterSessions {
  /** A node's PeerId. */
  readonly #textOf: (node: NodeIndex) => string
  readonly #serverOfText = new Map<string, NodeIndex>()
  /** By user, where they are in as they say. */
  readonly #homes = new Map<NodeIndex, NodeIndex>()
  /** Users whom a server has among its own, as it names them in its index. */
  readonly #listed = new Set<string>()
  /** The one of these who died last. */
  #bereft: string | undefined
  #lost = 0

  constructor(textOf: (node: NodeIndex) => string) {
    this.#textOf = textOf
  }

  addServer(node: NodeIndex): void {
    this.#serverOfText.set(this.#textOf(node), node)
  }

  /** How many say that they are in. */
  get size(): number {
    return this.#homes.size
  }

  /** Sessions that ended, as their users noticed. */
  get lost(): number {
    return this.#lost
  }

  isIn(user: NodeIndex): boolean {
    return this.#homes.has(user)
  }

  /** A user says at which server it is now, by its PeerId, or that it is at none. */
  onSession(user: NodeIndex, server: string | undefined): void {
    if (server === undefined) {
      this.#homes.delete(user)
      this.#lost += 1
      return
    }
    const home = this.#serverOfText.get(server)!
    this.#homes.set(user, home)
    this.#listed.add(this.ownerOf(home, this.#textOf(user)))
  }

  /** A server has logged out whom its index knows by this name. */
  onLogout(owner: string): void {
    this.#listed.delete(owner)
  }

  onDeath(user: NodeIndex): void {
    const home = this.#homes.get(user)
    this.#bereft = home === undefined ? undefined : this.ownerOf(home, this.#textOf(user))
    this.#homes.delete(user)
  }

  /** Whether the server of the user who died last has logged them out: asked as often as is looked. */
  watchLast(): () => boolean {
    const owner = this.#bereft
    return () => owner === undefined || !this.#listed.has(owner)
  }

  /** As a server's index names the owner of a user's files. */
  ownerOf(server: NodeIndex, user: string): string {
    return `${this.#textOf(server)}/${user}`
  }
}
