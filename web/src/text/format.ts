const MINUTE_S = 60;
const HOUR_S = 3600;

/** `1:02:03`, `4:05`; negative and unknown times read as zero. */
export function clockTime(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  const hours = Math.floor(whole / HOUR_S);
  const minutes = Math.floor((whole % HOUR_S) / MINUTE_S);
  const rest = String(whole % MINUTE_S).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** The same time for a screen reader: `1 hour 2 minutes 3 seconds`. */
export function spokenTime(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  const parts: [number, string][] = [
    [Math.floor(whole / HOUR_S), 'hour'],
    [Math.floor((whole % HOUR_S) / MINUTE_S), 'minute'],
    [whole % MINUTE_S, 'second'],
  ];
  const said = parts.filter(([n]) => n > 0).map(([n, unit]) => counted(n, unit));
  return said.length > 0 ? said.join(' ') : '0 seconds';
}

/** `3 films`, `1 film`. */
export function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** `3 plays, 1 watching`; null while nobody ever came. */
export function audienceWords({ plays, viewers }: { plays: number; viewers: number }): string | null {
  const words = [plays > 0 ? counted(plays, 'play') : null, viewers > 0 ? `${viewers} watching` : null];
  const said = words.filter((word) => word !== null);
  return said.length > 0 ? said.join(', ') : null;
}

/** Decimal units, as disks and networks count: `12.4 MB`. */
export function byteSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const magnitude = bytes > 0 ? Math.floor(Math.log10(bytes) / 3) : 0;
  const step = Math.min(units.length - 1, Math.max(0, magnitude));
  const value = bytes / 1000 ** step;
  return `${step === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[step] ?? 'B'}`;
}

/** A rough time to wait: `less than a minute`, `about 3 min`, `about 1 h 20 min`. */
export function timeLeft(seconds: number): string {
  if (seconds < 5) return 'a few seconds left';
  if (seconds < MINUTE_S) return `${Math.ceil(seconds / 5) * 5} s left`;
  const minutes = Math.round(seconds / MINUTE_S);
  if (minutes < 60) return `${minutes} min left`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

const AGO_STEPS: [limitSeconds: number, unitSeconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [HOUR_S, MINUTE_S, 'minute'],
  [24 * HOUR_S, HOUR_S, 'hour'],
  [30 * 24 * HOUR_S, 24 * HOUR_S, 'day'],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const calendar = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });

/** `5 minutes ago`, `yesterday`; older than a month: the date. */
export function timeAgo(atMs: number, nowMs: number): string {
  const seconds = (nowMs - atMs) / 1000;
  if (seconds < MINUTE_S) return 'just now';
  const step = AGO_STEPS.find(([limit]) => seconds < limit);
  return step ? relative.format(-Math.floor(seconds / step[1]), step[2]) : calendar.format(atMs);
}

/** How long something has gone on, roughly: `4 s`, `3 min`, `2 h 10 min`, `3 days`. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < MINUTE_S) return `${seconds} s`;
  if (seconds < HOUR_S) return `${Math.floor(seconds / MINUTE_S)} min`;
  const hours = Math.floor(seconds / HOUR_S);
  if (hours < 48) return `${hours} h ${Math.floor((seconds % HOUR_S) / MINUTE_S)} min`;
  return `${Math.floor(hours / 24)} days`;
}

export function percentText(percent: number): string {
  return `${Math.floor(Math.min(100, Math.max(0, percent)))} %`;
}
