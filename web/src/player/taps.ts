const DOUBLE_MS_MAX = 300;
const SIDE = 1 / 3;

export interface Tap {
  atMs: number;
  /** Place across the picture, 0 to 1. */
  fraction: number;
}

const sideOf = ({ fraction }: Tap): 'left' | 'right' | null =>
  fraction < SIDE ? 'left' : fraction > 1 - SIDE ? 'right' : null;

/** The outer third in which two taps followed each other fast enough; null for anything else. */
export function doubleTapSide(before: Tap | null, tap: Tap): 'left' | 'right' | null {
  if (!before || tap.atMs - before.atMs > DOUBLE_MS_MAX) return null;
  const side = sideOf(tap);
  return side !== null && side === sideOf(before) ? side : null;
}
