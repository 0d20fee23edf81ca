import { readStored, writeStored } from '../state/storage';

const KEY = 'nexus.resume';
const KEPT_MAX = 100;
const START_S = 10;
const END_SHARE = 0.97;

interface Kept {
  seconds: number;
  atMs: number;
}

export type Positions = Readonly<Record<string, Kept>>;

/** Positions after one more was seen; the start and the end of a film are not worth keeping. */
export function keepPosition(
  positions: Positions,
  id: string,
  seconds: number,
  total: number,
  atMs: number,
): Positions {
  const others = Object.entries(positions).filter(([known]) => known !== id);
  const worth = seconds >= START_S && total > 0 && seconds < total * END_SHARE;
  const all = worth ? [...others, [id, { seconds, atMs }] as const] : others;
  const newest = [...all].sort(([, a], [, b]) => b.atMs - a.atMs).slice(0, KEPT_MAX);
  return Object.fromEntries(newest);
}

/** Reads what was stored; anything malformed reads as nothing. */
export function parsePositions(stored: string | null): Positions {
  try {
    const value: unknown = JSON.parse(stored ?? '{}');
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, Kept] => isKept(entry[1])),
    );
  } catch {
    return {};
  }
}

function isKept(value: unknown): value is Kept {
  const kept = value as Partial<Kept> | null;
  return typeof kept?.seconds === 'number' && typeof kept.atMs === 'number';
}

export function savePosition(id: string, seconds: number, total: number): void {
  const positions = parsePositions(readStored(KEY));
  writeStored(KEY, JSON.stringify(keepPosition(positions, id, seconds, total, Date.now())));
}

/** Seconds at which the film was left; null when it was not begun or seen to the end. */
export function savedPosition(id: string): number | null {
  return parsePositions(readStored(KEY))[id]?.seconds ?? null;
}
