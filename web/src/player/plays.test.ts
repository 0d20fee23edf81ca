import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Problem } from '../api/problem';
import { reportPlay, tokenOf } from './plays';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const play = { play: 'p1', first_heartbeat_ms: 6_000, heartbeat_ms: 20_000 };
const calls = () => ({
  begin: vi.fn(() => Promise.resolve(play)),
  keep: vi.fn(() => Promise.resolve()),
  end: vi.fn(),
});
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test('a play begins once and is kept going while it runs', async () => {
  const server = calls();
  const report = reportPlay(server);
  report.playing();
  report.playing();
  await pass(5_999);
  expect([server.begin.mock.calls.length, server.keep.mock.calls.length]).toEqual([1, 0]);
  await pass(1);
  expect(server.keep).toHaveBeenCalledExactlyOnceWith('p1');
  await pass(40_000);
  expect(server.keep).toHaveBeenCalledTimes(3);
  report.close();
  expect(server.end).toHaveBeenCalledExactlyOnceWith('p1');
  await pass(100_000);
  expect(server.keep).toHaveBeenCalledTimes(3);
});

test('a pause says nothing and the same play goes on after it', async () => {
  const server = calls();
  const report = reportPlay(server);
  report.playing();
  await pass(6_000);
  report.paused();
  await pass(60_000);
  expect(server.keep).toHaveBeenCalledTimes(1);
  report.playing();
  await pass(0);
  expect([server.begin.mock.calls.length, server.keep.mock.calls.length]).toEqual([1, 2]);
});

test('a play that the server ended is followed by another', async () => {
  const server = calls();
  server.keep.mockRejectedValueOnce(new Problem(404, 'ended'));
  const report = reportPlay(server);
  report.playing();
  await pass(6_000);
  await pass(1);
  expect(server.begin).toHaveBeenCalledTimes(2);
});

test('a server that is away is asked again later', async () => {
  const server = calls();
  server.begin.mockRejectedValueOnce(Problem.unreachable());
  const report = reportPlay(server);
  report.playing();
  await pass(19_999);
  expect(server.begin).toHaveBeenCalledTimes(1);
  await pass(1);
  expect(server.begin).toHaveBeenCalledTimes(2);
});

test('a play that begins after the page was left is ended at once', async () => {
  const server = calls();
  const report = reportPlay(server);
  report.playing();
  report.close();
  await pass(0);
  expect(server.end).toHaveBeenCalledExactlyOnceWith('p1');
});

test('the token is read from a private address only', () => {
  expect(tokenOf('https://e.example/p/abc.def/media/a1/hls.m3u8')).toBe('abc.def');
  expect(tokenOf('https://e.example/media/a1/hls.m3u8')).toBeNull();
});
