import { expect, test } from 'vitest';
import {
  bufferedFractions,
  clampTime,
  fractionAt,
  fractionOf,
  liveTimelineOf,
  momentAt,
  positionText,
  timelineOf,
} from './timeline';

test('a finished film is as long as the player says, and all of it can be played', () => {
  expect(timelineOf({ duration: 60.04, seekableEnd: 60.04 }, false, 60_000)).toEqual({
    from: 0,
    total: 60.04,
    available: 60.04,
  });
});

test('before anything is loaded the length is what the server knows', () => {
  expect(timelineOf({ duration: NaN, seekableEnd: 0 }, false, 60_000)).toEqual({
    from: 0,
    total: 60,
    available: 60,
  });
  expect(timelineOf({ duration: NaN, seekableEnd: 0 }, false, null)).toEqual({
    from: 0,
    total: 0,
    available: 0,
  });
});

test('a film that is being made shows its whole length and what can be played of it', () => {
  expect(timelineOf({ duration: 12, seekableEnd: 12 }, true, 60_000)).toEqual({
    from: 0,
    total: 60,
    available: 12,
  });
  expect(timelineOf({ duration: Infinity, seekableEnd: 12 }, true, null)).toEqual({
    from: 0,
    total: 12,
    available: 12,
  });
});

test('one cannot go beyond what is made', () => {
  const timeline = { from: 0, total: 60, available: 12 };
  expect([-3, 5, 40].map((seconds) => clampTime(seconds, timeline))).toEqual([0, 5, 12]);
});

test('pointer and position map to shares of the bar', () => {
  const bar = { left: 100, width: 200 };
  expect([50, 100, 150, 400].map((x) => fractionAt(x, bar))).toEqual([0, 0, 0.25, 1]);
  expect(fractionAt(10, { left: 0, width: 0 })).toBe(0);
  expect(fractionOf(30, { from: 0, total: 60, available: 60 })).toBe(0.5);
  expect(fractionOf(30, { from: 0, total: 0, available: 0 })).toBe(0);
});

test('buffered stretches are shares too', () => {
  const timeline = { from: 0, total: 40, available: 40 };
  expect(bufferedFractions([{ start: 10, end: 20 }], timeline)).toEqual([{ start: 0.25, end: 0.5 }]);
});

test('the position reads as on a clock', () => {
  expect(positionText(65, { from: 0, total: 3600, available: 3600 })).toBe('1:05 / 1:00:00');
});

test('of a broadcast one goes back as far as its window, and no further on than the live edge', () => {
  const timeline = liveTimelineOf({ seekableStart: 100, seekableEnd: 161 }, 160);
  expect(timeline).toEqual({ from: 100, total: 160, available: 160 });
  expect([50, 130, 170].map((seconds) => clampTime(seconds, timeline))).toEqual([100, 130, 160]);
  expect([100, 130, 160].map((seconds) => fractionOf(seconds, timeline))).toEqual([0, 0.5, 1]);
  expect(momentAt(0.5, timeline)).toBe(130);
  expect(liveTimelineOf({ seekableStart: 0, seekableEnd: 0 }, null)).toEqual({
    from: 0,
    total: 0,
    available: 0,
  });
});
