import { reasonOf } from '../api/problem';
import type { Session } from '../api/types';
import { ROLE_LABELS } from '../people/words';
import { mayAdminister, signOut } from '../session/session';
import { navigate } from '../state/router';
import { Icon } from '../ui/Icon';
import { Menu, MenuItem } from '../ui/Menu';
import { toast } from '../ui/toasts';

async function leave(): Promise<void> {
  try {
    await signOut();
    if (!location.pathname.startsWith('/watch/')) navigate('/');
  } catch (error) {
    toast(reasonOf(error), 'bad');
  }
}

export function AccountMenu({ session }: { session: Session }) {
  return (
    <Menu
      label="Account"
      title={`${session.name}, ${ROLE_LABELS[session.role].toLowerCase()}`}
      button={<Icon name={session.user === null ? 'key' : 'person'} />}
      testId="account-menu"
    >
      <MenuItem icon={session.user === null ? 'key' : 'person'} onSelect={() => navigate('/account')}>
        Account
      </MenuItem>
      <MenuItem icon="broadcast" onSelect={() => navigate('/channels')}>
        Channels
      </MenuItem>
      {mayAdminister({ status: 'in', session }) && (
        <>
          <MenuItem icon="people" onSelect={() => navigate('/people')}>
            People and keys
          </MenuItem>
          <MenuItem icon="list" onSelect={() => navigate('/audit')}>
            Audit log
          </MenuItem>
          <MenuItem icon="link" onSelect={() => navigate('/webhooks')}>
            Webhooks
          </MenuItem>
          <MenuItem icon="speed" onSelect={() => navigate('/operations')}>
            Operations
          </MenuItem>
        </>
      )}
      <MenuItem icon="signOut" onSelect={() => void leave()}>
        Sign out
      </MenuItem>
    </Menu>
  );
}
