import { expect, test } from 'vitest';
import type { Broadcast, Channel, PulseSecond, RevealedChannel } from '../api/live';
import { CHART, lineOf, niceCeiling, spokenLine } from './chart';
import { encoderSettings } from './encoder';
import { chartsOf, endWords, frameRateText, lengthWords, rungWords, sourceWords, windowWords } from './words';

const channel: Channel = {
  channel: 'c1',
  name: 'Studio',
  visibility: 'unlisted',
  state: 'idle',
  since_ms: 0,
  rungs: null,
  dvr_seconds: 7200,
  recording: true,
  keyed_ms: 0,
  created_ms: 0,
  rtmp: 'rtmp://h:1935/live',
  srt: null,
  hls: null,
};
const revealed: RevealedChannel = { ...channel, key: 'c1_secret', passphrase: 'p' };
const broadcast: Broadcast = {
  id: 'b',
  protocol: 'rtmp',
  encoder: 'OBS',
  started_ms: 0,
  live_ms: 1_000,
  ended_ms: null,
  reason: null,
  detail: null,
  asset: null,
};
const sample: PulseSecond = {
  at_ms: 0,
  bits: 2_000_000,
  frames: 30,
  dropped: 0,
  key_frame_interval_ms: 2_000,
  rtt_ms: null,
};

test('the key is in the settings while it is known, and its place is marked afterwards', () => {
  expect(encoderSettings(channel, revealed)).toMatchObject({
    server: 'rtmp://h:1935/live',
    key: 'c1_secret',
    known: true,
  });
  expect(encoderSettings(channel, revealed).rtmp).toMatch(/-f flv "rtmp:\/\/h:1935\/live\/c1_secret"$/);
  expect(encoderSettings(channel, null)).toMatchObject({ key: 'STREAM_KEY', known: false, srt: null });
});

test('SRT is offered where it is there, with the passphrase while that is known', () => {
  const srt = 'srt://h:8890?streamid=c1';
  expect(encoderSettings({ ...channel, srt }, null).srt).toContain(
    '?streamid=c1&passphrase=PASSPHRASE&latency',
  );
  const known = { ...revealed, srt: `${srt}&passphrase=p` };
  expect(encoderSettings({ ...channel, srt }, known).srt).toContain('?streamid=c1&passphrase=p&latency');
});

test('an axis ends at a round number', () => {
  expect([0, 1, 31, 2_300_000, 4_000].map(niceCeiling)).toEqual([1, 1, 50, 2_500_000, 5_000]);
});

test('the newest value is at the right, and what is missing is a gap', () => {
  const { line, area, max } = lineOf([10, null, 20, 40], 30);
  expect(max).toBe(50);
  expect(line).toBe(`M${CHART.width - 4} 57.6M${CHART.width - 2} 43.2L${CHART.width - 1} 14.4`);
  expect(area.match(/Z/g)).toHaveLength(2);
  expect(lineOf([], 30).line).toBe('');
});

test('a line can be heard', () => {
  const text = (value: number) => `${value} kb/s`;
  expect(spokenLine('Bitrate', [null, 3, 5, 4], text)).toBe(
    'Bitrate: 4 kb/s now, from 3 kb/s to 5 kb/s in the last five minutes',
  );
  expect(spokenLine('Bitrate', [], text)).toBe('Bitrate: nothing yet');
});

test('the link has a chart where it is measured', () => {
  expect(chartsOf([sample]).map(({ title }) => title)).not.toContain('Round trip');
  expect(chartsOf([{ ...sample, rtt_ms: 40 }]).at(-1)?.title).toBe('Round trip');
});

test('broadcasts, sources and choices read as people say them', () => {
  expect([endWords(broadcast), lengthWords(broadcast, 61_000)]).toEqual(['On air', '1 min']);
  const lost: Broadcast = { ...broadcast, ended_ms: 9_000, reason: 'bad-media', detail: 'no pictures' };
  expect(endWords(lost)).toBe('What the encoder sent could not be used: no pictures');
  expect(lengthWords({ ...broadcast, live_ms: null }, 0)).toBe('Never on air');
  expect([frameRateText(30_000), frameRateText(29_970), frameRateText(23_976)]).toEqual(['30', '30', '24']);
  expect(frameRateText(12_500)).toBe('12.5');
  expect([windowWords(channel), rungWords(channel), rungWords({ rungs: [] })]).toEqual([
    '2 hours',
    'Chosen by the server',
    'The source alone',
  ]);
  const source = { video: { codecs: 'avc1.64001F', width: 640, height: 360 }, audio: null };
  expect(sourceWords(source as never)).toBe('640×360 H.264');
});
