import { expect, test } from 'vitest';
import { failureWords, mediaErrorWords } from './errors';
import { bitrateLabel, levelLabel, toggledText } from './playback';
import { commandFor, needsPlayerFocus, RATES, stepRate } from './shortcuts';
import { doubleTapSide } from './taps';

const press = (key: string, held = {}) =>
  commandFor({ key, ctrlKey: false, metaKey: false, altKey: false, ...held });

test.each([
  [' ', { do: 'toggle' }],
  ['K', { do: 'toggle' }],
  ['j', { do: 'seek', by: -10 }],
  ['ArrowRight', { do: 'seek', by: 5 }],
  ['7', { do: 'jump', fraction: 0.7 }],
  ['0', { do: 'jump', fraction: 0 }],
  ['<', { do: 'rate', step: -1 }],
  ['C', { do: 'captions' }],
  ['?', { do: 'help' }],
  ['x', null],
  ['Enter', null],
  ['toString', null],
])('the key %s does %o', (key, command) => {
  expect(press(key)).toEqual(command);
});

test('keys held with Ctrl, Alt or Command are the browser’s', () => {
  expect(press('f', { ctrlKey: true })).toBeNull();
  expect(press('ArrowLeft', { altKey: true })).toBeNull();
  expect(press('k', { metaKey: true })).toBeNull();
});

test('keys that scroll need the focus on the player', () => {
  expect(['ArrowUp', 'End', 'ArrowLeft', 'k'].map((key) => needsPlayerFocus({ key }))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test('the rate steps through the list and stops at its ends', () => {
  expect(stepRate(1, 1)).toBe(1.25);
  expect(stepRate(1, -1)).toBe(0.75);
  expect(stepRate(1.1, 1)).toBe(1.25);
  expect(stepRate(Math.max(...RATES), 1)).toBe(Math.max(...RATES));
  expect(stepRate(Math.min(...RATES), -1)).toBe(Math.min(...RATES));
});

test('two quick taps on one side are a double tap', () => {
  const tap = (atMs: number, fraction: number) => ({ atMs, fraction });
  expect(doubleTapSide(tap(0, 0.1), tap(200, 0.2))).toBe('left');
  expect(doubleTapSide(tap(0, 0.9), tap(200, 0.8))).toBe('right');
  expect(doubleTapSide(tap(0, 0.1), tap(200, 0.9))).toBeNull();
  expect(doubleTapSide(tap(0, 0.5), tap(200, 0.5))).toBeNull();
  expect(doubleTapSide(tap(0, 0.1), tap(400, 0.1))).toBeNull();
  expect(doubleTapSide(null, tap(0, 0.1))).toBeNull();
});

test('rungs are called by height, fast ones also by frame rate', () => {
  const level = { index: 0, height: 720, bitrate: 2_400_000, frameRate: 25 };
  expect(levelLabel(level)).toBe('720p');
  expect(levelLabel({ ...level, frameRate: 59.94 })).toBe('720p60');
  expect(levelLabel({ ...level, frameRate: null })).toBe('720p');
  expect([2_400_000, 640_400].map(bitrateLabel)).toEqual(['2.4 Mb/s', '640 kb/s']);
});

test('each failure has its own words', () => {
  const words = [
    failureWords('network'),
    failureWords('network', 403),
    failureWords('network', 404),
    failureWords('network', 503),
    failureWords('media'),
    failureWords('unsupported'),
    failureWords('other'),
  ];
  expect(new Set(words).size).toBe(words.length);
  expect(mediaErrorWords(3)).toBe(failureWords('media'));
  expect(mediaErrorWords(2)).toBe(failureWords('network'));
});

test('the key for captions turns them off, and on as they were', () => {
  const textChoices = [
    { index: 0, label: 'English' },
    { index: 1, label: 'Deutsch' },
  ];
  expect(toggledText({ textChoices, currentText: 1 }, 1)).toBeNull();
  expect(toggledText({ textChoices, currentText: null }, 1)?.label).toBe('Deutsch');
  expect(toggledText({ textChoices, currentText: null }, null)?.label).toBe('English');
  expect(toggledText({ textChoices: [], currentText: null }, 1)).toBeNull();
});
