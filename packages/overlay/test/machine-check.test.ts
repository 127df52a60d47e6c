/** A checker must be seen to fail: one small machine that is right, and one broken for each property. */
import type { Effects, Input, Link, Machine, Peer } from '@servent/overlay/machine'
import { PRIORITY_MAX } from '@servent/overlay/machine'
import {
  checkMachine,
  type MachineProperty,
  type MachineSubject,
  RecordingEffects,
  type Step,
  testContact
} from '@servent/overlay/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

interface EchoTypes {
  message: { text: string; seen?: boolean }
  command: string
  notice: string
  question: { type: 'match'; text: string }
  answer: number
  snapshot: unknown
}

const NEIGHBOURS_MAX = 4
const FAN_OUT_MAX = NEIGHBOURS_MAX

/** Repeats each message to all other neighbours, opens links to contacts, and asks about commands. */
class Echo implements Machine<EchoTypes> {
  protected readonly neighbours = new Map<Link, Peer>()
  protected readonly contacts = new Set<Peer>()
  protected questions = 0

  handle(input: Input<EchoTypes>, effects: Effects<EchoTypes>): void {
    switch (input.type) {
      case 'start':
        effects.setTimer('tick', 1000)
        return
      case 'contact':
        if (this.contacts.size < 8) this.contacts.add(input.peer)
        effects.open(input.peer)
        return
      case 'link-up':
        if (this.neighbours.size === NEIGHBOURS_MAX) effects.close(input.link, 'enough neighbours')
        else this.neighbours.set(input.link, input.peer)
        return
      case 'link-down':
        this.neighbours.delete(input.link)
        return
      case 'message':
        for (const link of this.neighbours.keys())
          if (link !== input.link) effects.send(link, input.message, PRIORITY_MAX)
        return
      case 'timer':
        effects.setTimer('tick', 1000)
        effects.notify(`tick ${effects.random()} at ${effects.nowMs()}`)
        return
      case 'command':
        this.questions += 1
        effects.ask(this.questions, { type: 'match', text: input.command })
        effects.ask(-this.questions, { type: 'save', key: 'last', bytes: new Uint8Array([1]) })
        effects.save('last', new Uint8Array([1]))
        return
      case 'answer':
        effects.notify('error' in input ? input.error : `${input.answer} files`)
    }
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.contacts) hold(peer)
    for (const peer of this.neighbours.values()) hold(peer)
  }

  snapshot(): unknown {
    return { neighbours: [...this.neighbours.keys()], contacts: [...this.contacts] }
  }

  get size(): number {
    return this.neighbours.size
  }
}

const pick = fc.nat(20)
const step: fc.Arbitrary<Step<EchoTypes>> = fc.oneof(
  fc.record({ type: fc.constant('contact' as const), peer: fc.integer({ min: 1, max: 20 }) }),
  fc.record({
    type: fc.constant('link-up' as const),
    peer: fc.integer({ min: 1, max: 20 }),
    inbound: fc.boolean()
  }),
  fc.record({
    type: fc.constant('link-down' as const),
    pick,
    kind: fc.constantFrom('closed' as const, 'reset' as const)
  }),
  fc.record({ type: fc.constant('unreachable' as const), pick }),
  fc.record({ type: fc.constant('message' as const), pick, message: fc.record({ text: fc.string() }) }),
  fc.record({
    type: fc.constant('pressure' as const),
    pick,
    level: fc.constantFrom('low' as const, 'high' as const)
  }),
  fc.record({ type: fc.constant('command' as const), command: fc.string() }),
  fc.record({ type: fc.constant('answer' as const), pick, fails: fc.boolean() }),
  fc.record({ type: fc.constant('advance' as const), byMs: fc.nat(5000) }),
  fc.constantFrom<Step<EchoTypes>>(
    { type: 'raw', input: { type: 'message', link: 999, message: { text: 'from nowhere' } } },
    { type: 'raw', input: { type: 'answer', id: 999, answer: 3 } },
    { type: 'raw', input: { type: 'timer', timer: 'never set' } },
    { type: 'raw', input: { type: 'link-down', link: 999, end: { kind: 'reset', message: '' } } }
  )
)
const steps = fc.array(step, { maxLength: 60, size: 'max' })

function subject(
  create: () => Echo,
  changed: Partial<MachineSubject<EchoTypes, Echo>> = {}
): MachineSubject<EchoTypes, Echo> {
  return {
    create,
    fanOutMax: FAN_OUT_MAX,
    sizes: machine => ({ neighbours: [machine.size, NEIGHBOURS_MAX] }),
    answer: question => question.text.length,
    ...changed
  }
}

test('a machine that keeps the contract passes, and the check saw it at work', () => {
  const seen = { inputs: 0, effects: 0, sent: 0 }
  fc.assert(
    fc.property(steps, some => {
      const result = checkMachine(
        subject(() => new Echo()),
        some
      )
      seen.inputs += result.inputs
      seen.effects += result.effects
      seen.sent += result.sent
    }),
    { numRuns: 200 }
  )
  expect(seen.inputs).toBeGreaterThan(2000)
  expect(seen.effects).toBeGreaterThan(2000)
  expect(seen.sent).toBeGreaterThan(100)
})

/** What the check says of a machine: the property that it found broken in some sequence of steps. */
function verdict(
  create: () => Echo,
  changed: Partial<MachineSubject<EchoTypes, Echo>> = {}
): MachineProperty | 'none' {
  const result = fc.check(
    fc.property(steps, some => {
      checkMachine(subject(create, changed), some)
    }),
    { numRuns: 500, seed: 1 }
  )
  return (result.errorInstance as { property?: MachineProperty } | null)?.property ?? 'none'
}

type Handle = Echo['handle']

/** An Echo whose `handle` is changed. */
function echo(handle: (...args: [...Parameters<Handle>, Handle]) => unknown): () => Echo {
  return () => {
    const machine = new Echo()
    const original: Handle = machine.handle.bind(machine)
    machine.handle = ((input, effects) => handle(input, effects, original)) as Handle
    return machine
  }
}

describe('a machine that is broken is found', () => {
  test('total: one that throws', () => {
    expect(
      verdict(
        echo((input, effects, handle) => {
          if (input.type === 'message' && input.message.text.length > 5) throw new Error('too long')
          handle(input, effects)
        })
      )
    ).toBe('total')
  })

  test('total: one that believes every link of a message', () => {
    expect(
      verdict(
        echo((input, effects, handle) => {
          if (input.type === 'message' && input.link > 500) throw new TypeError('no such link')
          handle(input, effects)
        })
      )
    ).toBe('total')
  })

  test('total: one that throws in heldPeers or snapshot', () => {
    class Throwing extends Echo {
      override heldPeers(): void {
        if (this.size > 1) throw new Error('too many')
      }
    }
    class Blind extends Echo {
      override snapshot(): unknown {
        if (this.size > 1) throw new Error('too many')
        return super.snapshot()
      }
    }
    expect(verdict(() => new Throwing())).toBe('total')
    expect(verdict(() => new Blind())).toBe('total')
  })

  test('total: one that uses a handle which it does not hold', () => {
    let last: Peer | undefined
    const forgetful = () => {
      last = undefined
      return echo((input, effects, handle) => {
        if (input.type === 'timer' && last !== undefined) effects.peers.key(last)
        if (input.type === 'link-up') last = input.peer
        handle(input, effects)
      })()
    }
    expect(verdict(forgetful)).toBe('total')
  })

  test('total: one that writes into a message, which others are given too', () => {
    expect(
      verdict(
        echo((input, effects, handle) => {
          if (input.type === 'message') input.message.seen = true
          handle(input, effects)
        })
      )
    ).toBe('total')
  })

  test('total: one that writes into a message and sends nothing', () => {
    const broken = echo(input => {
      if (input.type === 'message') input.message.seen = true
    })
    const script: Step<EchoTypes>[] = [
      { type: 'link-up', peer: 1, inbound: true },
      { type: 'message', pick: 0, message: { text: 'kept' } }
    ]
    expect(() => checkMachine(subject(broken), script)).toThrow(
      expect.objectContaining({ property: 'total' })
    )
  })

  test('total: one that changes a message after it sent it', () => {
    expect(
      verdict(() => {
        const hello = { text: 'hello' }
        return echo((input, effects, handle) => {
          hello.text = `hello at ${effects.nowMs()}`
          handle(input, effects)
          if (input.type === 'link-up') effects.send(input.link, hello, 0)
        })()
      })
    ).toBe('total')
  })

  test('synchronous: one whose handle is async', () => {
    expect(verdict(echo(async (input, effects, handle) => handle(input, effects)))).toBe('synchronous')
  })

  test('synchronous: one that has effects outside of handle', () => {
    class Late extends Echo {
      #effects: Effects<EchoTypes> | undefined
      override handle(input: Input<EchoTypes>, effects: Effects<EchoTypes>): void {
        this.#effects = effects
        super.handle(input, effects)
      }
      override snapshot(): unknown {
        this.#effects?.notify('somebody looks')
        return {}
      }
    }
    expect(verdict(() => new Late())).toBe('synchronous')
  })

  test('deterministic: one with chance of its own, in its effects or in its snapshot', () => {
    let chance = 0
    expect(
      verdict(
        echo((input, effects, handle) => {
          handle(input, effects)
          if (input.type === 'timer') effects.notify(String(chance++))
        })
      )
    ).toBe('deterministic')
    class Counting extends Echo {
      override snapshot(): unknown {
        return { looks: chance++ }
      }
    }
    expect(verdict(() => new Counting())).toBe('deterministic')
  })

  test.each([-1, 32, 0.5, Number.NaN])('priorities: one that sends with priority %d', priority => {
    expect(
      verdict(
        echo((input, effects, handle) => {
          handle(input, effects)
          if (input.type === 'link-up') effects.send(input.link, { text: '' }, priority)
        })
      )
    ).toBe('priorities')
  })

  test.each([-1, Number.NaN, Infinity])('timers: one that sets a timer to %d ms', afterMs => {
    expect(
      verdict(
        echo((input, effects, handle) => {
          handle(input, effects)
          if (input.type === 'contact') effects.setTimer(1, afterMs)
        })
      )
    ).toBe('timers')
  })

  test('timers: one that names a timer by an object', () => {
    expect(verdict(echo((_, effects) => effects.setTimer({} as never, 1)))).toBe('timers')
  })

  test('fan-out: one that sends once more than stated, and not one that keeps to it', () => {
    const flood = echo((input, effects) => {
      if (input.type === 'message' && input.link < 500)
        for (let copy = 0; copy < 3; copy += 1) effects.send(input.link, input.message, 0)
    })
    expect(verdict(flood, { fanOutMax: 2 })).toBe('fan-out')
    expect(verdict(flood, { fanOutMax: 3 })).toBe('none')
  })

  test('bounds: one whose collection grows over its bound, and not one that fills it', () => {
    expect(
      verdict(() => new Echo(), { sizes: machine => ({ neighbours: [machine.size, NEIGHBOURS_MAX - 1] }) })
    ).toBe('bounds')
    expect(verdict(() => new Echo(), { sizes: () => ({ broken: [Number.NaN, 1] }) })).toBe('bounds')
  })

  test('peers: one that holds or opens a handle that nobody has, or opens itself', () => {
    class Holding extends Echo {
      override heldPeers(hold: (peer: Peer) => void): void {
        super.heldPeers(hold)
        if (this.size > 2) hold(4000)
      }
    }
    expect(verdict(() => new Holding())).toBe('peers')
    for (const peer of [0, -1, 4000]) expect(verdict(echo((_, effects) => effects.open(peer)))).toBe('peers')
  })

  test('links: one that sends to a link that is gone, or closes it', () => {
    expect(
      verdict(
        echo((input, effects, handle) => {
          handle(input, effects)
          if (input.type === 'link-down') effects.send(input.link, { text: 'farewell' }, 0)
        })
      )
    ).toBe('links')
    expect(
      verdict(
        echo((input, effects, handle) => {
          handle(input, effects)
          if (input.type === 'link-down') effects.close(input.link, 'twice')
        })
      )
    ).toBe('links')
  })

  test('questions: one that asks under an id that waits for its answer', () => {
    expect(
      verdict(
        echo((input, effects) => {
          if (input.type === 'command') effects.ask(1, { type: 'match', text: '' })
        })
      )
    ).toBe('questions')
  })

  test('snapshot: one that cannot be turned into JSON', () => {
    class Big extends Echo {
      override snapshot(): unknown {
        return { count: 1n }
      }
    }
    expect(verdict(() => new Big())).toBe('snapshot')
  })

  test('TRANSCRIPT_INPUTS_MAX: the error shows the last 10 inputs', () => {
    const broken = echo(input => {
      if (input.type === 'stop') throw new Error('oh')
    })
    const shown = (commands: number): string[] => {
      try {
        checkMachine(subject(broken), new Array(commands).fill({ type: 'command', command: 'x' }))
      } catch (error) {
        return (error as Error).message.split('\n').slice(1)
      }
      return []
    }
    expect(shown(8).map(line => line.split(':')[0])).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
      '7',
      '8',
      '9',
      '10'
    ])
    expect(shown(9).map(line => line.split(':')[0])).toEqual([
      '2',
      '3',
      '4',
      '5',
      '6',
      '7',
      '8',
      '9',
      '10',
      '11'
    ])
  })

  test('the error says at which input, and what came before it', () => {
    const broken = echo(input => {
      if (input.type === 'command') throw new Error('oh')
    })
    const script: Step<EchoTypes>[] = [
      { type: 'link-up', peer: 1, inbound: true },
      { type: 'command', command: 'search' }
    ]
    expect(() => checkMachine(subject(broken), script)).toThrow(
      expect.objectContaining({
        name: 'MachineCheckError',
        property: 'total',
        message: expect.stringContaining('3: {"type":"command","id":1,"command":"search"}')
      })
    )
  })
})

describe('the host of the check', () => {
  /** Writes down what it is told. */
  const diary = (
    script: readonly Step<EchoTypes>[],
    react: (input: Input<EchoTypes>, effects: Effects<EchoTypes>) => void = () => {}
  ) => {
    const lines: string[] = []
    let made = 0
    const create = () => {
      made += 1
      const first = made === 1
      return echo((input, effects) => {
        if (first)
          lines.push(
            `${effects.nowMs() - 1_000_000} ${input.type} ${'link' in input ? input.link : 'timer' in input ? input.timer : ''}`.trim()
          )
        react(input, effects)
      })()
    }
    checkMachine(subject(create), script)
    return lines
  }

  test('begins with start and ends with stop', () => {
    expect(diary([])).toEqual(['0 start', '0 stop'])
  })

  test('fires timers in the order of their times, and of being set', () => {
    const lines = diary(
      [
        { type: 'advance', byMs: 50 },
        { type: 'advance', byMs: 50 }
      ],
      (input, effects) => {
        if (input.type !== 'start') return
        for (const [timer, afterMs] of [
          ['c', 90],
          ['b', 20],
          ['a', 20],
          ['never', 101],
          ['cancelled', 5],
          ['again', 1]
        ] as const)
          effects.setTimer(timer, afterMs)
        effects.cancelTimer('cancelled')
        effects.setTimer('again', 60)
      }
    )
    expect(lines).toEqual([
      '0 start',
      '50 timer b',
      '50 timer a',
      '100 timer again',
      '100 timer c',
      '100 stop'
    ])
  })

  test('INPUTS_PER_STEP_MAX: a timer of 0 ms that is set for ever fires 256 times in a step', () => {
    const lines = diary([{ type: 'advance', byMs: 1 }], (_, effects) => effects.setTimer('hot', 0))
    expect(lines).toEqual([
      '0 start',
      ...new Array(256).fill('0 timer hot'),
      ...new Array(256).fill('1 timer hot'),
      '1 stop'
    ])
  })

  test('ends a link that the machine closes, once', () => {
    const lines = diary(
      [
        { type: 'link-up', peer: 1, inbound: false },
        { type: 'link-up', peer: 1, inbound: true }
      ],
      (input, effects) => {
        if (input.type !== 'link-up') return
        effects.close(input.link, 'no')
        effects.close(input.link, 'no!')
      }
    )
    expect(lines).toEqual([
      '0 start',
      '0 link-up 1',
      '0 link-down 1',
      '0 link-up 2',
      '0 link-down 2',
      '0 stop'
    ])
  })

  test('has one link for a peer, and steps for which there is nothing do nothing', () => {
    const nothing: Step<EchoTypes>[] = [
      { type: 'link-down', pick: 0, kind: 'closed' },
      { type: 'unreachable', pick: 0 },
      { type: 'message', pick: 0, message: { text: '' } },
      { type: 'pressure', pick: 0, level: 'high' },
      { type: 'answer', pick: 0, fails: false }
    ]
    expect(diary(nothing)).toEqual(['0 start', '0 stop'])
    const twice: Step<EchoTypes> = { type: 'link-up', peer: 1, inbound: false }
    expect(diary([twice, twice])).toEqual(['0 start', '0 link-up 1', '0 stop'])
  })

  test('forgives a machine that believes in the link of an input which no good host gives', () => {
    const polite = echo((input, effects) => {
      if (input.type === 'message') effects.send(input.link, input.message, 0)
    })
    const stray: Step<EchoTypes> = {
      type: 'raw',
      input: { type: 'message', link: 999, message: { text: '' } }
    }
    expect(checkMachine(subject(polite), [stray]).sent).toBe(1)
  })

  test('gives what was saved, answers saves itself, and says so where nobody answers', () => {
    const answers: unknown[] = []
    const saved = new Map([['k', Uint8Array.of(7)]])
    const asking = echo((input, effects) => {
      if (input.type === 'start') {
        answers.push(input.saved.get('k'))
        effects.ask(1, { type: 'save', key: 'k', bytes: new Uint8Array() })
        effects.ask(2, { type: 'match', text: '' })
      }
      if (input.type === 'answer') answers.push('error' in input ? input.error : [input.id, input.answer])
    })
    const { answer: _, ...mute } = subject(asking, { saved })
    checkMachine(mute, [
      { type: 'answer', pick: 0, fails: false },
      { type: 'answer', pick: 0, fails: false }
    ])
    expect(answers.filter((_, index) => index % 2 === 0)).toEqual([
      Uint8Array.of(7),
      [1, undefined],
      'nobody answers here'
    ])
  })
})

describe('RecordingEffects', () => {
  test('writes every effect down as plain data', () => {
    const effects = new RecordingEffects<EchoTypes>()
    effects.open(1)
    effects.send(1, { text: 'a' }, 2)
    effects.send(2, { text: 'b' }, 2)
    effects.setTimer('t', 5)
    effects.cancelTimer('t')
    effects.ask(1, { type: 'match', text: '' })
    effects.save('k', undefined)
    effects.notify('n')
    effects.close(1, 'done')
    expect([effects.sent(), effects.sent(2), effects.notices()]).toEqual([
      [{ text: 'a' }, { text: 'b' }],
      [{ text: 'b' }],
      ['n']
    ])
    expect(effects.take().map(({ type }) => type)).toEqual([
      'open',
      'send',
      'send',
      'set-timer',
      'cancel-timer',
      'ask',
      'save',
      'notify',
      'close'
    ])
    expect(effects.log).toEqual([])
  })

  test('its clocks stand where they are put, and its chance comes from the seed', () => {
    const effects = new RecordingEffects<EchoTypes>({ seed: 5, nowMs: 10, wallMs: 20 })
    effects.advance(3)
    expect([effects.nowMs(), effects.wallMs()]).toEqual([13, 23])
    const draws = (seed: number) =>
      Array.from(
        { length: 5 },
        (
          source => () =>
            source.random()
        )(new RecordingEffects({ seed }))
      )
    expect(draws(5)).toEqual(draws(5))
    expect(draws(5)).not.toEqual(draws(6))
    for (const draw of draws(5)) expect(Number.isInteger(draw) && draw >= 0 && draw < 2 ** 32).toBe(true)
  })

  test('knows peers', () => {
    const effects = new RecordingEffects<EchoTypes>({ self: testContact(9), peersMax: 1 })
    expect([
      effects.peers.intern(testContact(9)),
      effects.peers.intern(testContact(1)),
      effects.peers.intern(testContact(2))
    ]).toEqual([0, 1, -1])
  })
})
