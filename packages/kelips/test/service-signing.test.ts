/** Signatures of Kelips by real keys: of lives and tuples, good, bad, and by somebody else. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { beforeAll, describe, expect, it } from 'vitest'
import { OwnChain, SHA_CHAIN, stepped } from '../src/chain.ts'
import { HEARTBEAT_MS, PREFIX_BYTES, SIGNATURE_BYTES_MAX } from '../src/constants.ts'
import { takeIn } from '../src/intake.ts'
import type { PeerLife, PeerTuple } from '../src/messages.ts'
import { answerSigning } from '../src/service-signing.ts'
import { lifeStatement, tupleStatement } from '../src/statements.ts'
import type { KelipsQuestion, Signed } from '../src/types.ts'
import { lone, NOW_MS, tupleOf } from './support/lone.ts'

const START_S = NOW_MS / 1000
const CHAIN = new OwnChain(SHA_CHAIN, new Uint8Array(PREFIX_BYTES).fill(5), START_S, 0, HEARTBEAT_MS)
const LIFE = lifeStatement(START_S, CHAIN.anchor, HEARTBEAT_MS)

/** What its PeerId consists of. */
const idOf = (key: PrivateKey): Uint8Array => key.publicKey.toMultihash().bytes

async function sign(statement: Uint8Array, key: PrivateKey): Promise<Uint8Array> {
  const answer = await answerSigning({ type: 'sign', statements: [statement] }, key)
  return answer.type === 'signed' ? answer.signatures[0]! : new Uint8Array(0)
}

/** `key` is that of who checks, which is nothing to what comes of it. */
async function check(signed: readonly Signed[], key: PrivateKey): Promise<readonly boolean[]> {
  const answer = await answerSigning({ type: 'check', signed }, key)
  return answer.type === 'checked' ? answer.good : []
}

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const other = Uint8Array.from(bytes)
  other[at]! ^= 1
  return other
}

describe.each(['Ed25519', 'secp256k1'] as const)('a signature by %s', type => {
  let alice: PrivateKey
  let mallory: PrivateKey

  beforeAll(async () => {
    alice = await generateKeyPair(type)
    mallory = await generateKeyPair(type)
  })

  it.each([
    ['a life', LIFE],
    ['a tuple', tupleStatement(tupleOf(1, 1))]
  ])('of %s is good as it was signed, and in no other form', async (_, statement) => {
    const signer = idOf(alice)
    const signature = await sign(statement, alice)
    expect(signature.length).toBeLessThanOrEqual(SIGNATURE_BYTES_MAX)
    const good = { signer, statement, signature }
    const bad: Signed[] = [
      { ...good, signature: await sign(statement, mallory) },
      { ...good, signer: idOf(mallory) },
      ...Array.from(statement, (_byte, at) => ({ ...good, statement: changed(statement, at) })),
      { ...good, statement: statement.subarray(1) },
      { ...good, signature: changed(signature, 9) },
      { ...good, signature: signature.subarray(1) },
      { ...good, signature: new Uint8Array(0) },
      { ...good, signature: new Uint8Array(SIGNATURE_BYTES_MAX) }
    ]
    expect(await check([good, ...bad, good], mallory)).toEqual([true, ...bad.map(() => false), true])
  })

  it('of a life is none of a tuple, whatever bytes follow', async () => {
    const [life, tuple] = [LIFE, tupleStatement(tupleOf(1, 1))]
    const signer = idOf(alice)
    const crossed = [
      { signer, statement: life, signature: await sign(tuple, alice) },
      { signer, statement: tuple, signature: await sign(life, alice) }
    ]
    expect(await check(crossed, alice)).toEqual([false, false])
  })

  it('is bad whose signer is no PeerId that holds its key', async () => {
    const signature = await sign(LIFE, alice)
    const rsa = idOf(await generateKeyPair('RSA', 2048))
    const signers = [
      new Uint8Array(0),
      Uint8Array.of(1, 2, 3),
      idOf(alice).subarray(1),
      changed(idOf(alice), 0),
      rsa
    ]
    const signed = signers.map(signer => ({ signer, statement: LIFE, signature }))
    expect(await check(signed, alice)).toEqual(signers.map(() => false))
  })

  it('is what a machine goes by that asks: who signed for somebody else is not believed', async () => {
    const contact = { id: idOf(alice), addresses: [] }
    const other = { id: idOf(mallory), addresses: [] }
    const life: PeerLife = {
      contact,
      startS: START_S,
      beat: 2,
      value: CHAIN.valueAt(2),
      signature: await sign(LIFE, alice),
      level: 0
    }
    const tuple: PeerTuple = { ...tupleOf(0, 1), provider: contact }
    const signed = { ...tuple, signature: await sign(tupleStatement(tuple), alice) }
    const foreign = { ...tuple, kind: 'word' as const }
    const asked: { id: number; question: KelipsQuestion }[] = []
    const own = lone({ groups: 1 }, { oneWay: SHA_CHAIN }, (question, id) => {
      asked.push({ id, question })
      return undefined
    })
    let outcomes: readonly string[] = []
    const lives = [{ ...life, contact: other }, life]
    const tuples = [{ ...foreign, signature: await sign(tupleStatement(foreign), mallory) }, signed]
    takeIn(own.kelips, { lives, tuples }, own.fx, taken => {
      outcomes = taken.outcomes
    })
    expect(own.kelips.others).toBe(0)
    const [{ id, question }] = asked as [(typeof asked)[number]]
    own.kelips.answered(id, await answerSigning(question, mallory), own.fx)
    const { view, peers, counters } = own.kelips
    expect(outcomes).toEqual(['refused', 'kept'])
    expect([view.find(peers.intern(contact)), view.find(peers.intern(other))]).toEqual([0, -1])
    expect(counters.livesRefused).toBe(1)
    expect(stepped(view.valueAt(0), 2, SHA_CHAIN)).toEqual(CHAIN.anchor)
  })
})

it('questions of others are not answered', async () => {
  const key = await generateKeyPair('Ed25519')
  const question = { type: 'verify', records: [] } as unknown as KelipsQuestion
  await expect(answerSigning(question, key)).rejects.toThrow('Nobody answers this question.')
})
