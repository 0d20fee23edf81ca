import { expect, test } from 'vitest';
import type { OnAir } from '../api/live';
import { behindText, latencyText, liveStateOf, retryDelayMs, spokenBehind } from '../player/live';
import { clockOffsetMs, endedWords, nextScreen, pollDelayMs, type Screen } from './onair';

const idle: OnAir = {
  channel: 'c',
  name: 'Studio',
  state: 'idle',
  since_ms: 0,
  now_ms: 0,
  broadcast: null,
  live_ms: null,
  ended_ms: null,
  reason: null,
  recording: null,
  hls: null,
  dvr_seconds: 7200,
  beacon_ms: 10_000,
};
const live: OnAir = { ...idle, state: 'live', broadcast: 'b1', hls: '/one.m3u8' };
const ended: OnAir = { ...idle, state: 'ended', broadcast: 'b1', reason: 'stopped' };
const player: Screen = { show: 'player', broadcast: 'b1', hls: '/one.m3u8' };

test('before anything is on air one waits, and the player starts by itself', () => {
  expect(nextScreen(null, idle, null)).toEqual({ show: 'waiting' });
  expect(nextScreen({ show: 'waiting' }, { ...idle, state: 'connecting', broadcast: 'b1' }, null)).toEqual({
    show: 'waiting',
  });
  expect(nextScreen({ show: 'waiting' }, live, null)).toEqual(player);
});

test('a player stays while the broadcast is interrupted, and another token moves nothing', () => {
  expect(nextScreen(player, { ...live, state: 'recovering' }, null)).toBe(player);
  expect(nextScreen(player, { ...live, hls: '/two.m3u8' }, null)).toBe(player);
});

test('what is over is played to its end first', () => {
  expect(nextScreen(player, ended, null)).toBe(player);
  expect(nextScreen(player, ended, 'b1')).toEqual({ show: 'ended', broadcast: 'b1' });
  expect(nextScreen(null, ended, null)).toEqual({ show: 'ended', broadcast: 'b1' });
});

test('the next broadcast takes the screen', () => {
  const next: OnAir = { ...live, broadcast: 'b2', hls: '/three.m3u8' };
  expect(nextScreen(player, next, null)).toEqual({ show: 'player', broadcast: 'b2', hls: '/three.m3u8' });
  expect(nextScreen({ show: 'ended', broadcast: 'b1' }, next, 'b1')).toEqual({
    show: 'player',
    broadcast: 'b2',
    hls: '/three.m3u8',
  });
});

test('one asks often when something is about to happen, and ever less often when nothing does', () => {
  expect([pollDelayMs('connecting', 9), pollDelayMs('recovering', 9), pollDelayMs('live', 9)]).toEqual([
    2_000, 2_000, 8_000,
  ]);
  expect([0, 1, 20].map((quiet) => pollDelayMs('idle', quiet))).toEqual([3_000, 4_500, 20_000]);
});

test('latency is counted by the server’s clock', () => {
  expect(clockOffsetMs(1_000, 1_100, 5_050)).toBe(4_000);
  const edge = { position: 61, shownAtMs: 100_000, drift: 1.001 };
  expect(liveStateOf(edge, 60, 97_200, 4_000)).toEqual({
    position: 61,
    behindS: 1,
    atEdge: true,
    latencyMs: 1_200,
    driftMsPerMinute: 60,
  });
  expect(liveStateOf(edge, 30, 97_200, null)).toMatchObject({ atEdge: false, behindS: 31, latencyMs: null });
  expect(liveStateOf(null, 30, 97_200, 0)).toMatchObject({ position: null, atEdge: true, latencyMs: null });
});

test('positions read as people say them', () => {
  expect([latencyText(1_440), behindText(0.4), behindText(125)]).toEqual(['1.4 s', 'Live', '−2:05']);
  expect([spokenBehind(0), spokenBehind(62)]).toEqual(['live', '1 minute 2 seconds behind live']);
  expect([retryDelayMs(0), retryDelayMs(9)]).toEqual([2_000, 15_000]);
  expect(endedWords('kicked')).toContain('ended by');
});
