import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { assetWith } from '../testing/asset';
import { openFeed, readEvent, retryDelayMs } from './feed';

test('events are read by kind', () => {
  const asset = assetWith({});
  expect(readEvent('asset.ready', JSON.stringify(asset))).toEqual({ kind: 'asset.ready', asset });
  expect(readEvent('asset.deleted', '{"asset":"a1"}')).toEqual({ kind: 'asset.deleted', id: 'a1' });
  expect(readEvent('asset.progress', '{"asset":"a1","percent":5,"tracks":[]}')).toEqual({
    kind: 'asset.progress',
    progress: { asset: 'a1', percent: 5, tracks: [] },
  });
});

test.each([
  ['asset.ready', 'not json'],
  ['asset.ready', 'null'],
  ['asset.ready', '{"asset":"a1"}'],
  ['asset.deleted', '{}'],
  ['asset.unheard', '{"id":"a1"}'],
])('%s with %s is left out', (kind, data) => {
  expect(readEvent(kind, data)).toBeNull();
});

test('waiting doubles up to half a minute', () => {
  expect([1, 2, 3, 5, 6, 60].map(retryDelayMs)).toEqual([1_000, 2_000, 4_000, 16_000, 30_000, 30_000]);
});

/** The browser's EventSource as far as the feed uses it, driven by hand. */
class ScriptedSource extends EventTarget {
  static readonly CLOSED = 2;
  static opened: ScriptedSource[] = [];
  readyState = 0;
  constructor() {
    super();
    ScriptedSource.opened.push(this);
  }
  open() {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }
  fail(readyState: number) {
    this.readyState = readyState;
    this.dispatchEvent(new Event('error'));
  }
  close() {
    this.readyState = ScriptedSource.CLOSED;
  }
}

beforeEach(() => {
  ScriptedSource.opened = [];
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', ScriptedSource);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const listener = () => ({ onEvent: vi.fn(), onGap: vi.fn(), onConnected: vi.fn(), onRefused: vi.fn() });
const source = (at: number): ScriptedSource => {
  const opened = ScriptedSource.opened[at];
  if (!opened) throw new Error(`source ${at} was not opened`);
  return opened;
};

test('a refused stream is opened again, and the gap is told', () => {
  const heard = listener();
  openFeed('/events', heard);
  source(0).open();
  expect(heard.onGap).not.toHaveBeenCalled();
  source(0).fail(ScriptedSource.CLOSED);
  expect(heard.onRefused).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(999);
  expect(ScriptedSource.opened).toHaveLength(1);
  vi.advanceTimersByTime(1);
  source(1).open();
  expect(heard.onGap).toHaveBeenCalledOnce();
});

test('a stream that the browser itself reconnects is left to it', () => {
  const heard = listener();
  openFeed('/events', heard);
  source(0).open();
  source(0).fail(0);
  vi.advanceTimersByTime(60_000);
  expect(ScriptedSource.opened).toHaveLength(1);
  expect(heard.onConnected).toHaveBeenLastCalledWith(false);
});

test('a closed feed opens nothing any more', () => {
  const close = openFeed('/events', listener());
  source(0).fail(ScriptedSource.CLOSED);
  close();
  vi.advanceTimersByTime(60_000);
  expect(ScriptedSource.opened).toHaveLength(1);
});

test('events reach the listener', () => {
  const heard = listener();
  openFeed('/events', heard);
  source(0).dispatchEvent(new MessageEvent('asset.deleted', { data: '{"asset":"a1"}' }));
  expect(heard.onEvent).toHaveBeenCalledExactlyOnceWith({ kind: 'asset.deleted', id: 'a1' });
});
