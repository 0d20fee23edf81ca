import { expect, test } from 'vitest';
import { mergeWatch, pageLinks } from '../watch/watching';
import type { Watch } from '../api/types';
import { embedCode, linkAt, startSeconds, withToken } from './share';
import { waveHeights } from './wave';

test('a link may name a moment', () => {
  expect(linkAt('https://n.example/watch/a', 83.9)).toBe('https://n.example/watch/a?t=83');
  expect(linkAt('https://n.example/watch/a?token=x', 83)).toBe('https://n.example/watch/a?token=x&t=83');
  expect(linkAt('https://n.example/watch/a', null)).toBe('https://n.example/watch/a');
  expect(linkAt('https://n.example/watch/a', 0.5)).toBe('https://n.example/watch/a');
});

test.each([
  ['?t=83', 83],
  ['?t=83s', 83],
  ['?t=1.5', 1.5],
  ['?t=-3', null],
  ['?t=abc', null],
  ['', null],
])('the search %s starts at %s', (search, seconds) => {
  expect(startSeconds(search)).toBe(seconds);
});

test('a token is added to a frame’s address', () => {
  expect(withToken('https://n.example/embed/a', 'x.y')).toBe('https://n.example/embed/a?token=x.y');
});

test('a title cannot break out of the embed code', () => {
  const code = embedCode('https://n.example/embed/a?t=1&u=2', '"><script>alert(1)</script>', true);
  expect(code).not.toContain('<script>');
  expect(code).toContain('title="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"');
  expect(code).toContain('src="https://n.example/embed/a?t=1&amp;u=2"');
});

const watch = (change: Partial<Watch>): Watch => ({
  id: 'a',
  title: 'Film',
  state: 'ready',
  duration_ms: 1_000,
  hls: '/p/1/hls.m3u8',
  dash: '/p/1/dash.mpd',
  poster: null,
  thumbs: null,
  live: false,
  ...change,
});

test('a newer answer does not change the address that plays', () => {
  const merged = mergeWatch(
    watch({ state: 'transcoding' }),
    watch({ hls: '/p/2/hls.m3u8', poster: '/p/2/poster.jpg' }),
  );
  expect(merged).toMatchObject({ state: 'ready', hls: '/p/1/hls.m3u8', poster: '/p/2/poster.jpg' });
});

test('the first address is taken', () => {
  expect(mergeWatch(watch({ hls: null }), watch({})).hls).toBe('/p/1/hls.m3u8');
  expect(mergeWatch(null, watch({})).hls).toBe('/p/1/hls.m3u8');
  expect(mergeWatch(watch({ id: 'other' }), watch({ hls: '/new' })).hls).toBe('/new');
});

test('a viewer shares the page they are on, with its token', () => {
  expect(pageLinks(watch({}), 'https://n.example', 'x')).toMatchObject({
    watch: 'https://n.example/watch/a?token=x',
    embed: 'https://n.example/embed/a?token=x',
  });
});

test('the picture of a sound is its own and stays within the frame', () => {
  expect(waveHeights('a')).toEqual(waveHeights('a'));
  expect(waveHeights('a')).not.toEqual(waveHeights('b'));
  expect(waveHeights('a').every((height) => height > 0 && height <= 1)).toBe(true);
});
