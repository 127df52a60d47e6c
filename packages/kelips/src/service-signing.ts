/** Answers the machine's questions about signatures. A PeerId that holds its public key needs nothing else. */
import type { PrivateKey } from '@libp2p/interface'
import { peerIdOfContact } from '@servent/libp2p-host'
import type { KelipsAnswer, KelipsQuestion, Signed } from './types.ts'

/** @throws Error  the key cannot sign, or it is a question of somebody else's */
export async function answerSigning(question: KelipsQuestion, privateKey: PrivateKey): Promise<KelipsAnswer> {
  switch (question.type) {
    case 'sign': {
      const signatures = question.statements.map(statement => privateKey.sign(statement))
      return { type: 'signed', signatures: await Promise.all(signatures) }
    }
    case 'check':
      return { type: 'checked', good: await Promise.all(question.signed.map(isGood)) }
    default:
      throw new Error('Nobody answers this question.')
  }
}

async function isGood({ signer, statement, signature }: Signed): Promise<boolean> {
  try {
    const { publicKey } = peerIdOfContact({ id: signer, addresses: [] })
    return publicKey !== undefined && (await publicKey.verify(statement, signature))
  } catch {
    // No PeerId, or no signature of its kind.
    return false
  }
}
