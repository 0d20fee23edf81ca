const BARS = 48;

/** Heights, 0 to 1, of a picture that stands for a sound: the same for the same id, not measured. */
export function waveHeights(id: string): number[] {
  let seed = 2166136261;
  for (const char of id) seed = Math.imul(seed ^ char.charCodeAt(0), 16777619) >>> 0;
  return Array.from({ length: BARS }, (_, bar) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const noise = seed / 2 ** 32;
    const swell = Math.sin((Math.PI * (bar + 0.5)) / BARS);
    return 0.12 + 0.88 * swell * (0.25 + 0.75 * noise);
  });
}
