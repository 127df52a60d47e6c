/** What a machine counts from its start on, each of what its name says. */
export const COUNTERS = {
  rounds: 0,
  gossipSent: 0,
  gossipBytes: 0,
  gossipHeldBack: 0,
  gossipUnread: 0,
  rendezvousSent: 0,
  rendezvousBytes: 0,
  livesRefused: 0,
  tuplesRefused: 0,
  staleRefused: 0,
  expired: 0,
  silent: 0,
  finds: 0,
  findsFailed: 0,
  findsPassedOn: 0,
  splits: 0,
  merges: 0
}
