/**
 * Verified bytes from and to peers: HTTP/1.1 on streams that somebody else opened, as libp2p's `/http/1.1`.
 *
 * The server gives shared files by content id (`/ipfs/<cid>`), by Gnutella's `/get/<index>/<name>` and
 * `/uri-res/N2R?urn:sha1:…`, in ranges, to a few peers at a time with a fair queue for the others, and the
 * hashes of their trees with proofs (`/servent/hashes/<cid>`). The client learns a file's size from a source
 * and proves it by the tree, fetches the layer of 1 MiB hashes in pieces, and holds every block against it
 * before it is written. What is fetched stands in a `.part` file until it is whole; a kill at any point costs
 * at most what was not synced, and nothing wrong ever has the final name.
 *
 * ```ts
 * const server = new FileServer({ catalogue: library, blocks: library })
 * await libp2p.handle(HTTP_PROTOCOL, (stream, connection) =>
 *   server.serve(streamDuplex(stream), connection.remotePeer.toString())
 * )
 *
 * const downloads = await Downloads.open({ database, folder, connector, findProviders })
 * const download = await downloads.start({ id, name: 'air.flac', providers: [hit.provider] })
 * for await (const event of download.events()) console.log(event)
 * const { path } = await download.finished
 * ```
 *
 * A folder is one download as well (`folder: true`, by the id of its listing): its files come one after the other
 * over the same streams, and each that is whole is marked at once.
 *
 * What a peer calls a file is never a path here: see `safeFileName`. Bounds on all that a peer can hold or
 * cause are in `limits.ts`.
 */
export type { Download } from './download.ts'
export { Downloads } from './downloads.ts'
export * from './errors.ts'
export { FileServer } from './file-server.ts'
export { LEDGER_LIMITS, Ledger, type LedgerLimits, type Standing } from './ledger.ts'
export * from './limits.ts'
export { Partials } from './partials.ts'
export { moveTo } from './place.ts'
export { safeFileName } from './safe-file-name.ts'
export * from './types.ts'
