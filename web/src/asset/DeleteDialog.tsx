import { deleteAsset } from '../api/calls';
import type { Asset } from '../api/types';
import { receive } from '../catalogue/assets';
import { ConfirmDialog } from '../ui/ConfirmDialog';
import { toast } from '../ui/toasts';
import { useAction } from '../ui/useAction';

interface DeleteDialogProps {
  asset: Asset;
  onClose: () => void;
  onDeleted?: (() => void) | undefined;
}

export function DeleteDialog({ asset, onClose, onDeleted }: DeleteDialogProps) {
  const { busy, error, run } = useAction();
  const confirm = () =>
    run(async () => {
      await deleteAsset(asset.id);
      onClose();
      onDeleted?.();
      receive({ kind: 'asset.deleted', id: asset.id });
      toast(`“${asset.title}” was deleted.`);
    });
  return (
    <ConfirmDialog
      title="Delete for good?"
      text={`“${asset.title}”, its source file and everything made from it are deleted. Links to it stop working.`}
      action="Delete"
      busy={busy}
      error={error}
      onConfirm={confirm}
      onClose={onClose}
    />
  );
}
