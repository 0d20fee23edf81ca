import { expect, test } from 'vitest';
import { Problem, problemText, reasonOf } from './problem';

test.each([
  ['{"title":"Not found","detail":"No such asset."}', 'No such asset.'],
  ['{"title":"Not found"}', 'Not found'],
  ['{}', 'The server answered with status 502.'],
  ['<html>bad gateway</html>', 'The server answered with status 502.'],
  ['null', 'The server answered with status 502.'],
  ['', 'The server answered with status 502.'],
])('the body %s reads as "%s"', (body, text) => {
  expect(problemText(502, body)).toBe(text);
});

test('a refused answer becomes a problem with its status', async () => {
  const problem = await Problem.of(new Response('{"detail":"Too long."}', { status: 413 }));
  expect([problem.status, problem.message]).toEqual([413, 'Too long.']);
});

test('anything thrown has words', () => {
  expect(reasonOf(Problem.unreachable())).toContain('cannot be reached');
  expect(reasonOf(new Error('Broken.'))).toBe('Broken.');
  expect(reasonOf('odd')).not.toBe('');
});
