export type Command =
  | { do: 'toggle' | 'mute' | 'fullscreen' | 'pip' | 'theatre' | 'captions' | 'help' }
  | { do: 'seek'; by: number }
  | { do: 'jump'; fraction: number }
  | { do: 'volume'; by: number }
  | { do: 'rate'; step: 1 | -1 }
  | { do: 'frame'; by: 1 | -1 };

/** What the help dialog lists. */
export const SHORTCUTS: readonly [keys: string[], effect: string][] = [
  [['Space', 'K'], 'Play or pause'],
  [['J', 'L'], 'Back or forward 10 seconds'],
  [['←', '→'], 'Back or forward 5 seconds'],
  [['↑', '↓'], 'Louder or quieter'],
  [['M'], 'Mute'],
  [['C'], 'Captions on or off'],
  [['0', '…', '9'], 'Jump to 0 to 90 percent'],
  [['<', '>'], 'Slower or faster'],
  [[',', '.'], 'One frame back or on, while paused'],
  [['F'], 'Full screen'],
  [['T'], 'Theatre mode'],
  [['P'], 'Picture in picture'],
  [['?'], 'This list'],
];

/** Of a broadcast: its rate is not the viewer's to choose. */
export const LIVE_SHORTCUTS = [
  ...SHORTCUTS.filter(([keys]) => !keys.includes('<') && !keys.includes('0')),
  [['0'], 'As far back as one may go'],
  [['End'], 'To the live edge'],
] satisfies typeof SHORTCUTS;

const COMMANDS = new Map<string, Command>([
  [' ', { do: 'toggle' }],
  ['k', { do: 'toggle' }],
  ['j', { do: 'seek', by: -10 }],
  ['l', { do: 'seek', by: 10 }],
  ['ArrowLeft', { do: 'seek', by: -5 }],
  ['ArrowRight', { do: 'seek', by: 5 }],
  ['ArrowUp', { do: 'volume', by: 0.05 }],
  ['ArrowDown', { do: 'volume', by: -0.05 }],
  ['Home', { do: 'jump', fraction: 0 }],
  ['End', { do: 'jump', fraction: 1 }],
  ['m', { do: 'mute' }],
  ['c', { do: 'captions' }],
  ['f', { do: 'fullscreen' }],
  ['t', { do: 'theatre' }],
  ['p', { do: 'pip' }],
  ['<', { do: 'rate', step: -1 }],
  ['>', { do: 'rate', step: 1 }],
  [',', { do: 'frame', by: -1 }],
  ['.', { do: 'frame', by: 1 }],
  ['?', { do: 'help' }],
]);

type Keys = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>;

/** The command behind a key press; null leaves the key to the browser. */
export function commandFor({ key, ctrlKey, metaKey, altKey }: Keys): Command | null {
  if (ctrlKey || metaKey || altKey) return null;
  if (/^\d$/.test(key)) return { do: 'jump', fraction: Number(key) / 10 };
  return COMMANDS.get(key.length === 1 ? key.toLowerCase() : key) ?? null;
}

/** These scroll the page unless the player has the focus. */
export function needsPlayerFocus({ key }: Pick<KeyboardEvent, 'key'>): boolean {
  return ['ArrowUp', 'ArrowDown', 'Home', 'End'].includes(key);
}

export const RATES: readonly number[] = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

/** The next rate up or down; at either end the rate stays. */
export function stepRate(rate: number, step: 1 | -1): number {
  const next =
    step > 0 ? RATES.find((each) => each > rate + 1e-6) : RATES.findLast((each) => each < rate - 1e-6);
  return next ?? rate;
}
