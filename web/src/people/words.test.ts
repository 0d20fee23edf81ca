import { expect, test } from 'vitest';
import type { ApiKey, AuditEntry } from '../api/types';
import { actionText, keyState, passwordProblem, scopesText } from './words';

const key: ApiKey = {
  id: '01j',
  name: 'suite',
  role: 'creator',
  scopes: null,
  created_ms: 0,
  expires_ms: null,
  last_used_ms: null,
  revoked_ms: null,
};

test('a key is active until it expires or is revoked', () => {
  expect(keyState(key, 10)).toBe('active');
  expect(keyState({ ...key, expires_ms: 11 }, 10)).toBe('active');
  expect(keyState({ ...key, expires_ms: 10 }, 10)).toBe('expired');
  expect(keyState({ ...key, expires_ms: 10, revoked_ms: 5 }, 20)).toBe('revoked');
});

test('scopes read as what they allow', () => {
  expect(scopesText(null)).toBe('Everything');
  expect(scopesText(['read', 'upload'])).toBe('Look at the library, Bring in files');
});

test.each([
  ['short', 'short', 'At least 8 characters are needed.'],
  ['1234567é', '1234567é', null],
  ['long enough', 'long enoufh', 'The two passwords differ.'],
])('the passwords %s and %s', (password, again, problem) => {
  expect(passwordProblem(password, again)).toBe(problem);
});

test('an action of a newer server is shown by its name', () => {
  const entry = { action: 'asset-deleted' } as AuditEntry;
  expect(actionText(entry)).toBe('deleted a film');
  expect(actionText({ ...entry, action: 'asset-polished' })).toBe('asset-polished');
});
