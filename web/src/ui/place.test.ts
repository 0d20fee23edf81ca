import { expect, test } from 'vitest';
import { placement } from './place';

const view = { width: 400, height: 600 };
const size = { width: 200, height: 150 };
const opener = (top: number, right = 300) => ({ top, bottom: top + 40, right });

test('a pop-up opens on the wanted side where there is room', () => {
  expect(placement(opener(100), size, view, 'below')).toEqual({ left: 100, top: 146 });
  expect(placement(opener(300), size, view, 'above')).toEqual({ left: 100, top: 144 });
});

test('it takes the other side when only that has room', () => {
  expect(placement(opener(500), size, view, 'below').top).toBe(344);
  expect(placement(opener(20), size, view, 'above').top).toBe(66);
});

test('it stays within the window', () => {
  expect(placement(opener(100, 60), size, view, 'below').left).toBe(8);
  expect(placement(opener(100, 420), size, view, 'below').left).toBe(192);
  expect(placement(opener(280), { width: 200, height: 580 }, view, 'below').top).toBe(12);
});
