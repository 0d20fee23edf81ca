import { expect, test } from 'vitest';
import { keepPosition, parsePositions, type Positions } from './resume';

test('a position in the middle is kept', () => {
  expect(keepPosition({}, 'a', 42, 100, 7)).toEqual({ a: { seconds: 42, atMs: 7 } });
});

test.each([
  ['at the start', 5],
  ['in the credits', 98],
])('a position %s is forgotten', (_, seconds) => {
  const before: Positions = { a: { seconds: 42, atMs: 1 }, b: { seconds: 50, atMs: 2 } };
  expect(keepPosition(before, 'a', seconds, 100, 7)).toEqual({ b: { seconds: 50, atMs: 2 } });
});

test('a hundred films are kept, the oldest goes first', () => {
  let positions: Positions = {};
  for (let film = 0; film < 150; film += 1) positions = keepPosition(positions, `film${film}`, 42, 100, film);
  expect(Object.keys(positions)).toHaveLength(100);
  expect(positions.film49).toBeUndefined();
  expect(positions.film50).toBeDefined();
});

test.each([null, '', 'rubbish', '[]', '3', 'null', '{"a":{"seconds":"4"}}', '{"a":null}'])(
  'stored %s reads as nothing',
  (stored) => {
    expect(parsePositions(stored)).toEqual({});
  },
);

test('what was stored is read back', () => {
  const positions = keepPosition({}, 'a', 42, 100, 7);
  expect(parsePositions(JSON.stringify(positions))).toEqual(positions);
});
