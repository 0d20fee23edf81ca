import { expect, test } from 'vitest';
import { assetWith } from '../testing/asset';
import { applyEvent, upsert, type Assets } from './apply';

const known = (...assets: Parameters<typeof assetWith>[0][]): Assets =>
  upsert(new Map(), assets.map(assetWith));

test('an asset event adds and replaces', () => {
  const added = applyEvent(new Map(), { kind: 'asset.created', asset: assetWith({ title: 'First' }) });
  const renamed = applyEvent(added, {
    kind: 'asset.updated',
    asset: assetWith({ title: 'Second', updated_ms: 3_000 }),
  });
  expect(renamed.get('a1')?.title).toBe('Second');
});

test('an answer older than what is known is dropped', () => {
  const before = known({ title: 'Fresh', updated_ms: 5_000 });
  expect(upsert(before, [assetWith({ title: 'Stale', updated_ms: 4_000 })]).get('a1')?.title).toBe('Fresh');
});

test('progress merges into the tracks and never falls', () => {
  const tracks = [{ name: 'video-720', height: 720, percent: 40 }];
  const before = known({ state: 'transcoding', progress: { percent: 30, tracks } });
  const after = applyEvent(before, {
    kind: 'asset.progress',
    progress: {
      asset: 'a1',
      percent: 25,
      tracks: [
        { name: 'video-720', percent: 55 },
        { name: 'audio-0', percent: 10 },
      ],
    },
  });
  expect(after.get('a1')?.progress).toEqual({
    percent: 30,
    tracks: [
      { name: 'video-720', height: 720, percent: 55 },
      { name: 'audio-0', percent: 10 },
    ],
  });
});

test('an answer does not take back the progress of its version', () => {
  const at = (percent: number, version: number) =>
    assetWith({
      state: 'transcoding',
      version,
      progress: { percent, tracks: [{ name: 'video-720', percent }] },
    });
  const before = upsert(new Map(), [at(60, 1)]);
  expect(upsert(before, [at(50, 1)]).get('a1')?.progress.percent).toBe(60);
  expect(upsert(before, [at(0, 2)]).get('a1')?.progress.percent).toBe(0);
});

test('upload progress moves an unfinished upload only', () => {
  const upload = { url: '/files/u', offset: 10, length: 100, fetched: false };
  const before = known({ id: 'open', state: 'uploading', upload }, { id: 'done', upload: null });
  const event = (asset: string) => ({
    kind: 'upload.progress' as const,
    upload: { asset, offset: 60, length: 100 },
  });
  expect(applyEvent(before, event('open')).get('open')?.upload?.offset).toBe(60);
  expect(applyEvent(before, event('done')).get('done')?.upload).toBeNull();
});

test('deletion removes; events about unknown assets change nothing', () => {
  const before = known({});
  expect(applyEvent(before, { kind: 'asset.deleted', id: 'a1' }).size).toBe(0);
  expect(applyEvent(before, { kind: 'asset.deleted', id: 'other' })).toBe(before);
  expect(
    applyEvent(before, { kind: 'asset.progress', progress: { asset: 'other', percent: 1, tracks: [] } }),
  ).toBe(before);
});
