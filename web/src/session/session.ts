import { createSession, deleteSession, endAllSessions, getSession, type Credentials } from '../api/calls';
import { Problem } from '../api/problem';
import { whenUnauthorised } from '../api/request';
import type { Role, Session } from '../api/types';
import { forgetAllAssets } from '../catalogue/assets';
import { forgetListing } from '../library/useListing';
import { createStore, useStore } from '../state/store';
import { abandonTransfers } from '../upload/queue';

export type SessionState =
  { status: 'checking' } | { status: 'out' } | { status: 'unreachable' } | { status: 'in'; session: Session };

const ROLES: readonly Role[] = ['viewer', 'creator', 'admin', 'owner'];

export const sessionStore = createStore<SessionState>({ status: 'checking' });

whenUnauthorised(endSession);

function endSession(): void {
  forgetAllAssets();
  forgetListing();
  sessionStore.set(() => ({ status: 'out' }));
}

export async function checkSession(): Promise<void> {
  try {
    const session = await getSession();
    sessionStore.set(() => ({ status: 'in', session }));
  } catch (error) {
    const out = error instanceof Problem && error.status === 401;
    sessionStore.set(() => ({ status: out ? 'out' : 'unreachable' }));
  }
}

/** Asks whether the session still lives; only a clear no ends it. */
export function verifySession(): void {
  getSession().catch(() => undefined);
}

/** Exchanges a password or an API key for a session cookie. Throws `Problem`; 401 is a wrong one. */
export async function signIn(credentials: Credentials): Promise<void> {
  await createSession(credentials);
  await checkSession();
}

export async function signOut(): Promise<void> {
  await deleteSession();
  abandonTransfers();
  endSession();
}

/** Ends every session of the person or key, this one included. */
export async function signOutEverywhere(): Promise<void> {
  await endAllSessions();
  abandonTransfers();
  endSession();
}

export const useSession = (): SessionState => useStore(sessionStore, (state) => state);

/** Whether the signed-in role is at least this one. */
const atLeast = (state: SessionState, role: Role): boolean =>
  state.status === 'in' && ROLES.indexOf(state.session.role) >= ROLES.indexOf(role);

export const mayCreate = (state: SessionState): boolean => atLeast(state, 'creator');
export const mayAdminister = (state: SessionState): boolean => atLeast(state, 'admin');

/** The roles that somebody of a role may hand out. */
export const rolesUpTo = (role: Role): readonly Role[] => ROLES.slice(0, ROLES.indexOf(role) + 1);
