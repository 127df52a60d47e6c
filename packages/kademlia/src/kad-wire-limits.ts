/** Bounds of frames and of what stands in them. */

/** Of one frame without its length: the longest has as many peers as fit, each with eight addresses. */
export const KAD_FRAME_BYTES_MAX = 128 * 1024
/** Of a frame's length: three bytes hold two million. */
export const KAD_FRAME_LENGTH_BYTES_MAX = 3
/** Peers in one answer that are nearer: as many as the largest k. */
export const CLOSER_PEERS_MAX = 32
/** Providers in one answer, and their bytes: who has a popular word is more than a message holds. */
export const PROVIDERS_TOLD_MAX = 512
export const PROVIDERS_TOLD_BYTES_MAX = 48 * 1024
