import { reasonOf } from '../api/problem';
import type { Session } from '../api/types';
import { signOut } from '../session/session';
import { navigate } from '../state/router';
import { Icon } from '../ui/Icon';
import { Menu, MenuItem } from '../ui/Menu';
import { toast } from '../ui/toasts';

const ROLE_LABELS: Record<Session['role'], string> = {
  viewer: 'Viewer',
  creator: 'Creator',
  admin: 'Administrator',
  owner: 'Owner',
};

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
      title={`Signed in as ${ROLE_LABELS[session.role].toLowerCase()}`}
      button={<Icon name="key" />}
      testId="account-menu"
    >
      <MenuItem icon="signOut" onSelect={() => void leave()}>
        Sign out
      </MenuItem>
    </Menu>
  );
}
