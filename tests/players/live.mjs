// Measures a live stream as a viewer meets it: Chromium, hls.js in low-latency mode as it is delivered.

/** Frames of the first seconds do not count: the player is still finding its place. */
const SETTLING_MS = 5000;
/** A beep belongs to a flash when it is heard within this time of it. */
const TOGETHER_MS = 500;
/** How often notes are fetched from the page. */
const FETCH_MS = 5000;

/** The value below which a share of the sorted values lies. */
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const rounded = (value, places = 1) => (value === undefined ? null : Number(value.toFixed(places)));

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const figures = { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), max: sorted.at(-1), min: sorted[0] };
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value)]));
}

/** Slope of the line that fits `points` of [ms, ms] best, in ms a minute. */
function slope(points) {
  const mean = (index) => points.reduce((sum, point) => sum + point[index], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const over = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  const under = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  return under > 0 ? (over / under) * 60_000 : 0;
}

/**
 * Frames that were never on the screen. A late main thread misses a callback, not the frame: between two that were read,
 * the browser's own count says how many it presented.
 */
function countLost(frames) {
  const steps = frames.slice(1).map((next, index) => {
    const last = frames[index];
    return Math.max(0, next.frame - last.frame - (next.presented - last.presented));
  });
  return steps.reduce((sum, step) => sum + step, 0);
}

/** From each flash to its beep in ms: positive when the sound is late. */
function beatOffsets(frames, beeps) {
  const flashes = frames.filter(({ frame, flash }, index) => {
    const before = frames[index - 1];
    return flash && before?.frame === frame - 1 && !before.flash;
  });
  const nearest = (flash) => beeps.map(({ heard }) => heard - flash.shown).toSorted((a, b) => Math.abs(a) - Math.abs(b))[0];
  return flashes.map(nearest).filter((offset) => Math.abs(offset) < TOGETHER_MS);
}

/** What the notes of a whole run come to. */
export function judge(notes) {
  const began = notes.frames[0]?.shown ?? 0;
  const settled = notes.frames.filter(({ shown }) => shown - began >= SETTLING_MS);
  // The same picture is reported again when the page is drawn again.
  const read = settled.filter(({ read }) => read).filter(({ frame }, index, all) => frame !== all[index - 1]?.frame);
  const latency = read.map(({ shown, epochMs }) => shown - epochMs);
  const offsets = beatOffsets(read, notes.beeps);
  return {
    seconds: rounded(((read.at(-1)?.shown ?? 0) - (read[0]?.shown ?? 0)) / 1000),
    glass_to_glass_ms: spread(latency),
    drift_ms_per_minute: rounded(slope(read.map(({ played, epochMs }) => [played.at, played.at - played.past - epochMs])), 2),
    frames_read: read.length,
    frames_unreadable: settled.filter(({ read }) => !read).length,
    frames_lost: countLost(read),
    out_of_order: read.filter(({ frame }, index) => index > 0 && frame <= read[index - 1].frame).length,
    stalls_ms: notes.stalls.filter(({ at }) => at - began >= SETTLING_MS).map(({ ms }) => rounded(ms)),
    beeps: offsets.length,
    flash_to_beep_ms: spread(offsets),
    player_latency_s: rounded(notes.latency, 3),
    player_target_latency_s: rounded(notes.targetLatency, 3),
    dropped_by_browser: notes.dropped,
    errors: [...new Set(notes.errors)],
  };
}

/** Plays `url` for so many seconds on a page of `pageUrl` and says what was seen. */
export async function measure(browser, pageUrl, url, seconds, config = {}) {
  const tab = await browser.newPage();
  const notes = { frames: [], stalls: [], beeps: [], errors: [], levels: [] };
  try {
    await tab.goto(`${pageUrl}page/live.html`);
    await tab.waitForFunction(() => window.ready);
    await tab.evaluate(([url, config]) => window.play(url, config), [url, config]);
    for (let left = seconds * 1000; left > 0; left -= FETCH_MS) {
      await tab.waitForTimeout(Math.min(left, FETCH_MS));
      const taken = await tab.evaluate(() => window.take());
      for (const [name, list] of Object.entries(notes)) if (Array.isArray(list)) list.push(...taken[name]);
      Object.assign(notes, { latency: taken.latency, targetLatency: taken.targetLatency, dropped: taken.dropped });
    }
  } finally {
    await tab.close();
  }
  return { figures: judge(notes), notes };
}
