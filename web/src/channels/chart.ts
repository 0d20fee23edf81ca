/** A line over the last five minutes, as numbers for SVG. */

export const CHART = { width: 300, height: 72 };

export interface Line {
  /** Path of the line; apart where a value is missing. */
  line: string;
  /** Path of the ground below it. */
  area: string;
  max: number;
}

/** The least of 1, 2, 2.5, 5 times a power of ten that holds a value. */
export function niceCeiling(value: number): number {
  if (value <= 0) return 1;
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 2.5, 5, 10].find((each) => each * magnitude >= value) ?? 10;
  return step * magnitude;
}

/** One value a second, the newest at the right. */
export function lineOf(values: readonly (number | null)[], least: number): Line {
  const shown = values.slice(-CHART.width);
  const known = shown.filter((value) => value !== null);
  const max = niceCeiling(Math.max(least, ...known));
  const left = CHART.width - shown.length;
  const y = (value: number) => (CHART.height - (value / max) * CHART.height).toFixed(1);
  let line = '';
  let area = '';
  let start: number | null = null;
  const close = (at: number) => {
    if (start !== null) area += `L${at} ${CHART.height}L${start} ${CHART.height}Z`;
    start = null;
  };
  shown.forEach((value, index) => {
    const x = left + index;
    if (value === null) return close(x - 1);
    line += `${start === null ? 'M' : 'L'}${x} ${y(value)}`;
    area += `${start === null ? 'M' : 'L'}${x} ${y(value)}`;
    start ??= x;
  });
  close(CHART.width - 1);
  return { line, area, max };
}

/** What the line says, for who does not see it. */
export function spokenLine(
  title: string,
  values: readonly (number | null)[],
  text: (value: number) => string,
): string {
  const known = values.filter((value) => value !== null);
  const last = known.at(-1);
  if (last === undefined) return `${title}: nothing yet`;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  return `${title}: ${text(last)} now, from ${text(low)} to ${text(high)} in the last five minutes`;
}
