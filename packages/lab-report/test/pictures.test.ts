/** Pictures of one lookup: what is drawn is what was recorded, and the steps in words are what happened. */
import { PATH_EVENTS_MAX, PATH_LINKS_MAX, PATH_PEERS_MAX, type Path, type StudyResults } from '@servent/lab'
import { beforeAll, describe, expect, it } from 'vitest'
import { checkedStudies } from '../src/check.ts'
import { type Report, type ReportPicture, reportOf } from '../src/index.ts'
import { LOOKS, type OverlayId } from '../src/looks.ts'
import { NBSP, shown } from '../src/numbers.ts'
import { reachedIn } from '../src/paths/flood.ts'
import { drawGroups, GROUPS_SHOWN } from '../src/paths/groups.ts'
import { shared, sharedBits, turnBetween } from '../src/paths/keys.ts'
import { STEPS_SHOWN } from '../src/paths/steps.ts'
import { QUERIES_SHOWN } from '../src/paths/xor-tree.ts'
import { studyOf } from './support/studies.ts'

const OVERLAYS = Object.keys(LOOKS) as OverlayId[]
const NODES = 48

let study: StudyResults
let report: Report
beforeAll(async () => {
  study = await studyOf(`
title: Small
common: {nodes: ${NODES}, lookups: 30, duration: 30, warmup: 180}
parts:
  - name: all
    title: All of them
    overlays: [${OVERLAYS.join(', ')}]
    set: {napster.servers: 3, fasttrack.ordinaries-per-supernode: 8, kademlia.k: 4, kademlia.alpha: 2, kademlia.paths: 2}
`)
  report = await reportOf([study])
}, 120_000)

const pathOf = (overlay: OverlayId, of = study): Path =>
  of.parts[0]!.points.find(point => point.overlay === overlay)!.results.path!
const pictureOf = (overlay: OverlayId, of = report): ReportPicture =>
  of.pictures.find(picture => picture.overlay === overlay)!
const marks = (svg: string, kind: string) => svg.match(new RegExp(` class="${kind}"`, 'g'))?.length ?? 0
const onWay = ({ events }: Path, way: 'there' | 'back') => events.filter(one => one.way === way)
const sent = ({ events }: Path, ...messages: string[]) =>
  events.filter(({ message, way }) => way === null && messages.includes(message))

describe.each(OVERLAYS)('%s', overlay => {
  it('has a dot for each peer, and an arrow for each step there and back', () => {
    const path = pathOf(overlay)
    const { svg } = pictureOf(overlay)
    const servers = overlay === 'napster' ? 3 : 0
    expect(path.peers).toHaveLength(NODES + servers)
    expect(marks(svg, 'peer')).toBe(NODES + servers)
    expect(marks(svg, 'there')).toBe(onWay(path, 'there').length)
    expect(marks(svg, 'back')).toBe(onWay(path, 'back').length)
    expect(marks(svg, 'names')).toBe(path.found === path.answered_by ? 0 : 1)
  })

  it('tells of each step of its way: from whom, to whom, and how long it took', () => {
    const path = pathOf(overlay)
    const { steps } = pictureOf(overlay)
    const way = [...onWay(path, 'there'), ...onWay(path, 'back')]
    for (const [at, { from, to, at_us: left, arrived_us: there }] of way.entries()) {
      expect(steps[at], `step ${at + 1}`).toMatch(new RegExp(`^\\w+ ${from}\\b.* ${to}\\b`))
      expect(steps[at], `step ${at + 1}`).toContain(`${shown((there! - left) / 1000)}${NBSP}ms`)
    }
    const messages = path.events.filter(({ message }) => message !== 'no-answer').length + path.left_out
    expect(steps.at(-1)).toBe(`All peers together sent ${messages} messages for it.`)
  })

  it('stands on the page, with a title, a text, its steps in order and a table', () => {
    const { name, steps } = pictureOf(overlay)
    const figure = report.html.slice(report.html.indexOf(`<figure id="${name}"`)).split('</figure>')[0]!
    expect(figure).toContain(`aria-labelledby="${name}-title ${name}-desc"`)
    expect(figure).toMatch(
      new RegExp(`<title id="${name}-title">[^<]+</title><desc id="${name}-desc">[^<]+</desc>`)
    )
    expect(figure.match(/<ol class="steps">(.*?)<\/ol>/s)![1]!.match(/<li>/g)).toHaveLength(steps.length)
    // A head, and a row for each message.
    expect(figure.match(/<tr>/g)).toHaveLength(pathOf(overlay).events.length + 1)
  })
})

describe('each in its own way', () => {
  it('Napster and FastTrack: a line for each link, and for each other question', () => {
    for (const overlay of ['napster', 'fasttrack'] as const) {
      const path = pathOf(overlay)
      const { svg } = pictureOf(overlay)
      const hubs = new Set(
        path.peers.filter(({ role }) => role === 'server' || role === 'supernode').map(({ peer }) => peer)
      )
      const between = path.links.filter(([a, b]) => hubs.has(a) && hubs.has(b))
      expect(marks(svg, 'peering')).toBe(between.length)
      expect(marks(svg, 'home')).toBe(path.links.length - between.length)
      expect(marks(svg, 'query')).toBe(sent(path, 'query', 'mesh-find').length)
    }
    expect(pictureOf('napster').steps[0]).toMatch(/^User \d+ asks its server \d+\./)
    expect(pictureOf('fasttrack').steps[0]).toMatch(/^Peer \d+ asks its supernode \d+\./)
  })

  it('Gnutella: a line for each query, whether it was heard first, or again', () => {
    const path = pathOf('gnutella')
    const { svg, steps } = pictureOf('gnutella')
    const first = new Map<number, number>()
    let again = 0
    const came = path.events.filter(({ message, arrived_us: us }) => message === 'query' && us !== null)
    for (const { from, to } of came.sort((a, b) => a.arrived_us! - b.arrived_us!))
      if (first.has(to) || to === path.origin) again += 1
      else first.set(to, from)
    const there = onWay(path, 'there')
    expect(marks(svg, 'query')).toBe(first.size - there.length)
    expect(marks(svg, 'query') + marks(svg, 'again')).toBe(sent(path, 'query').length)
    expect(steps.find(step => step.includes('has had it already'))!.toLowerCase()).toMatch(
      new RegExp(`^(${again}|[a-z]+) times? `)
    )
    // Everybody whom it reached is told of.
    const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']
    const told = steps.flatMap(step => /^(\w+) peers? hears? the query/.exec(step)?.[1] ?? [])
    const numbers = told.map(text => Math.max(words.indexOf(text.toLowerCase()), Number(text) || 0))
    expect(numbers.reduce((sum, number) => sum + number, 0)).toBe(first.size)
  })

  it('Chord: how far each is before the key on the ring', () => {
    const path = pathOf('chord')
    const id = (peer: number) => path.peers.find(one => one.peer === peer)!.id!
    const { steps } = pictureOf('chord')
    const told = Number.parseFloat(/which is ([\d.]+)\s%/.exec(steps[0]!)![1]!) / 100
    expect(told).toBeCloseTo(turnBetween(id(path.origin), path.target.key!), 1)
    const there = onWay(path, 'there')
    expect(steps[there.length - 1]).toContain(`peer ${path.found}, the first peer at or after the key`)
  })

  it('Pastry: the digits that each shares with the key', () => {
    const path = pathOf('pastry')
    const { svg } = pictureOf('pastry')
    const onTheWay = [path.origin, ...onWay(path, 'there').map(({ to }) => to)]
    for (const peer of onTheWay) {
      const { id } = path.peers.find(one => one.peer === peer)!
      const same = shared(id!, path.target.key!)
      expect(svg).toContain(`>${same} ${same === 1 ? 'digit' : 'digits'} in common<`)
      if (same > 0) expect(svg).toContain(`text-decoration="underline">${id!.slice(0, same)}<`)
    }
  })

  it('Kelips: a circle for each group, and the one of the key', () => {
    const path = pathOf('kelips')
    const { svg, steps } = pictureOf('kelips')
    expect(marks(svg, 'group')).toBe(path.target.groups)
    expect(steps[0]).toContain(`group ${path.target.group}, which is the key’s`)
  })

  it('Kademlia: a bar for each query, in the order in which they were sent', () => {
    const path = pathOf('kademlia')
    const { svg } = pictureOf('kademlia')
    const queries = path.events.filter(({ message }) => message === 'find-node')
    expect(queries.length).toBeLessThanOrEqual(QUERIES_SHOWN)
    expect(marks(svg, 'bar')).toBe(queries.length)
    const bits = queries.map(({ to }) =>
      sharedBits(path.peers.find(({ peer }) => peer === to)!.id!, path.target.key!)
    )
    const drawn = [...svg.matchAll(/text-anchor="end"[^>]*>(\d+)<\/text><text [^>]*>(\d+) bits?</g)]
    expect(drawn.map(([, peer, number]) => [Number(peer), Number(number)])).toEqual(
      queries.map(({ to }, at) => [to, bits[at]])
    )
  })
})

describe('as large as a path may be', () => {
  /** The path of an overlay with all its room taken: more peers, links and events than those that are there. */
  function full(overlay: OverlayId): StudyResults {
    const copy = structuredClone(study)
    const path = pathOf(overlay, copy)
    const id = (at: number) =>
      (0x1234567n * BigInt(at) * 0x9e3779b97f4a7c15n).toString(16).padStart(16, '0').slice(-16)
    for (let peer = 1000; path.peers.length < PATH_PEERS_MAX; peer += 1) {
      const { role, id: has, group } = path.peers.at(-1)!
      path.peers.push({ peer, role, id: has === null ? null : id(peer), group: group === null ? null : peer })
    }
    if (path.target.groups !== null) path.target.groups = PATH_PEERS_MAX
    const numbers = path.peers.map(({ peer }) => peer)
    for (let at = 0; path.events.length < PATH_EVENTS_MAX; at += 1) {
      const { from, to, ...event } = path.events.find(({ way }) => way === 'there')!
      path.events.push({
        ...event,
        from: overlay === 'kademlia' ? path.origin : numbers[at % 7]!,
        to: numbers.at(-1 - (at % 150))!,
        way: null
      })
    }
    if (path.links.length > 0)
      for (let at = 0; path.links.length < PATH_LINKS_MAX; at += 1)
        path.links.push([numbers[at % numbers.length]!, numbers[(7 * at + 3) % numbers.length]!])
    return copy
  }

  it.each(OVERLAYS)('is drawn within its frame, and its steps have a bound: %s', async overlay => {
    const large = full(overlay)
    const path = pathOf(overlay, large)
    const all = await reportOf([large])
    const { svg, steps } = pictureOf(overlay, all)
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
    const way = onWay(path, 'there').length + onWay(path, 'back').length
    expect(steps.length).toBeLessThanOrEqual(way + STEPS_SHOWN + 2)
    if (overlay === 'kelips') expect(marks(svg, 'group')).toBe(GROUPS_SHOWN)
    else expect(marks(svg, 'peer')).toBe(PATH_PEERS_MAX)
    if (overlay === 'kademlia') expect(marks(svg, 'bar')).toBe(QUERIES_SHOWN)
    for (const [, x] of svg.matchAll(/ c?x="(-?[\d.]+)"/g)) {
      expect(Number(x)).toBeGreaterThanOrEqual(0)
      expect(Number(x)).toBeLessThanOrEqual(380)
    }
  })

  it('one more of anything is refused', () => {
    const refusal = (change: (path: Path) => void) => {
      const copy = full('gnutella')
      change(pathOf('gnutella', copy))
      try {
        checkedStudies([copy])
      } catch (error) {
        return (error as Error).message
      }
      return undefined
    }
    expect(refusal(() => {})).toBeUndefined()
    expect(refusal(path => path.events.push(path.events[0]!))).toContain('/path')
    expect(refusal(path => path.links.push(path.links[0]!))).toContain('/path')
    expect(refusal(path => path.peers.push({ ...path.peers[0]!, peer: 99_999 }))).toContain('/path')
    expect(
      refusal(path => {
        path.peers[0]!.peer = path.peers[1]!.peer
      })
    ).toContain('two peers of one number')
    expect(
      refusal(path => {
        path.events[0]!.to = 77_777
      })
    ).toContain('a peer 77777, which is not among its peers')
    expect(
      refusal(path => {
        path.events = path.events.filter(({ way }) => way !== 'back')
      })
    ).toContain('without a way there and back')
  })
})

describe('paths of strangers', () => {
  const changedPath = (overlay: OverlayId, change: (path: Path) => void) => {
    const copy = structuredClone(study)
    change(pathOf(overlay, copy))
    return copy
  }
  const refusal = (overlay: OverlayId, change: (path: Path) => void) => {
    try {
      checkedStudies([changedPath(overlay, change)])
    } catch (error) {
      expect((error as Error).name).toBe('ReportError')
      return (error as Error).message
    }
    return undefined
  }
  const first = (path: Path, way: 'there' | 'back') => path.events.find(event => event.way === way)!
  const last = (path: Path, way: 'there' | 'back') => path.events.findLast(event => event.way === way)!
  const aside = ({ peers, origin, events }: Path) =>
    peers.find(
      ({ peer }) =>
        peer !== origin && !events.some(({ from, to, way }) => way !== null && (from === peer || to === peer))
    )!.peer

  it.each(OVERLAYS)('%s: the way leads from who asks to who answers, and back', overlay => {
    expect(refusal(overlay, () => {})).toBeUndefined()
    const { origin, answered_by: by } = pathOf(overlay)
    expect(
      refusal(overlay, path => {
        first(path, 'there').from = aside(path)
      })
    ).toContain(`that does not begin at peer ${origin}`)
    expect(
      refusal(overlay, path => {
        last(path, 'there').to = aside(path)
      })
    ).toMatch(new RegExp(`way there ends at peer \\d+, and peer ${by} answered`))
    expect(
      refusal(overlay, path => {
        path.answered_by = aside(path)
      })
    ).toContain(`way there ends at peer ${by}`)
    expect(
      refusal(overlay, path => {
        first(path, 'back').from = aside(path)
      })
    ).toContain(`way back has a step`)
    expect(
      refusal(overlay, path => {
        last(path, 'back').to = aside(path)
      })
    ).toMatch(new RegExp(`way back ends at peer \\d+, and peer ${origin} asked`))
  })

  it('who named a receiver of the way is on the way', () => {
    expect(
      refusal('kademlia', path => {
        first(path, 'there').named_by = 77_777
      })
    ).toContain('that does not begin at peer')
  })

  it('Gnutella: who has the query from somebody that it never came to is not reached', async () => {
    const cut = changedPath('gnutella', path => {
      const { origin } = path
      const way = new Set(path.events.filter(({ way }) => way !== null).flatMap(({ from, to }) => [from, to]))
      const [one, other, third] = path.peers.map(({ peer }) => peer).filter(peer => !way.has(peer))
      const { events } = path
      const example = events.find(({ message }) => message === 'query')!
      const query = { ...example, way: null, named_by: null }
      // Two that have it from each other, and one from them.
      path.events = [
        ...events.filter(({ way }) => way !== null),
        { ...query, from: one!, to: other! },
        { ...query, from: other!, to: one! },
        { ...query, from: one!, to: third! }
      ].sort((a, b) => a.at_us - b.at_us)
      path.left_out = 1000
      expect([one, other, third]).not.toContain(origin)
    })
    const path = pathOf('gnutella', cut)
    const there = onWay(path, 'there')
    expect([...reachedIn({ path }).steps]).toEqual([
      [path.origin, 0],
      ...there.map(({ to }, at) => [to, at + 1])
    ])
    const { svg } = pictureOf('gnutella', await reportOf([cut]))
    expect(marks(svg, 'peer')).toBe(path.peers.length)
    expect(marks(svg, 'again')).toBe(3)
    expect(svg).toContain('>not reached by what is kept<')
  })

  it('Kelips: the group of who answers is drawn, wherever it is', () => {
    const far = changedPath('kelips', path => {
      const example = path.peers.at(-1)!
      for (let peer = 1000; path.peers.length < PATH_PEERS_MAX; peer += 1)
        path.peers.push({ ...example, peer, group: peer })
      path.answered_by = path.peers.at(-1)!.peer
    })
    const path = pathOf('kelips', far)
    const { canvas } = drawGroups({ overlay: 'kelips', path, settings: {}, nodes: NODES })
    expect(marks(canvas.svg({ id: 'a', title: 'b', text: 'c' }), 'names')).toBe(1)
  })
})

it('results without a path have no pictures, and are drawn as before', async () => {
  const old = structuredClone(study)
  for (const { results } of old.parts[0]!.points) delete results.path
  const { html, pictures, plots } = await reportOf([old])
  expect(pictures).toEqual([])
  expect(html).not.toContain('step by step')
  expect(plots).toEqual(report.plots)
})
