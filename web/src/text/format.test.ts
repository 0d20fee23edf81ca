import { describe, expect, test } from 'vitest';
import {
  ageText,
  audienceWords,
  byteSize,
  clockTime,
  counted,
  percentText,
  spokenTime,
  timeAgo,
  timeLeft,
} from './format';

test.each([
  [0, '0:00'],
  [59.99, '0:59'],
  [60, '1:00'],
  [3599, '59:59'],
  [3600, '1:00:00'],
  [3723.4, '1:02:03'],
  [-5, '0:00'],
  [NaN, '0:00'],
  [Infinity, '0:00'],
])('clock time of %d seconds is %s', (seconds, text) => {
  expect(clockTime(seconds)).toBe(text);
});

test.each([
  [0, '0 seconds'],
  [1, '1 second'],
  [61, '1 minute 1 second'],
  [3600, '1 hour'],
  [7325, '2 hours 2 minutes 5 seconds'],
])('%d seconds are spoken as %s', (seconds, text) => {
  expect(spokenTime(seconds)).toBe(text);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [12_400_000, '12.4 MB'],
  [118_000_000, '118 MB'],
  [8_420_000_000, '8.4 GB'],
  [5e15, '5000 TB'],
])('%d bytes read %s', (bytes, text) => {
  expect(byteSize(bytes)).toBe(text);
});

test.each([
  [2, 'a few seconds left'],
  [42, '45 s left'],
  [60, '1 min left'],
  [59 * 60, '59 min left'],
  [80 * 60, '1 h 20 min left'],
])('%d seconds to wait read %s', (seconds, text) => {
  expect(timeLeft(seconds)).toBe(text);
});

describe('time ago', () => {
  const now = Date.UTC(2026, 0, 31, 12);
  const minute = 60_000;
  test.each([
    [30_000, 'just now'],
    [minute, '1 minute ago'],
    [59 * minute, '59 minutes ago'],
    [60 * minute, '1 hour ago'],
    [24 * 60 * minute, 'yesterday'],
    [5 * 24 * 60 * minute, '5 days ago'],
  ])('%d ms ago reads %s', (age, text) => {
    expect(timeAgo(now - age, now)).toBe(text);
  });
  test('older than a month is a date', () => {
    expect(timeAgo(Date.UTC(2025, 5, 3, 12), now)).toBe('Jun 3, 2025');
  });
});

test('percentages are whole and within bounds', () => {
  expect([-1, 0, 41.9, 99.99, 130].map(percentText)).toEqual(['0 %', '0 %', '41 %', '99 %', '100 %']);
});

test('nouns agree with their number', () => {
  expect([0, 1, 2].map((n) => counted(n, 'file'))).toEqual(['0 files', '1 file', '2 files']);
});

test.each([
  [0, 0, null],
  [1, 0, '1 play'],
  [3, 1, '3 plays, 1 watching'],
  [0, 2, '2 watching'],
])('%d plays and %d viewers are %s', (plays, viewers, words) => {
  expect(audienceWords({ plays, viewers })).toBe(words);
});

test.each([
  [-5, '0 s'],
  [4_900, '4 s'],
  [61_000, '1 min'],
  [7_800_000, '2 h 10 min'],
  [3 * 86_400_000, '3 days'],
])('%d ms have gone on for %s', (ms, words) => expect(ageText(ms)).toBe(words));
