import { expect, test } from 'vitest';
import { assetWith } from '../testing/asset';
import { announcement } from './announce';
import {
  barPercent,
  fileKey,
  overallPercent,
  sentPercent,
  titleOf,
  transferSentence,
  type Transfer,
} from './transfer';
import { isTransient, uploadPath } from './tus';

const transfer = (change: Partial<Transfer>): Transfer => ({
  key: 'k',
  name: 'My_film.mp4',
  bytes: 100_000_000,
  sent: 40_000_000,
  phase: 'sending',
  bytesPerSecond: 2_000_000,
  assetId: null,
  error: null,
  ...change,
});

test.each([
  ['My_holiday.film.mp4', 'My holiday film'],
  ['Second take.mov', 'Second take'],
  ['no extension', 'no extension'],
  ['archive.tar.gz', 'archive tar'],
  ['.mp4', '.mp4'],
  ['Ünïcode_名前.mkv', 'Ünïcode 名前'],
])('the file %s is titled %s', (name, title) => {
  expect(titleOf(name)).toBe(title);
});

test('a title is no longer than the server takes, and printable', () => {
  expect(titleOf(`${'ab'.repeat(200)}.mp4`)).toHaveLength(200);
  expect(titleOf('a\u0007b\n.mp4')).toBe('a b');
});

test('sending tells amount, rate and time', () => {
  expect(transferSentence(transfer({}), null)).toBe('40.0 MB of 100 MB · 2.0 MB/s · 30 s left');
  expect(transferSentence(transfer({ bytesPerSecond: null }), null)).toBe('40.0 MB of 100 MB');
});

test('after the last byte the asset speaks', () => {
  const sent = transfer({ phase: 'sent', sent: 100_000_000 });
  expect(transferSentence(sent, null)).toBe('Received.');
  expect(transferSentence(sent, assetWith({ state: 'uploading' }))).toBe('Received.');
  expect(transferSentence(sent, assetWith({ state: 'failed', reason: 'Encrypted.' }))).toBe('Encrypted.');
});

test('the bar shows sending, then the ladder', () => {
  expect(barPercent(transfer({ phase: 'starting' }), null)).toBeNull();
  expect(barPercent(transfer({}), null)).toBe(40);
  const sent = transfer({ phase: 'sent' });
  expect(barPercent(sent, assetWith({ state: 'probing' }))).toBeNull();
  expect(barPercent(sent, assetWith({ state: 'transcoding', progress: { percent: 62, tracks: [] } }))).toBe(
    62,
  );
  expect(barPercent(sent, assetWith({ state: 'ready' }))).toBe(100);
});

test('an empty file counts as sent', () => {
  expect(sentPercent({ sent: 0, bytes: 0 })).toBe(100);
});

test('the whole is weighed by bytes', () => {
  expect(overallPercent([transfer({ bytes: 300, sent: 0 }), transfer({ bytes: 100, sent: 100 })])).toBe(25);
});

test('a file changed since is another file', () => {
  const file = { name: 'a.mp4', size: 5, lastModified: 1 };
  expect(fileKey(file)).not.toBe(fileKey({ ...file, lastModified: 2 }));
});

test('milestones are announced, and only once', () => {
  const at = (sent: number, change: Partial<Transfer> = {}) => [transfer({ sent, ...change })];
  expect(announcement([], at(0))).toBe('My film was added to the uploads.');
  expect(announcement(at(24_000_000), at(26_000_000))).toBe('My film: 25 percent sent.');
  expect(announcement(at(26_000_000), at(30_000_000))).toBe('');
  expect(announcement(at(30_000_000), at(30_000_000, { phase: 'paused' }))).toBe('My film is paused.');
  expect(announcement(at(1), at(1, { phase: 'failed', error: 'No room.' }))).toBe('My film failed. No room.');
});

test('an upload is addressed on this host, whatever name the server gave', () => {
  expect(uploadPath('http://localhost:8080/files/u1', 'http://127.0.0.1:8080/upload')).toBe('/files/u1');
  expect(uploadPath('/files/u1', 'http://127.0.0.1:8080/upload')).toBe('/files/u1');
});

test('what passes is tried again, what is wrong is not', () => {
  expect([0, 409, 429, 500, 503].every(isTransient)).toBe(true);
  expect([400, 401, 404, 413, 460].some(isTransient)).toBe(false);
});
