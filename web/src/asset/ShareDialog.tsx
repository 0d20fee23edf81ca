import type { Asset } from '../api/types';
import { Dialog } from '../ui/Dialog';
import { SharePanel } from './SharePanel';

export function ShareDialog({ asset, onClose }: { asset: Asset; onClose: () => void }) {
  return (
    <Dialog title={`Share “${asset.title}”`} onClose={onClose} width="wide" testId="share-dialog">
      <SharePanel asset={asset} />
    </Dialog>
  );
}
