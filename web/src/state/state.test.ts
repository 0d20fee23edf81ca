import { expect, test, vi } from 'vitest';
import { routeOf } from './router';
import { createStore } from './store';
import { parseTheme } from './theme';

test.each([
  ['/', { page: 'library' }],
  ['/upload', { page: 'upload' }],
  ['/upload/', { page: 'upload' }],
  ['/signin', { page: 'signin' }],
  ['/people', { page: 'people' }],
  ['/setup/nu_a-b', { page: 'setup', secret: 'nu_a-b' }],
  ['/setup', { page: 'missing' }],
  ['/operations', { page: 'operations' }],
  ['/watch/01JX-y_Z', { page: 'watch', id: '01JX-y_Z' }],
  ['/embed/01J', { page: 'embed', id: '01J' }],
  ['/watch/live/01JX', { page: 'live', id: '01JX' }],
  ['/watch/live/', { page: 'watch', id: 'live' }],
  ['/watch/live/a/b', { page: 'missing' }],
  ['/channels', { page: 'channels' }],
  ['/channels/01JX', { page: 'room', id: '01JX' }],
  ['/channels/a/b', { page: 'missing' }],
  ['/watch', { page: 'missing' }],
  ['/watch/', { page: 'missing' }],
  ['/watch/a/b', { page: 'missing' }],
  ['/watch/%2e%2e', { page: 'missing' }],
  ['/upload/x', { page: 'missing' }],
  ['/nowhere', { page: 'missing' }],
])('%s is routed', (path, route) => {
  expect(routeOf(path)).toEqual(route);
});

test('a store tells of changes only', () => {
  const store = createStore(1);
  const listener = vi.fn();
  const stop = store.subscribe(listener);
  store.set((value) => value);
  expect(listener).not.toHaveBeenCalled();
  store.set((value) => value + 1);
  expect(listener).toHaveBeenCalledOnce();
  stop();
  store.set((value) => value + 1);
  expect(listener).toHaveBeenCalledOnce();
  expect(store.get()).toBe(3);
});

test('an unknown theme is that of the system', () => {
  expect([parseTheme('dark'), parseTheme('sepia'), parseTheme(null)]).toEqual(['dark', 'system', 'system']);
});
