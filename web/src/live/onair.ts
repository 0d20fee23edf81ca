/** What a viewer's page shows of a channel, and when it asks again. */
import type { ChannelState, EndReason, OnAir } from '../api/live';

/** What stands where the picture goes. */
export type Screen =
  | { show: 'waiting' }
  | { show: 'player'; broadcast: string; hls: string }
  | { show: 'ended'; broadcast: string | null };

/**
 * What follows from another answer. A player stays on the broadcast that it plays, also while that is interrupted and
 * when it is over, until it has played what there is (`played` is the broadcast that it played to its end).
 */
export function nextScreen(before: Screen | null, now: OnAir, played: string | null): Screen {
  const same = before?.show === 'player' && before.broadcast === now.broadcast;
  if (same && played !== now.broadcast) return before;
  const open = now.state === 'connecting' || now.state === 'live' || now.state === 'recovering';
  if (open && now.hls !== null && now.broadcast !== null) {
    return same ? before : { show: 'player', broadcast: now.broadcast, hls: now.hls };
  }
  if (before?.show === 'player' && !same && !open && played !== before.broadcast) return before;
  return now.state === 'ended' ? { show: 'ended', broadcast: now.broadcast } : { show: 'waiting' };
}

const SOON_MS = 2_000;
const ON_AIR_MS = 8_000;
const QUIET_MIN_MS = 3_000;
const QUIET_MAX_MS = 20_000;

/** When to ask again; `quiet` is how many answers in a row brought nothing new. */
export function pollDelayMs(state: ChannelState | null, quiet: number): number {
  if (state === 'connecting' || state === 'recovering') return SOON_MS;
  if (state === 'live') return ON_AIR_MS;
  return Math.min(QUIET_MAX_MS, QUIET_MIN_MS * 1.5 ** quiet);
}

/** Why a broadcast is over, for those who watched it. */
export const ENDED_WORDS: Record<EndReason, string> = {
  stopped: 'The broadcast is over.',
  lost: 'The broadcast was interrupted and did not come back.',
  kicked: 'The broadcast was ended by the channel’s owner.',
  'key-rotated': 'The broadcast was ended: the channel has another key.',
  'channel-deleted': 'The channel was deleted.',
  'bad-media': 'The broadcast ended: what the encoder sent could not be shown.',
  'too-fast': 'The broadcast ended: the encoder sent more than is allowed.',
  failed: 'The broadcast ended because of trouble on the server.',
};

export const endedWords = (reason: EndReason | null): string =>
  reason === null ? 'The broadcast is over.' : ENDED_WORDS[reason];

/** The server's clock less ours, from a question and its answer. */
export const clockOffsetMs = (askedMs: number, answeredMs: number, serverMs: number): number =>
  Math.round(serverMs - (askedMs + answeredMs) / 2);
