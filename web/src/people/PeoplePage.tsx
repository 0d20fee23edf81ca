import '../styles/people.css';
import type { Session } from '../api/types';
import { rolesUpTo } from '../session/session';
import { usePageTitle } from '../ui/usePageTitle';
import { KeysSection } from './KeysSection';
import { UsersSection } from './UsersSection';

/** People and keys of the tenant, for administrators. */
export default function PeoplePage({ session }: { session: Session }) {
  usePageTitle('People and keys');
  const roles = rolesUpTo(session.role);
  return (
    <div className="page people">
      <div>
        <h1 className="page-title">People and keys</h1>
        <p className="soft">Who may come to {session.tenant.name}, and what they may do there.</p>
      </div>
      <UsersSection roles={roles} />
      <KeysSection roles={roles} />
    </div>
  );
}
