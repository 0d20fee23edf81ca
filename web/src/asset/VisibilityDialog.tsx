import { useState } from 'react';
import { updateAsset } from '../api/calls';
import type { Asset } from '../api/types';
import { rememberAssets } from '../catalogue/assets';
import { VISIBILITY_WORDS } from '../catalogue/words';
import { Dialog } from '../ui/Dialog';
import { Form } from '../ui/Form';
import { toast } from '../ui/toasts';
import { VisibilityChoices } from './VisibilityChoices';

export function VisibilityDialog({ asset, onClose }: { asset: Asset; onClose: () => void }) {
  const [chosen, setChosen] = useState(asset.visibility);
  const save = async () => {
    rememberAssets([await updateAsset(asset.id, { visibility: chosen })]);
    toast(`“${asset.title}” is ${VISIBILITY_WORDS[chosen].label.toLowerCase()} now.`, 'good');
    onClose();
  };
  return (
    <Dialog title="Who may watch this?" onClose={onClose} testId="visibility-dialog">
      <Form action="Save" work={save} disabled={chosen === asset.visibility} onCancel={onClose}>
        <VisibilityChoices legend="Visibility" chosen={chosen} onChoose={setChosen} />
      </Form>
    </Dialog>
  );
}
