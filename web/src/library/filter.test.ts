import { expect, test } from 'vitest';
import { filterOf, libraryPath } from './filter';

test.each([
  ['', '/'],
  ['?q=', '/'],
  ['?q=a+b', '/?q=a+b'],
  ['?state=ready&q=x', '/?q=x&state=ready'],
  ['?visibility=private', '/?visibility=private'],
  ['?state=nothing&visibility=all', '/'],
])('%s leads to %s', (search, path) => {
  expect(libraryPath(filterOf(search))).toBe(path);
});
