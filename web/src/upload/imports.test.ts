import { expect, test } from 'vitest';
import { steerOf } from '../asset/steering';
import { assetWith } from '../testing/asset';
import { importPercent, importSentence } from './imports';

const fetching = (offset: number, length: number) =>
  assetWith({
    state: 'uploading',
    playable: false,
    upload: { url: 'https://nexus.example/files/u1', offset, length, fetched: true },
  });

test.each([
  [0, 0, 'Waiting to be fetched.', null],
  [0, 10_000_000, 'Waiting to be fetched.', 0],
  [2_500_000, 10_000_000, 'Fetched 2.5 MB of 10.0 MB.', 25],
  [2_500_000, 2_500_000, 'Fetched 2.5 MB.', null],
] as const)('%d bytes of %d', (offset, length, words, percent) => {
  expect(importSentence(fetching(offset, length))).toBe(words);
  expect(importPercent(fetching(offset, length))).toBe(percent);
});

test('what was fetched goes on as any film does', () => {
  expect(importPercent(assetWith({ state: 'queued' }))).toBeNull();
  expect(importPercent(assetWith({ state: 'transcoding', progress: { percent: 40, tracks: [] } }))).toBe(40);
  expect(importPercent(assetWith({ state: 'ready' }))).toBe(100);
  const failed = assetWith({ state: 'failed', reason: 'films.example answered 404 Not Found.' });
  expect(importSentence(failed)).toBe('films.example answered 404 Not Found.');
});

test('an import can be cancelled, an upload is not', () => {
  expect(steerOf(fetching(1, 2))?.label).toBe('Cancel import');
  expect(steerOf(assetWith({ state: 'uploading' }))).toBeNull();
});
