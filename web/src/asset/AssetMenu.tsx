import { useState } from 'react';
import type { Asset } from '../api/types';
import { mayCreate, useSession } from '../session/session';
import { Icon } from '../ui/Icon';
import { Menu, MenuItem } from '../ui/Menu';
import { copyText } from '../ui/toasts';
import { DeleteDialog } from './DeleteDialog';
import { RenameDialog } from './RenameDialog';
import { ShareDialog } from './ShareDialog';
import { steerOf } from './steering';
import { VisibilityDialog } from './VisibilityDialog';

type Open = 'share' | 'rename' | 'visibility' | 'delete' | null;

/** What can be done with an asset; creators and above see the ways to change it. */
export function AssetMenu({ asset, onDeleted }: { asset: Asset; onDeleted?: () => void }) {
  const [open, setOpen] = useState<Open>(null);
  const editable = mayCreate(useSession());
  const steer = steerOf(asset);
  const close = () => setOpen(null);
  return (
    <>
      <Menu label={`Actions for ${asset.title}`} button={<Icon name="more" />} testId="asset-menu">
        {asset.visibility !== 'private' && (
          <MenuItem icon="link" onSelect={() => void copyText(asset.share, 'Link')}>
            Copy link
          </MenuItem>
        )}
        <MenuItem icon="share" onSelect={() => setOpen('share')}>
          Share and embed…
        </MenuItem>
        {editable && (
          <>
            <MenuItem icon="pencil" onSelect={() => setOpen('rename')}>
              Rename…
            </MenuItem>
            <MenuItem icon="eye" onSelect={() => setOpen('visibility')}>
              Visibility…
            </MenuItem>
            {steer && (
              <MenuItem icon={steer.icon} onSelect={() => void steer.run()}>
                {steer.label}
              </MenuItem>
            )}
            <MenuItem icon="trash" danger onSelect={() => setOpen('delete')}>
              Delete…
            </MenuItem>
          </>
        )}
      </Menu>
      {open === 'share' && <ShareDialog asset={asset} onClose={close} />}
      {open === 'rename' && <RenameDialog asset={asset} onClose={close} />}
      {open === 'visibility' && <VisibilityDialog asset={asset} onClose={close} />}
      {open === 'delete' && <DeleteDialog asset={asset} onClose={close} onDeleted={onDeleted} />}
    </>
  );
}
