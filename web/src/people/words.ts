import type { ApiKey, AuditEntry, Role, Scope } from '../api/types';

export const ROLE_LABELS: Record<Role, string> = {
  viewer: 'Viewer',
  creator: 'Creator',
  admin: 'Administrator',
  owner: 'Owner',
};

export const ROLE_WORDS: Record<Role, string> = {
  viewer: 'Watches what is here.',
  creator: 'Uploads, edits and deletes films.',
  admin: 'Also looks after people, keys and records.',
  owner: 'May do everything, and name other owners.',
};

export const SCOPE_WORDS: Record<Scope, string> = {
  read: 'Look at the library',
  upload: 'Bring in files',
  manage: 'Change and delete',
};

/** The shortest password that the server takes, in characters. */
export const PASSWORD_CHARS_MIN = 8;

/** Why two typed passwords cannot be sent, or null. */
export function passwordProblem(password: string, again: string): string | null {
  if (Array.from(password).length < PASSWORD_CHARS_MIN) {
    return `At least ${PASSWORD_CHARS_MIN} characters are needed.`;
  }
  return password === again ? null : 'The two passwords differ.';
}

export type KeyState = 'active' | 'expired' | 'revoked';

export function keyState(key: ApiKey, nowMs: number): KeyState {
  if (key.revoked_ms !== null) return 'revoked';
  return key.expires_ms !== null && key.expires_ms <= nowMs ? 'expired' : 'active';
}

export const scopesText = (scopes: readonly Scope[] | null): string =>
  scopes === null ? 'Everything' : scopes.map((scope) => SCOPE_WORDS[scope]).join(', ');

const ACTIONS: Record<string, string> = {
  'sign-in': 'signed in',
  'sign-in-refused': 'was refused',
  'signed-out-everywhere': 'signed out everywhere',
  'set-up': 'set up the server',
  'user-created': 'added a person',
  'user-role-changed': 'changed a role',
  'user-disabled': 'disabled a person',
  'user-enabled': 'enabled a person',
  'password-changed': 'changed their password',
  'password-reset': 'reset a password',
  'key-created': 'made a key',
  'key-revoked': 'revoked a key',
  'asset-deleted': 'deleted a film',
};

/** What was done, in words; an action that this page does not know yet reads as its name. */
export const actionText = (entry: AuditEntry): string => ACTIONS[entry.action] ?? entry.action;
