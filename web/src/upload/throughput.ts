const WINDOW_MS = 8_000;
const SPAN_MS_MIN = 500;

interface Sample {
  atMs: number;
  bytes: number;
}

/** Bytes per second over the last eight seconds; time is an argument, on any monotonic clock. */
export class Throughput {
  private samples: Sample[] = [];

  /** Records the bytes sent so far. Fewer than before starts afresh: the server took back a tail. */
  record(bytes: number, nowMs: number): void {
    const last = this.samples.at(-1);
    if (last && bytes < last.bytes) this.samples = [];
    this.samples.push({ atMs: nowMs, bytes });
    const oldest = nowMs - WINDOW_MS;
    while (this.samples.length > 2 && (this.samples[0]?.atMs ?? nowMs) < oldest) this.samples.shift();
  }

  reset(): void {
    this.samples = [];
  }

  /** Null until half a second has been seen. */
  bytesPerSecond(): number | null {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last || last.atMs - first.atMs < SPAN_MS_MIN) return null;
    return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
  }
}

/** Seconds until `total` at this rate; null while the rate is unknown or nothing moves. */
export function secondsLeft(sent: number, total: number, bytesPerSecond: number | null): number | null {
  if (bytesPerSecond === null || bytesPerSecond <= 0) return null;
  return Math.max(0, total - sent) / bytesPerSecond;
}
