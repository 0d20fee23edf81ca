import { expect, test } from 'vitest';
import { nextPath } from './nextPath';

test.each([
  ['?next=%2Fwatch%2Fabc', '/watch/abc'],
  ['', '/'],
  ['?next=https%3A%2F%2Fevil.example', '/'],
  ['?next=%2F%2Fevil.example', '/'],
  ['?next=%2F%5Cevil.example', '/'],
])('after signing in with %s one goes to %s', (search, path) => {
  expect(nextPath(search)).toBe(path);
});
