import { clockTime, spokenTime } from '../text/format';
import type { MediaState, TimeRange } from './media';

/** The film as the seek bar shows it, in seconds. */
export interface Timeline {
  /** The whole film, also the part that is not made yet. */
  total: number;
  /** What can be played now; equal to `total` once the film is finished. */
  available: number;
}

/** `durationMs` is what the server knows of the source, before the playlist has its end. */
export function timelineOf(
  media: Pick<MediaState, 'duration' | 'seekableEnd'>,
  growing: boolean,
  durationMs: number | null,
): Timeline {
  const known = (durationMs ?? 0) / 1000;
  const measured = Number.isFinite(media.duration) ? media.duration : media.seekableEnd;
  if (!growing) return { total: measured > 0 ? measured : known, available: measured > 0 ? measured : known };
  const available = Math.max(media.seekableEnd, 0);
  return { total: Math.max(known, measured), available };
}

export function clampTime(seconds: number, { available }: Timeline): number {
  return Math.min(Math.max(0, seconds), available);
}

/** Share of the bar left of a pointer, 0 to 1. */
export function fractionAt(x: number, bar: { left: number; width: number }): number {
  return bar.width > 0 ? Math.min(1, Math.max(0, (x - bar.left) / bar.width)) : 0;
}

/** Position on the bar, 0 to 1. */
export function fractionOf(seconds: number, { total }: Timeline): number {
  return total > 0 ? Math.min(1, Math.max(0, seconds / total)) : 0;
}

/** The buffered stretches as shares of the bar. */
export function bufferedFractions(ranges: readonly TimeRange[], timeline: Timeline): TimeRange[] {
  return ranges.map(({ start, end }) => ({
    start: fractionOf(start, timeline),
    end: fractionOf(end, timeline),
  }));
}

export function spokenPosition(seconds: number, { total }: Timeline): string {
  return `${spokenTime(seconds)} of ${spokenTime(total)}`;
}

/** `5:00 / 1:00:00`. */
export function positionText(seconds: number, { total }: Timeline): string {
  return `${clockTime(seconds)} / ${clockTime(total)}`;
}
