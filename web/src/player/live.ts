/** Where in a broadcast a viewer is, in numbers and words. */
import { clockTime, counted, spokenTime } from '../text/format';
import type { Edge } from './playback';

/** Nearer than this is at the edge: a segment and what a player holds back. */
const AT_EDGE_S = 8;

export interface LiveState {
  /** The moment that a viewer at the edge plays; null before it is known. */
  position: number | null;
  /** How far behind it the viewer is, in seconds. */
  behindS: number;
  atEdge: boolean;
  /** From the arrival of what is shown at the server to now; null where it cannot be known. */
  latencyMs: number | null;
  /** How the broadcast's clock leaves this machine's, in milliseconds a minute. */
  driftMsPerMinute: number | null;
}

/** `clockOffsetMs` is the server's clock less ours. */
export function liveStateOf(
  edge: Edge | null,
  time: number,
  nowMs: number,
  clockOffsetMs: number | null,
): LiveState {
  const position = edge?.position ?? null;
  const behindS = position === null ? 0 : Math.max(0, position - time);
  const shown = edge?.shownAtMs ?? null;
  const latencyMs =
    shown === null || clockOffsetMs === null ? null : Math.max(0, Math.round(nowMs + clockOffsetMs - shown));
  const drift = edge?.drift ?? null;
  return {
    position,
    behindS,
    atEdge: behindS < AT_EDGE_S,
    latencyMs,
    driftMsPerMinute: drift === null ? null : Math.round((drift - 1) * 60_000),
  };
}

/** `1.4 s`. */
export const latencyText = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** `−2:05`, or `Live`. */
export const behindText = (seconds: number): string =>
  seconds < 1 ? 'Live' : `\u2212${clockTime(Math.round(seconds))}`;

/** The same for a screen reader. */
export const spokenBehind = (seconds: number): string =>
  seconds < 1 ? 'live' : `${spokenTime(Math.round(seconds))} behind live`;

/** What a player that cannot go on waits before it tries again by itself. */
export const retryDelayMs = (attempt: number): number => Math.min(15_000, 2_000 * 2 ** attempt);

/** `412 viewers`. */
export const viewersText = (viewers: number): string => counted(viewers, 'viewer');
