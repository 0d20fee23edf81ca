import { expect, test } from 'vitest';
import { parseThumbs, thumbAt, vttSeconds } from './thumbs';

const BASE = 'https://nexus.example/p/token/media/a1/v1/images/thumbs.vtt';
const VTT = `WEBVTT

00:00:00.000 --> 00:00:02.000
sprite-000.jpg#xywh=0,0,160,90

NOTE a comment

two
00:02.000 --> 00:04.000 align:start
sprite-000.jpg#xywh=160,0,160,90

01:00:00.000 --> 01:00:02.500
sprite-001.jpg#xywh=0,90,160,90
`;

test.each([
  ['00:00.000', 0],
  ['01:02.500', 62.5],
  ['100:00:00.001', 360000.001],
  ['00:60.000', null],
  ['1.5', null],
  ['00:00:00,000', null],
])('the timestamp %s is %s seconds', (text, seconds) => {
  expect(vttSeconds(text)).toBe(seconds);
});

test.each([VTT, VTT.replace(/\n/g, '\r\n')])('tiles are read with their addresses', (text) => {
  const cues = parseThumbs(text, BASE);
  expect(cues.map(({ start, end }) => [start, end])).toEqual([
    [0, 2],
    [2, 4],
    [3600, 3602.5],
  ]);
  expect(cues[1]).toMatchObject({
    url: 'https://nexus.example/p/token/media/a1/v1/images/sprite-000.jpg',
    x: 160,
    y: 0,
    width: 160,
    height: 90,
  });
});

test('cues that are no tiles are left out', () => {
  const text =
    'WEBVTT\n\n00:00.000 --> 00:01.000\nwords\n\n00:00.000 --> 00:01.000\na.jpg#xywh=0,0,0,90\n\nrubbish';
  expect(parseThumbs(text, BASE)).toEqual([]);
});

test('the tile of a moment is the last that has begun', () => {
  const cues = parseThumbs(VTT, BASE);
  const starts = [-1, 0, 1.99, 2, 100, 3600, 9999].map((seconds) => thumbAt(cues, seconds)?.start);
  expect(starts).toEqual([0, 0, 0, 2, 2, 3600, 3600]);
  expect(thumbAt([], 5)).toBeNull();
});
