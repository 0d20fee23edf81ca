import { expect, test } from 'vitest';
import { assetWith } from '../testing/asset';
import { byRung, hasVideo, stageSentence, topHeight, trackLabel } from './words';

const track = (name: string, height: number | null = null) => ({ name, height, percent: 0 });

test('tracks are called by what they are', () => {
  const names = [
    track('video-720', 720),
    track('video-540'),
    track('audio-0'),
    track('audio-1'),
    track('images'),
  ];
  expect(names.map(trackLabel)).toEqual(['720p', '540p', 'Audio', 'Audio 2', 'Images']);
});

test('the ladder reads from the top', () => {
  const tracks = [
    track('images'),
    track('audio-1'),
    track('video-360', 360),
    track('audio-0'),
    track('video-1080', 1080),
  ];
  expect(tracks.sort(byRung).map(({ name }) => name)).toEqual([
    'video-1080',
    'video-360',
    'audio-0',
    'audio-1',
    'images',
  ]);
});

test('sound alone has no height and no video', () => {
  const sound = assetWith({ progress: { percent: 100, tracks: [track('audio-0')] } });
  expect(topHeight(sound.progress.tracks)).toBeNull();
  expect(hasVideo(sound)).toBe(false);
  expect(hasVideo(assetWith({ progress: { percent: 0, tracks: [track('video-360', 360)] } }))).toBe(true);
});

test('a failure is told in the words of the server', () => {
  expect(stageSentence(assetWith({ state: 'failed', reason: 'The file is empty.' }))).toBe(
    'The file is empty.',
  );
  expect(stageSentence(assetWith({ state: 'failed', reason: null }))).not.toBe('');
});

test('transcoding says when it can be watched', () => {
  expect(stageSentence(assetWith({ state: 'transcoding', playable: true }))).toContain('watched already');
  expect(stageSentence(assetWith({ state: 'transcoding', playable: false }))).not.toContain('watched');
});
