import { useState } from 'react';
import { updateAsset } from '../api/calls';
import type { Asset } from '../api/types';
import { rememberAssets } from '../catalogue/assets';
import { VISIBILITY_WORDS } from '../catalogue/words';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { FormError } from '../ui/FormError';
import { toast } from '../ui/toasts';
import { useAction } from '../ui/useAction';
import { VisibilityChoices } from './VisibilityChoices';

export function VisibilityDialog({ asset, onClose }: { asset: Asset; onClose: () => void }) {
  const [chosen, setChosen] = useState(asset.visibility);
  const { busy, error, run } = useAction();
  const save = () =>
    run(async () => {
      rememberAssets([await updateAsset(asset.id, { visibility: chosen })]);
      toast(`“${asset.title}” is ${VISIBILITY_WORDS[chosen].label.toLowerCase()} now.`, 'good');
      onClose();
    });
  return (
    <Dialog title="Who may watch this?" onClose={onClose} testId="visibility-dialog">
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <VisibilityChoices legend="Visibility" chosen={chosen} onChoose={setChosen} />
        <FormError text={error} />
        <div className="form-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={chosen === asset.visibility}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
